// HealthCheck to ActiveHealthConfig, with Envoy's defaults.

import type { HealthTiming } from '../../../policy/index.ts';
import type { ActiveHealthConfig, HttpProbeConfig, ProbeConfig, StatusRange } from '../health-types.ts';
import {
  type cluster,
  type Faults,
  healthEventFileSink,
  join,
  type MessageOf,
  unpack,
} from '../schema/index.ts';
import type { UpstreamTlsConfig } from '../tls-types.ts';
import type { ClusterConfig } from '../types.ts';
import { translateAdditions } from './header-edits.ts';
import { translateString } from './string-match.ts';

type ClusterMessage = MessageOf<typeof cluster>;
type CheckMessage = ClusterMessage['health_checks'][number];
type HttpMessage = NonNullable<CheckMessage['http_health_check']>;
type Payload = NonNullable<HttpMessage['receive']>[number];

const noTrafficMs = 60_000;
const bodyBytes = 1024;
const bodyBytesMax = 1024 * 1024;

export function translateHealthCheck(
  message: ClusterMessage,
  { tls, transportMatches }: Pick<ClusterConfig, 'tls' | 'transportMatches'>,
  path: string,
  faults: Faults,
): ActiveHealthConfig | null {
  const [check, ...others] = message.health_checks;
  if (check === undefined) return null;
  const at = join(path, 'health_checks');
  if (others.length > 0) faults.add(at, 'must be one at most, as in Envoy', message.health_checks.length);
  const first = `${at}[0]`;
  const alpn = check.tls_options?.alpn_protocols ?? [];
  const secured = tls !== null || transportMatches.some((match) => match.tls !== null);
  if (alpn.length > 0 && !secured)
    faults.add(join(first, 'tls_options'), 'needs a transport_socket with TLS');
  return {
    timing: translateTiming(check, first, faults),
    probe: translateProbe(check, first, faults),
    reuseConnection: check.reuse_connection ?? true,
    tls: translateCheckTls(message, tls),
    transportLabels: check.transport_socket_match_criteria ?? null,
    eventLog: translateEventLog(check, first, faults),
    logFailures: check.always_log_health_check_failures ?? false,
    logSuccesses: check.always_log_health_check_success ?? false,
    excludeNew: message.common_lb_config?.ignore_new_hosts_until_first_hc ?? false,
    keepRemoved: message.ignore_health_on_host_removal !== true,
  };
}

/** Of checks over a transport that is `tls` for requests. */
export function translateCheckTls(
  { health_checks: [check] }: ClusterMessage,
  tls: UpstreamTlsConfig | null,
): UpstreamTlsConfig | null {
  const alpn = check?.tls_options?.alpn_protocols ?? [];
  return tls === null || alpn.length === 0 ? tls : { ...tls, alpn };
}

function translateTiming(check: CheckMessage, path: string, faults: Faults): HealthTiming {
  for (const name of ['timeout', 'interval', 'unhealthy_threshold', 'healthy_threshold'] as const)
    if (check[name] === undefined) faults.add(join(path, name), 'must be set');
  const intervalMs = check.interval ?? 1_000;
  const unhealthyMs = check.unhealthy_interval ?? intervalMs;
  const quietMs = check.no_traffic_interval ?? noTrafficMs;
  return {
    timeoutMs: check.timeout ?? intervalMs,
    intervalMs,
    initialJitterMs: check.initial_jitter ?? 0,
    jitterMs: check.interval_jitter ?? 0,
    jitterPercent: check.interval_jitter_percent ?? 0,
    noTrafficMs: quietMs,
    noTrafficHealthyMs: check.no_traffic_healthy_interval ?? quietMs,
    unhealthyMs,
    unhealthyEdgeMs: check.unhealthy_edge_interval ?? unhealthyMs,
    healthyEdgeMs: check.healthy_edge_interval ?? intervalMs,
    unhealthyThreshold: check.unhealthy_threshold ?? 1,
    healthyThreshold: check.healthy_threshold ?? 1,
  };
}

function translateProbe(check: CheckMessage, path: string, faults: Faults): ProbeConfig {
  const { http_health_check: http, tcp_health_check: tcp, grpc_health_check: grpc } = check;
  if (http !== undefined) return translateHttp(http, join(path, 'http_health_check'), faults);
  if (grpc !== undefined) {
    const at = join(path, 'grpc_health_check.initial_metadata');
    return {
      kind: 'grpc',
      service: grpc.service_name ?? '',
      host: grpc.authority ?? '',
      fields: fieldsOf(grpc.initial_metadata, at, faults),
    };
  }
  if (tcp === undefined)
    faults.add(path, 'one of http_health_check, tcp_health_check, grpc_health_check must be set');
  const at = join(path, 'tcp_health_check');
  const proxy = tcp?.proxy_protocol_config;
  const send = tcp?.send === undefined ? '' : readPayload(tcp.send, join(at, 'send'), faults);
  return {
    kind: 'tcp',
    proxyHeader: proxy === undefined ? null : proxy.version === 'V2' ? 2 : 1,
    send: Uint8Array.from(Buffer.from(send, 'latin1')),
    receive: readPayloads(tcp?.receive ?? [], join(at, 'receive'), faults),
  };
}

function translateHttp(http: HttpMessage, path: string, faults: Faults): HttpProbeConfig {
  const method = http.method ?? 'GET';
  const ranges = (name: 'expected_statuses' | 'retriable_statuses') =>
    http[name].map(({ start = 0, end = 0 }, index): StatusRange => {
      if (start < 100 || end > 600 || start >= end)
        faults.add(
          `${join(path, name)}[${index}]`,
          'must be a range within 100 to 600',
          `${start} to ${end}`,
        );
      return [start, end];
    });
  const expected = ranges('expected_statuses');
  const at = join(path, 'service_name_matcher');
  const named = http.service_name_matcher;
  return {
    kind: 'http',
    http2: http.codec_client_type === 'HTTP2',
    method: method === 'METHOD_UNSPECIFIED' ? 'GET' : method,
    path: http.path ?? '/',
    host: http.host ?? '',
    fields: fieldsOf(http.request_headers_to_add, join(path, 'request_headers_to_add'), faults),
    removed: http.request_headers_to_remove.map((name) => name.toLowerCase()),
    expected: expected.length === 0 ? [[200, 201]] : expected,
    retriable: ranges('retriable_statuses'),
    receive: readPayloads(http.receive, join(path, 'receive'), faults),
    bodyBytesMax: Math.min(http.response_buffer_size ?? bodyBytes, bodyBytesMax) || bodyBytesMax,
    serviceName: named === undefined ? null : translateString(named, at, faults),
  };
}

function fieldsOf(
  options: HttpMessage['request_headers_to_add'],
  path: string,
  faults: Faults,
): HttpProbeConfig['fields'] {
  return (translateAdditions(options, path, faults) ?? []).map(({ kind, name, value, format }, index) => {
    if (format !== undefined) faults.add(`${path}[${index}].header.value`, 'must be without operators', name);
    return { kind, name, value };
  });
}

function readPayloads(payloads: readonly Payload[], path: string, faults: Faults): readonly string[] {
  return payloads.map((payload, index) => readPayload(payload, `${path}[${index}]`, faults));
}

/** In latin1. */
function readPayload({ text, binary }: Payload, path: string, faults: Faults): string {
  if (binary !== undefined) return Buffer.from(binary).toString('latin1');
  if (text === undefined || !/^(?:[0-9a-fA-F]{2})+$/.test(text)) {
    faults.add(join(path, 'text'), 'must be pairs of hexadecimal digits', text ?? '');
    return '';
  }
  return Buffer.from(text, 'hex').toString('latin1');
}

function translateEventLog(check: CheckMessage, path: string, faults: Faults): string {
  const at = join(path, 'event_logger');
  if (check.event_logger.length > 1) faults.add(at, 'must be one at most', check.event_logger.length);
  const [logger] = check.event_logger;
  if (logger === undefined) return check.event_log_path ?? '';
  const sink = unpack(logger.typed_config, healthEventFileSink);
  if (sink === null) faults.add(`${at}[0].typed_config`, 'must be set');
  return sink?.event_log_path ?? '';
}
