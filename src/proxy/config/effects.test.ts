import { expect, setDefaultTimeout, test } from 'bun:test';
import { reachableMessages } from '../../../tools/envoy-fields.ts';
import { bootstrap } from './schema/bootstrap.ts';
import type { Field, MessageSpec } from './schema/field.ts';
import { readCarriers } from './testing/effect-carriers.ts';
import { FieldEffects, isMessage, isTaken, valuesOf, type Words } from './testing/field-effects.ts';

setDefaultTimeout(30_000);

/** Where the values that all fields of a type are tried with are none of this one's. */
const words: Words = {
  'envoy.config.overload.v3.LoadShedPoint.name': ['envoy.load_shed_points.http1_server_abort_dispatch'],
  'envoy.config.overload.v3.OverloadAction.name': ['envoy.overload_actions.stop_accepting_connections'],
  'envoy.config.overload.v3.Trigger.name': ['envoy.resource_monitors.injected_resource'],
  'envoy.config.listener.v3.FilterChainMatch.transport_protocol': ['tls'],
  'envoy.extensions.filters.http.ratelimit.v3.RateLimit.request_type': ['internal'],
  'envoy.extensions.filters.http.router.v3.Router.strict_check_headers': [['x-envoy-max-retries']],
};

/** Taken, and of no effect in a bootstrap, whatever the value: docs/envoy-compat.md says why beside each. */
const ofNoEffect: Readonly<Record<string, string>> = {
  'envoy.config.accesslog.v3.AccessLog': 'name',
  'envoy.config.accesslog.v3.RuntimeFilter': 'runtime_key',
  'envoy.config.bootstrap.v3.Admin': 'access_log_path profile_path',
  'envoy.config.bootstrap.v3.Bootstrap': 'stats_flush_interval',
  'envoy.config.bootstrap.v3.RuntimeLayer': 'name',
  'envoy.config.cluster.v3.CircuitBreakers.Thresholds': 'track_remaining',
  'envoy.config.cluster.v3.Cluster': 'per_connection_buffer_limit_bytes',
  'envoy.config.cluster.v3.Cluster.CommonLbConfig': 'update_merge_window',
  'envoy.config.cluster.v3.Cluster.TransportSocketMatch': 'name',
  'envoy.config.core.v3.ApiConfigSource': 'set_node_on_first_message_only',
  'envoy.config.core.v3.ConfigSource': 'resource_api_version',
  'envoy.config.core.v3.DnsResolutionConfig': 'dns_resolver_options',
  'envoy.config.core.v3.DnsResolverOptions': 'no_default_search_domain',
  'envoy.config.core.v3.Http1ProtocolOptions': 'enable_trailers use_balsa_parser',
  'envoy.config.core.v3.Http2ProtocolOptions': 'use_oghttp2_codec',
  'envoy.config.core.v3.Metadata': 'typed_filter_metadata',
  'envoy.config.core.v3.Node': 'user_agent_name',
  'envoy.config.core.v3.RuntimeDouble': 'runtime_key',
  'envoy.config.core.v3.RuntimeFeatureFlag': 'runtime_key',
  'envoy.config.core.v3.RuntimeFractionalPercent': 'runtime_key',
  'envoy.config.core.v3.RuntimeUInt32': 'runtime_key',
  'envoy.config.core.v3.SocketOption': 'description',
  'envoy.config.core.v3.TransportSocket': 'name',
  'envoy.config.core.v3.TypedExtensionConfig': 'name',
  'envoy.config.core.v3.WatchedDirectory': 'path',
  'envoy.config.endpoint.v3.ClusterLoadAssignment': 'cluster_name',
  'envoy.config.listener.v3.Filter': 'name',
  'envoy.config.listener.v3.Listener': 'enable_reuse_port max_connections_to_accept_per_socket_event',
  'envoy.config.listener.v3.ListenerFilter': 'name',
  'envoy.config.ratelimit.v3.RateLimitServiceConfig': 'transport_api_version',
  'envoy.config.route.v3.HedgePolicy': 'initial_requests',
  'envoy.config.route.v3.RateLimit': 'disable_key',
  'envoy.config.route.v3.RetryPolicy': 'host_selection_retry_max_attempts',
  'envoy.config.route.v3.RetryPolicy.RetryHostPredicate': 'name',
  'envoy.config.route.v3.RetryPolicy.RetryPriority': 'name',
  'envoy.config.route.v3.RouteConfiguration': 'metadata name',
  'envoy.config.route.v3.Vhds': 'config_source',
  'envoy.config.route.v3.WeightedCluster': 'runtime_key_prefix total_weight',
  'envoy.config.trace.v3.Tracing.Http': 'name',
  'envoy.extensions.access_loggers.grpc.v3.CommonGrpcAccessLogConfig': 'transport_api_version',
  'envoy.extensions.compression.brotli.compressor.v3.Brotli': 'chunk_size',
  'envoy.extensions.compression.brotli.decompressor.v3.Brotli': 'chunk_size disable_ring_buffer_reallocation',
  'envoy.extensions.compression.gzip.compressor.v3.Gzip': 'chunk_size',
  'envoy.extensions.compression.gzip.decompressor.v3.Gzip': 'chunk_size window_bits',
  'envoy.extensions.compression.zstd.compressor.v3.Zstd': 'chunk_size',
  'envoy.extensions.compression.zstd.decompressor.v3.Zstd': 'chunk_size',
  'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz': 'transport_api_version',
  'envoy.extensions.filters.http.fault.v3.HTTPFault':
    'abort_grpc_status_runtime abort_http_status_runtime abort_percent_runtime delay_duration_runtime delay_percent_runtime disable_downstream_cluster_stats max_active_faults_runtime response_rate_limit_percent_runtime',
  'envoy.extensions.filters.http.jwt_authn.v3.JwksAsyncFetch': 'fast_listener',
  'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol': 'stat_prefix',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.ProxyStatusConfig':
    'remove_connection_termination_details',
  'envoy.extensions.filters.network.rbac.v3.RBAC': 'enforcement_type',
  'envoy.extensions.http.header_formatters.preserve_case.v3.PreserveCaseFormatterConfig':
    'forward_reason_phrase',
  'envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash': 'hash_function',
  'envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig':
    'dns_resolver_options udp_max_queries',
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': 'disable_stateful_session_resumption',
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': 'enforce_rsa_key_usage',
  'envoy.type.matcher.v3.RegexMatcher': 'google_re2',
};

/** What they decide is what else is refused. */
const ofRefusals: Readonly<Record<string, string>> = {
  'envoy.config.route.v3.FilterConfig': 'is_optional',
  'envoy.config.route.v3.RouteConfiguration': 'max_direct_response_body_size_bytes',
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter': 'is_optional',
  'envoy.type.matcher.v3.RegexMatcher.GoogleRE2': 'max_program_size',
};

const specs = reachableMessages(bootstrap);
const effects = new FieldEffects(words);
for (const document of readCarriers([...specs.keys()])) effects.try(document);

/** A switch or a word that is taken in one value alone: whoever sets another is told so. */
function isFixed(field: Field<unknown>): boolean {
  const check = field.check as ((value: unknown) => string | null) | null;
  const { kind } = field.type;
  const chosen = kind === 'enum' || kind === 'bool' || (kind === 'wrapped' && field.type.of === 'bool');
  return chosen && check !== null && valuesOf(field).filter((value) => check(value) === null).length === 1;
}

/** A message that may not be missing is one that is read; what its own fields do is shown by them. */
function isSilent(spec: MessageSpec, name: string, field: Field<unknown>): boolean {
  if (effects.hears(spec, name) || isFixed(field)) return false;
  return !(isMessage(field) && effects.refuses(spec, name));
}

/** Names of the fields of `message` for which `wanted` holds. */
function fieldsWhere(
  message: string,
  wanted: (spec: MessageSpec, name: string, field: Field<unknown>) => boolean,
): string[] {
  const names = (specs.get(message) ?? []).flatMap((spec) =>
    Object.entries(spec.fields).flatMap(([name, field]) =>
      isTaken(field) && wanted(spec, name, field) ? [name] : [],
    ),
  );
  return [...new Set(names)].sort();
}

/** Where several tables share a name, a message within is shown by one of them, and a value by each. */
const isSilentEverywhere = (spec: MessageSpec, name: string, field: Field<unknown>) =>
  isMessage(field)
    ? (specs.get(spec.name) ?? []).every((other) => {
        const same = other.fields[name];
        return same === undefined || isSilent(other, name, same);
      })
    : isSilent(spec, name, field);

const listed = (table: Readonly<Record<string, string>>, message: string) =>
  (table[message] ?? '').split(' ').filter((name) => name !== '');

test.each([...specs.keys()])('each field of %s changes the configuration', (message) => {
  const silent = fieldsWhere(message, isSilentEverywhere);
  expect(silent).toEqual([...listed(ofNoEffect, message), ...listed(ofRefusals, message)].sort());
});

test('a field that decides what is refused does so', () => {
  for (const message of Object.keys(ofRefusals))
    expect(fieldsWhere(message, (spec, name) => effects.refuses(spec, name))).toEqual(
      expect.arrayContaining(listed(ofRefusals, message)),
    );
});

test('a field of no effect says why, where the documents print it', () => {
  for (const message of Object.keys(ofNoEffect)) {
    expect(specs.has(message) ? '' : message).toBe('');
    const unsaid = fieldsWhere(
      message,
      (_, name, { note }) => note === '' && listed(ofNoEffect, message).includes(name),
    );
    expect({ [message]: unsaid }).toEqual({ [message]: [] });
  }
});
