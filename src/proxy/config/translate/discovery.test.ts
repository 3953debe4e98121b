import { describe, expect, test } from 'bun:test';
import { parseBootstrap } from '../bootstrap.ts';

function parse(fields: object) {
  const text = JSON.stringify({ static_resources: { clusters: [{ name: 'a', ...fields }] } });
  return parseBootstrap(text, { fileName: 'f', version: '0' });
}

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
