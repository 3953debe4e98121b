// What the warm-up's proxy is told: one listener, three endpoints, retries, ejection and a budget, as a sidecar's
// outbound side has them.

import { type Bootstrap, parseBootstrap } from '../config/index.ts';

const types = 'type.googleapis.com/envoy.extensions.filters';

export function warmUpBootstrap(entrance: string, origins: readonly string[]): Bootstrap {
  const text = JSON.stringify({
    node: { id: 'warm-up', cluster: 'warm-up' },
    static_resources: { listeners: [listener(entrance)], clusters: [cluster(origins)] },
  });
  const parsed = parseBootstrap(text, { fileName: 'warm-up', version: '' });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value;
}

function pipe(path: string): object {
  return { pipe: { path: path.replace('\0', '@') } };
}

function listener(entrance: string): object {
  const manager = {
    '@type': `${types}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'warm-up',
    route_config: { name: 'warm-up', virtual_hosts: [{ name: 'warm-up', domains: ['*'], routes: routes() }] },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: { '@type': `${types}.http.router.v3.Router` },
      },
    ],
  };
  return {
    name: 'warm-up',
    address: pipe(entrance),
    filter_chains: [
      { filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: manager }] },
    ],
  };
}

function routes(): object[] {
  const retry_policy = { retry_on: 'connect-failure,reset', num_retries: 2 };
  return ['/accounts/', '/'].map((prefix) => ({
    match: { prefix },
    route: { cluster: 'warm-up', timeout: '15s', retry_policy },
  }));
}

function cluster(origins: readonly string[]): object {
  const endpoints = origins.map((path) => ({ endpoint: { address: pipe(path) } }));
  return {
    name: 'warm-up',
    type: 'STATIC',
    connect_timeout: '1s',
    circuit_breakers: { thresholds: [{ retry_budget: { budget_percent: { value: 20 } } }] },
    outlier_detection: {},
    load_assignment: { cluster_name: 'warm-up', endpoints: [{ lb_endpoints: endpoints }] },
  };
}
