// One bootstrap for Weft and Envoy, so that nobody can say they did different work. What Envoy lacks (latency-aware
// balancing, a windowed budget) stands in places where Envoy ignores it, beside Envoy's nearest own setting.

import type { Ports } from './peers.ts';

const typePrefix = 'type.googleapis.com/envoy';

export function envoyBootstrap({ listener, admin, endpoints }: Ports): string {
  return JSON.stringify({
    node: { id: 'sidecar~bench-0.bank', cluster: 'bench' },
    admin: { address: socket(admin) },
    static_resources: { listeners: [outbound(listener)], clusters: [ledger(endpoints)] },
  });
}

function outbound(port: number): object {
  return {
    name: 'outbound',
    address: socket(port),
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: {
              '@type': `${typePrefix}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`,
              stat_prefix: 'outbound',
              route_config: routes(),
              http_filters: [
                {
                  name: 'envoy.filters.http.router',
                  typed_config: { '@type': `${typePrefix}.extensions.filters.http.router.v3.Router` },
                },
              ],
            },
          },
        ],
      },
    ],
  };
}

function routes(): object {
  const retry = {
    retry_on: 'connect-failure,reset,retriable-status-codes',
    retriable_status_codes: [503],
    num_retries: 2,
  };
  return {
    name: 'outbound',
    virtual_hosts: [
      {
        name: 'bank/ledger:80',
        domains: ['ledger', 'ledger.bank', '*'],
        routes: [
          {
            name: 'accounts',
            match: { prefix: '/accounts/' },
            route: { cluster: 'bank/ledger:80', timeout: '15s', retry_policy: retry },
          },
          {
            name: 'default',
            match: { prefix: '/' },
            route: { cluster: 'bank/ledger:80', timeout: '15s', retry_policy: retry },
          },
        ],
      },
    ],
  };
}

function ledger(endpoints: readonly number[]): object {
  return {
    name: 'bank/ledger:80',
    type: 'STATIC',
    connect_timeout: '1s',
    load_balancing_policy: { policies: [latencyAware(), leastRequest()] },
    circuit_breakers: {
      thresholds: [
        {
          max_connections: 1024,
          max_pending_requests: 1024,
          max_requests: 1024,
          retry_budget: { budget_percent: { value: 20 } },
        },
      ],
    },
    outlier_detection: { consecutive_5xx: 5, base_ejection_time: '10s', max_ejection_percent: 50 },
    load_assignment: {
      cluster_name: 'bank/ledger:80',
      endpoints: [{ lb_endpoints: endpoints.map((port) => ({ endpoint: { address: socket(port) } })) }],
    },
  };
}

function latencyAware(): object {
  const value = { decay: '10s', defaultRtt: '30ms' };
  return {
    typed_extension_config: {
      name: 'weft.dev/latency-aware',
      typed_config: {
        '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
        type_url: 'weft.dev/v1alpha1.LatencyAware',
        value,
      },
    },
  };
}

function leastRequest(): object {
  return {
    typed_extension_config: {
      name: 'envoy.load_balancing_policies.least_request',
      typed_config: {
        '@type': `${typePrefix}.extensions.load_balancing_policies.least_request.v3.LeastRequest`,
      },
    },
  };
}

function socket(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
