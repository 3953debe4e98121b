import { expect, test } from 'bun:test';
import type { ProxyView } from '../control/index.ts';
import { describeProxies } from './xds.ts';

test('each proxy has a line, and what it refuses one more', () => {
  const type = (name: string, status: 'SYNCED' | 'STALE') => ({
    typeUrl: `type.googleapis.com/envoy.config.x.v3.${name}`,
    status,
    ageMs: 65_000,
  });
  const proxy = {
    node: 'sidecar~ledger-0.bank',
    connected: true,
    connectedAtMs: 0,
    lastSeenAtMs: 0,
    types: [type('Cluster', 'SYNCED'), type('RouteConfiguration', 'STALE')],
    nacks: [{ resource: 'outbound', part: 'bank/ledger:80', message: 'too large', atMs: 590_000 }],
  } as unknown as ProxyView;
  const gone = { ...proxy, node: 'agent~n', connected: false, lastSeenAtMs: 596_000, nacks: [] };
  expect(describeProxies([proxy, gone], 600_000)).toEqual([
    'PROXY                  SINCE   STATUS',
    'sidecar~ledger-0.bank  10m     CDS SYNCED, RDS STALE for 65s',
    '                       refused for 10s: outbound, bank/ledger:80: too large',
    'agent~n                4s      gone',
  ]);
});
