import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { reachableMessages } from '../../../tools/envoy-fields.ts';
import { bootstrap } from './schema/bootstrap.ts';
import { tryFields } from './testing/field-effects.ts';

const core = 'envoy.config.core.v3';
const cluster = 'envoy.config.cluster.v3';
const tls = 'envoy.extensions.transport_sockets.tls.v3';
const jwt = 'envoy.extensions.filters.http.jwt_authn.v3';
const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const weighed =
  'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin';
const compressor = 'envoy.extensions.filters.http.compressor.v3.Compressor';

/** Messages each of whose fields is changed; `testing/effects.yaml` carries them. */
const messages = [
  `${cluster}.Cluster`,
  `${cluster}.Cluster.RefreshRate`,
  `${cluster}.Cluster.SlowStartConfig`,
  `${cluster}.CircuitBreakers.Thresholds`,
  `${cluster}.CircuitBreakers.Thresholds.RetryBudget`,
  `${cluster}.OutlierDetection`,
  `${core}.HealthCheck`,
  `${core}.HealthCheck.GrpcHealthCheck`,
  `${core}.HealthCheck.HttpHealthCheck`,
  `${core}.HealthCheck.Payload`,
  `${core}.HealthCheck.TlsOptions`,
  `${core}.Http1ProtocolOptions`,
  `${core}.Http2ProtocolOptions`,
  weighed,
  manager,
  `${manager}.HcmAccessLogOptions`,
  'envoy.config.listener.v3.FilterChain',
  `${tls}.CertificateValidationContext`,
  `${tls}.CommonTlsContext`,
  `${tls}.DownstreamTlsContext`,
  `${tls}.SubjectAltNameMatcher`,
  `${tls}.TlsParameters`,
  `${tls}.UpstreamTlsContext`,
  compressor,
  `${compressor}.CommonDirectionConfig`,
  `${compressor}.ResponseDirectionConfig`,
  'envoy.extensions.compression.gzip.compressor.v3.Gzip',
  `${jwt}.JwtProvider`,
  `${jwt}.JwtHeader`,
  `${jwt}.JwtClaimToHeader`,
  `${jwt}.RemoteJwks`,
  `${jwt}.JwksAsyncFetch`,
];

/** Taken, and of no effect, or in one value alone: docs/envoy-compat.md says why beside each. */
const ofNoEffect = [
  `${cluster}.Cluster.per_connection_buffer_limit_bytes`,
  `${cluster}.Cluster.use_tcp_for_dns_lookups`,
  `${cluster}.CircuitBreakers.Thresholds.track_remaining`,
  `${core}.Http1ProtocolOptions.enable_trailers`,
  `${core}.Http1ProtocolOptions.use_balsa_parser`,
  `${core}.Http2ProtocolOptions.allow_metadata`,
  `${core}.Http2ProtocolOptions.override_stream_error_on_invalid_http_message`,
  `${core}.Http2ProtocolOptions.stream_error_on_invalid_http_messaging`,
  `${core}.Http2ProtocolOptions.use_oghttp2_codec`,
  `${tls}.CertificateValidationContext.allow_expired_certificate`,
  `${tls}.DownstreamTlsContext.disable_stateful_session_resumption`,
  `${tls}.DownstreamTlsContext.ocsp_staple_policy`,
  `${tls}.UpstreamTlsContext.allow_renegotiation`,
  `${tls}.UpstreamTlsContext.enforce_rsa_key_usage`,
  'envoy.extensions.compression.gzip.compressor.v3.Gzip.chunk_size',
  `${weighed}.enable_oob_load_report`,
  `${jwt}.JwksAsyncFetch.fast_listener`,
];

const specs = reachableMessages(bootstrap);

function fieldsOf(message: string) {
  return (specs.get(message) ?? []).flatMap((spec) => Object.entries(spec.fields));
}

/** A message within is shown by its own fields. */
const isLeaf = (kind: string) => !['refused', 'ignored', 'message', 'any'].includes(kind);

const text = readFileSync(join(import.meta.dir, 'testing/effects.yaml'), 'utf8');
const results = (Bun.YAML.parse(text) as Record<string, unknown>[]).map((document) =>
  tryFields(document, new Set(messages)),
);
const heard = new Set(results.flatMap((result) => [...result.heard]));

test.each(messages)('each field of %s changes the configuration', (message) => {
  const leaves = fieldsOf(message)
    .filter(([, field]) => isLeaf(field.type.kind))
    .map(([name]) => `${message}.${name}`);
  expect(leaves).not.toEqual([]);
  const silent = [...new Set(leaves)].filter((field) => !heard.has(field)).sort();
  expect(silent).toEqual(ofNoEffect.filter((field) => leaves.includes(field)).sort());
});

test('a field of no effect says why, where the documents print it', () => {
  const unsaid = ofNoEffect.filter((field) => {
    const dot = field.lastIndexOf('.');
    return !fieldsOf(field.slice(0, dot)).some(
      ([name, { note }]) => name === field.slice(dot + 1) && note !== '',
    );
  });
  expect(unsaid).toEqual([]);
});
