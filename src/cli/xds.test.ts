import { expect, test } from 'bun:test';
import type { ProxyView } from '../control/index.ts';
import { describeProxies } from './xds.ts';
import { describeDiff } from './xds-resources.ts';

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
    load: {
      streams: 1,
      issued: 7,
      succeeded: 5,
      failed: 1,
      dropped: 2,
      inProgress: 1,
      reportedAtMs: 597_000,
    },
  } as unknown as ProxyView;
  const gone = { ...proxy, node: 'agent~n', connected: false, lastSeenAtMs: 596_000, nacks: [], load: null };
  const silent = { ...gone, node: 'agent~m', load: { ...proxy.load, reportedAtMs: 0 } } as ProxyView;
  const several = { ...gone, node: 'grpc~c.bank', load: { ...proxy.load, streams: 3 } } as ProxyView;
  expect(describeProxies([proxy, gone, silent, several], 600_000)).toEqual([
    'PROXY                  SINCE   STATUS',
    'sidecar~ledger-0.bank  10m     CDS SYNCED, RDS STALE for 65s',
    '                       load: 7 requests, 5 ok, 1 failed, 2 dropped, 1 open, 3s ago',
    '                       refused for 10s: outbound, bank/ledger:80: too large',
    'agent~n                4s      gone',
    'agent~m                4s      gone',
    '                       load: none reported yet',
    'grpc~c.bank            4s      gone',
    '                       load: 7 requests, 5 ok, 1 failed, 2 dropped, 1 open, 3s ago, by 3 clients',
  ]);
});

test('what a proxy has otherwise is said value by value', () => {
  const resource = (name: string, state: string, more: object = {}) => ({
    name,
    state,
    servedVersion: '2',
    heldVersion: '1',
    message: '',
    ...more,
  });
  const view = {
    node: 'sidecar~a.bank',
    types: [
      {
        typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
        resources: [
          resource('bank/a:80', 'refused', {
            message: 'too large',
            held: { name: 'bank/a:80', filters: [{ x: 1 }], old: true },
            served: { name: 'bank/a:80', filters: [{ x: 2 }], text: 'y'.repeat(200) },
          }),
          resource('bank/b:80', 'due'),
        ],
      },
    ],
  } as never;
  expect(describeDiff(view)).toEqual([
    'CDS bank/a:80 was refused: too large',
    '  - filters[0].x: 1',
    '  + filters[0].x: 2',
    '  - old: true',
    `  + text: "${'y'.repeat(99)}…`,
    'CDS bank/b:80 is still to be sent',
  ]);
  expect(describeDiff({ node: 'a', types: [] })).toEqual(['a has all that it is served']);
});
