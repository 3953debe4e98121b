import { describe, expect, test } from 'bun:test';
import { parseBootstrap } from '../bootstrap.ts';

function parse(fields: object) {
  const text = JSON.stringify({ static_resources: { clusters: [{ name: 'a', ...fields }] } });
  return parseBootstrap(text, { fileName: 'f', version: '0' });
}

const askedAt = (...resolvers: readonly object[]) => ({
  typed_dns_resolver_config: {
    name: 'cares',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
      resolvers,
    },
  },
});

describe('a cluster is refused for', () => {
  const captured = { type: 'ORIGINAL_DST', lb_policy: 'CLUSTER_PROVIDED' };
  const named = { type: 'STRICT_DNS' };
  const provided = 'lb_policy: must be CLUSTER_PROVIDED for clusters of type ORIGINAL_DST, and for no other';
  const cases: readonly (readonly [name: string, fields: object, fault: string])[] = [
    ['a policy of its own for original destinations', { type: 'ORIGINAL_DST' }, provided],
    ['no policy for others', { lb_policy: 'CLUSTER_PROVIDED' }, provided],
    [
      'words on original destinations elsewhere',
      { original_dst_lb_config: {} },
      'original_dst_lb_config: holds for clusters of type ORIGINAL_DST only',
    ],
    [
      'endpoints beside original destinations',
      { ...captured, load_assignment: { cluster_name: 'a' } },
      'load_assignment: must not be set for clusters of type ORIGINAL_DST',
    ],
    [
      'a back-off without its base',
      { ...named, dns_failure_refresh_rate: { max_interval: '1s' } },
      'dns_failure_refresh_rate.base_interval: must be set',
    ],
    [
      'a back-off that shrinks',
      { ...named, dns_failure_refresh_rate: { base_interval: '2s', max_interval: '1s' } },
      'dns_failure_refresh_rate.max_interval: must be at least base_interval',
    ],
    [
      'further sources without a first one',
      { upstream_bind_config: { extra_source_addresses: [{ address: { address: '::1' } }] } },
      'upstream_bind_config.source_address: must be set where there are further ones',
    ],
    [
      'a further source that is none',
      { upstream_bind_config: { source_address: { address: '127.0.0.1' }, extra_source_addresses: [{}] } },
      'upstream_bind_config.extra_source_addresses[0].address: must be set',
    ],
    [
      'names asked over TCP',
      { use_tcp_for_dns_lookups: true },
      'use_tcp_for_dns_lookups: is supported as false only',
    ],
    [
      'no name server',
      { ...named, dns_resolution_config: {} },
      'dns_resolution_config.resolvers: must be at least one',
    ],
    [
      'a name server that is none',
      { ...named, ...askedAt({ pipe: { path: '/dns' } }) },
      'typed_dns_resolver_config.typed_config.resolvers[0].pipe: must be a socket_address',
    ],
    [
      'a name server with a name',
      { ...named, ...askedAt({ socket_address: { address: 'dns.example', port_value: 53 } }) },
      'typed_dns_resolver_config.typed_config.resolvers[0].socket_address.address: must be an IP address',
    ],
    [
      'an option for sockets that listen',
      {
        upstream_bind_config: {
          socket_options: [{ level: 1, name: 9, int_value: 1, state: 'STATE_LISTENING' }],
        },
      },
      'upstream_bind_config.socket_options: must not be STATE_LISTENING: these sockets never listen',
    ],
  ];
  for (const [name, fields, fault] of cases)
    test(name, () => {
      const parsed = parse(fields);
      const faults = parsed.ok ? [] : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`);
      expect(faults).toEqual([`static_resources.clusters[0].${fault}`]);
    });
});

test('a source for each family; the first of one holds', () => {
  const address = (text: string) => ({ address: { address: text } });
  const parsed = parse({
    upstream_bind_config: {
      source_address: { address: '127.0.0.9' },
      extra_source_addresses: ['127.0.0.8', '::1', '::2'].map(address),
    },
  });
  const config = parsed.ok ? parsed.value.clusters[0]?.config : undefined;
  expect([config?.connect.source, config?.connectOther?.source]).toEqual([
    { kind: 'ip', host: '127.0.0.9', port: 0 },
    { kind: 'ip', host: '::1', port: 0 },
  ]);
});

test('what is said of connections reaches them', () => {
  const parsed = parse({
    upstream_bind_config: {
      source_address: { address: '127.0.0.9' },
      freebind: true,
      socket_options: [{ level: 6, name: 18, int_value: 7 }],
    },
    upstream_connection_options: { tcp_keepalive: { keepalive_probes: 3, keepalive_time: 60 } },
  });
  expect(parsed.ok && parsed.value.clusters[0]?.config.connect).toEqual({
    source: { kind: 'ip', host: '127.0.0.9', port: 0 },
    keepAlive: { probes: 3, idleSeconds: 60, intervalSeconds: null },
    options: [
      { level: 6, name: 18, value: 7, state: 'prebind' },
      { level: 0, name: 15, value: 1, state: 'prebind' },
    ],
  });
});
