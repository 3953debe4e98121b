import { describe, expect, test } from 'bun:test';
import type { Model } from '../model/types.ts';
import { entryOf, fateOf, readListener } from '../testing/connection-fate.ts';
import {
  type CapturedPlan,
  compileCapturedListener,
  httpPortsMax,
  planCaptured,
  streamsMax,
} from './captured.ts';
import { addressesOf } from './listener.ts';

const own = 15_001;
const streams = [
  { addresses: ['10.96.0.8', 'fd00::8'], port: 5432, cluster: 'bank/db:5432', sticky: false },
  { addresses: ['10.96.0.9'], port: 8000, cluster: 'bank/queue:8000', sticky: false },
];

function compile(plan: CapturedPlan, onDemand = { hosts: false, clusters: false }) {
  const bind = { host: '127.0.0.1', port: own };
  return compileCapturedListener({ bind, ipv6: true, cors: false, onDemand, plan });
}

const few: CapturedPlan = { httpPorts: [80, 8000], streams, notes: [] };
const many: CapturedPlan = {
  httpPorts: Array.from({ length: httpPortsMax + 1 }, (_, at) => 8000 + at),
  streams,
  notes: [],
};

test('over IPv6 the kernel leads them to ::1, and only there it is listened on besides', () => {
  const hosts = (bind: { readonly host: string; readonly port: number }, ipv6: boolean) => {
    const { address, additionalAddresses } = addressesOf(bind, ipv6);
    return JSON.stringify([address, additionalAddresses]).match(/"address":"[^"]+"/g);
  };
  const [loopback, any] = ['127.0.0.1', '0.0.0.0'].map((host) => ({ host, port: own }));
  expect(hosts(loopback!, true)).toEqual(['"address":"127.0.0.1"', '"address":"::1"']);
  expect(hosts(any!, true)).toEqual(['"address":"0.0.0.0"', '"address":"::"']);
  // Of what somebody chose, and where there is no IPv6, nothing is added.
  expect(hosts(any!, false)).toEqual(['"address":"0.0.0.0"']);
  expect(hosts({ host: '10.0.0.1', port: 1 }, true)).toEqual(['"address":"10.0.0.1"']);
});

describe('a captured connection', () => {
  test.each<readonly [string, number, string, string, string]>([
    ['127.0.0.1', own, 'http/1.1', 'outbound', 'outbound'],
    ['10.96.0.7', 8000, 'http/1.1', 'outbound/http:8000, looked at', 'outbound/http:8000, looked at'],
    ['10.96.0.7', 8000, '', 'outbound/passthrough, looked at', 'outbound/passthrough, looked at'],
    [
      '10.96.0.9',
      8000,
      'http/1.1',
      'outbound/bank/queue:8000, looked at',
      'outbound/bank/queue:8000, looked at',
    ],
    ['10.96.0.8', 5432, 'http/1.1', 'outbound/bank/db:5432', 'outbound/bank/db:5432'],
    ['fd00::8', 5432, '', 'outbound/bank/db:5432', 'outbound/bank/db:5432'],
    ['10.0.0.9', 5432, '', 'outbound/passthrough', 'outbound/passthrough'],
    ['10.0.0.9', 443, '', 'outbound/passthrough', 'outbound/passthrough, looked at'],
    ['10.0.0.9', 9000, 'h2c', 'outbound/passthrough', 'outbound/http, looked at'],
  ])('to %s:%p that says %p', (host, port, protocol, ofFew, ofMany) => {
    const fates = [few, many].map((plan) => fateOf(compile(plan), host, port, protocol));
    expect(fates).toEqual([ofFew, ofMany]);
  });

  test('has no more chains of HTTP than there are ports, up to a bound', () => {
    const chains = (plan: CapturedPlan) =>
      entryOf(compile(plan)).chains.filter(({ listener }) => listener.includes('/http'));
    const full: CapturedPlan = { ...many, httpPorts: many.httpPorts.slice(1) };
    expect([few, full, many].map((plan) => chains(plan).length)).toEqual([2, httpPortsMax, 2]);
  });
});

test('connections wait for their clusters where these come on demand, but not for what passes', () => {
  const { further } = readListener(compile(few, { hosts: false, clusters: true }));
  const asked = further.flatMap(({ config: { tcp } }) =>
    tcp === null ? [] : [[tcp.clusters[0]?.cluster, tcp.onDemand]],
  );
  const onDemand = { source: { kind: 'ads' as const }, timeoutMs: 60_000 };
  expect(asked).toEqual([
    ['bank/db:5432', onDemand],
    ['bank/queue:8000', onDemand],
    ['passthrough', undefined],
  ]);
});

test('ports that are carried as bytes have a bound, and what is beyond it is told', () => {
  const ports = (count: number) =>
    Array.from({ length: count }, (_, at) => ({
      id: `a/b:${at}`,
      port: at,
      protocol: 'opaque',
      doubtful: false,
    }));
  const planOf = (count: number) => {
    const service = { addresses: ['10.96.0.1'], ports: ports(count) };
    return planCaptured({ services: new Map([['a/b', service]]), gateways: new Map() } as unknown as Model);
  };
  expect(
    [planOf(streamsMax), planOf(streamsMax + 3)].map((plan) => [plan.streams.length, plan.notes]),
  ).toEqual([
    [streamsMax, []],
    [streamsMax, ['3 ports that are carried as bytes are reached past their policies']],
  ]);
});
