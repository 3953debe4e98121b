// Refusals of filters' configurations, each by its path and in its words.

import { describe, expect, test } from 'bun:test';
import { parseBootstrap } from './bootstrap.ts';

type Json = Readonly<Record<string, unknown>>;

const typed = (type: string, fields: Json = {}): Json => ({
  '@type': `type.googleapis.com/${type}`,
  ...fields,
});
const http = 'envoy.extensions.filters.http';
const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** What is wrong with a listener whose chain holds this filter before its router. */
function faultsOf(type: string, fields: Json, route: Json = {}): string {
  const routes = [{ match: { prefix: '/' }, route: { cluster: 'a' }, ...route }];
  const config = typed(manager, {
    stat_prefix: 'x',
    http_filters: [
      { name: 'f', typed_config: typed(`${http}.${type}`, fields) },
      { name: 'r', typed_config: typed(`${http}.router.v3.Router`) },
    ],
    route_config: { virtual_hosts: [{ name: 'v', domains: ['*'], routes }] },
  });
  const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
  const document = {
    static_resources: {
      clusters: [{ name: 'a' }],
      listeners: [
        { name: 'l', address, filter_chains: [{ filters: [{ name: 'h', typed_config: config }] }] },
      ],
    },
  };
  const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'f', version: '0' });
  return parsed.ok ? '' : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`).join('\n');
}

const cases: readonly (readonly [name: string, type: string, fields: Json, expected: string])[] = [
  ['health check: neither way', 'health_check.v3.HealthCheck', {}, 'pass_through_mode: must be set'],
  [
    'health check: clusters beside the application',
    'health_check.v3.HealthCheck',
    { pass_through_mode: true, cluster_min_healthy_percentages: { a: { value: 50 } } },
    'cluster_min_healthy_percentages: must not be set with pass_through_mode',
  ],
  [
    'health check: nothing to keep',
    'health_check.v3.HealthCheck',
    { pass_through_mode: false, cache_time: '1s' },
    'cache_time: needs pass_through_mode',
  ],
];

describe('a filter is refused for', () => {
  for (const [name, type, fields, expected] of cases)
    test(name, () => expect(faultsOf(type, fields)).toContain(expected));
});
