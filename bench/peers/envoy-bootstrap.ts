// One bootstrap for Weft and Envoy. What Envoy lacks (latency-aware balancing, a windowed budget) stands in places
// where Envoy ignores it, beside Envoy's nearest own setting.

import { filterConfigs } from './filters.ts';
import { type Place, routePrefix, type Work } from './work.ts';

const typePrefix = 'type.googleapis.com/envoy';

export function envoyBootstrap(work: Work, place: Place): string {
  const listeners = [
    listener('outbound', place.listener, filterOf(work, 'bank/ledger:80'), outer(work, place)),
  ];
  const clusters = Array.from({ length: work.clusters - 1 }, (_, at) =>
    ledger(`bank/other-${at}:80`, work, place),
  );
  if (work.meshHop) {
    clusters.push(inboundCall(work, place), ledger('inbound', work, place));
    listeners.push(listener('inbound', place.inbound, filterOf(work, 'inbound'), mutualTls(work, place)));
  } else {
    clusters.push(ledger('bank/ledger:80', work, place));
  }
  return JSON.stringify({
    node: { id: 'sidecar~bench-0.bank', cluster: 'bench' },
    admin: { address: socket(place.admin) },
    static_resources: { listeners, clusters },
  });
}

function listener(name: string, port: number, filter: object, transport: object | null): object {
  return {
    name,
    address: socket(port),
    filter_chains: [{ filters: [filter], ...(transport === null ? {} : { transport_socket: transport }) }],
  };
}

function filterOf(work: Work, cluster: string): object {
  if (work.protocol === 'tcp') {
    const type = `${typePrefix}.extensions.filters.network.tcp_proxy.v3.TcpProxy`;
    return {
      name: 'envoy.filters.network.tcp_proxy',
      typed_config: { '@type': type, stat_prefix: 'tcp', cluster },
    };
  }
  const type = `${typePrefix}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`;
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: { '@type': `${typePrefix}.extensions.filters.http.router.v3.Router` },
  };
  return {
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: {
      '@type': type,
      stat_prefix: 'outbound',
      route_config: routes(work, cluster),
      http_filters: [...filterConfigs(work.filter), router],
      http2_protocol_options: { max_concurrent_streams: work.streamsMax },
    },
  };
}

function routes(work: Work, cluster: string): object {
  const retry_policy = {
    retry_on: 'connect-failure,reset,retriable-status-codes',
    retriable_status_codes: [503],
    num_retries: 2,
  };
  const route = { cluster, timeout: '15s', retry_policy };
  const prefixes =
    work.routes <= 2 ? ['/accounts/'] : Array.from({ length: work.routes }, (_, at) => routePrefix(at));
  const all = [...prefixes, '/'].map((prefix) => ({ name: prefix, match: { prefix }, route }));
  return {
    name: 'outbound',
    virtual_hosts: [{ name: 'bank/ledger:80', domains: ['ledger', 'ledger.bank', '*'], routes: all }],
  };
}

function ledger(name: string, work: Work, { endpoints }: Place): object {
  return {
    ...cluster(name, endpoints),
    ...(work.endpoints === 'http1' ? {} : speakHttp2),
    load_balancing_policy: { policies: [latencyAware(), leastRequest()] },
    outlier_detection: { consecutive_5xx: 5, base_ejection_time: '10s', max_ejection_percent: 50 },
  };
}

/** From the outbound listener to the inbound one of the same process. */
function inboundCall(work: Work, place: Place): object {
  return {
    ...cluster('bank/ledger:80', [place.inbound]),
    ...(work.hopHttp2 ? speakHttp2 : {}),
    transport_socket: mutualTlsCall(work, place),
  };
}

const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

const speakHttp2 = {
  typed_extension_protocol_options: {
    [httpOptions]: {
      '@type': `type.googleapis.com/${httpOptions}`,
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

function cluster(name: string, ports: readonly number[]): object {
  const limits = { max_connections: 1024, max_pending_requests: 20_000, max_requests: 20_000 };
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    circuit_breakers: { thresholds: [{ ...limits, retry_budget: { budget_percent: { value: 20 } } }] },
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: socket(port) } })) }],
    },
  };
}

function outer(work: Work, place: Place): object | null {
  return work.tls ? downstreamTls(place, false, work.http2) : null;
}

function mutualTls(work: Work, place: Place): object {
  return downstreamTls(place, true, work.hopHttp2);
}

function downstreamTls(place: Place, required: boolean, http2: boolean): object {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${typePrefix}.extensions.transport_sockets.tls.v3.DownstreamTlsContext`,
      ...(required ? { require_client_certificate: true } : {}),
      common_tls_context: { ...commonTls(place, required), ...alpn(http2) },
    },
  };
}

function alpn(http2: boolean): object {
  return http2 ? { alpn_protocols: ['h2', 'http/1.1'] } : {};
}

function mutualTlsCall(work: Work, place: Place): object {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: {
      '@type': `${typePrefix}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
      sni: 'ledger',
      common_tls_context: { ...commonTls(place, true), ...(work.hopHttp2 ? { alpn_protocols: ['h2'] } : {}) },
    },
  };
}

function commonTls({ certificates }: Place, verify: boolean): object {
  const tls_certificates = [
    { certificate_chain: { filename: certificates.chain }, private_key: { filename: certificates.key } },
  ];
  const trusted_ca = { filename: certificates.authority };
  return { tls_certificates, ...(verify ? { validation_context: { trusted_ca } } : {}) };
}

function latencyAware(): object {
  return {
    typed_extension_config: {
      name: 'weft.dev/latency-aware',
      typed_config: {
        '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
        type_url: 'weft.dev/v1alpha1.LatencyAware',
        value: { decay: '10s', defaultRtt: '30ms' },
      },
    },
  };
}

function leastRequest(): object {
  const type = `${typePrefix}.extensions.load_balancing_policies.least_request.v3.LeastRequest`;
  return {
    typed_extension_config: {
      name: 'envoy.load_balancing_policies.least_request',
      typed_config: { '@type': type },
    },
  };
}

function socket(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
