import { describe, expect, test } from 'bun:test';
import { silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { createMemoryNetwork, createMemoryResolver } from '../../net/index.ts';
import type { OriginalDestinationConfig } from '../config/types.ts';
import { DataPlane } from '../data-plane.ts';
import { proxyLimits } from '../limits.ts';
import { clusterConfig, ip, listenerConfig, snapshot } from '../testing/configs.ts';
import { Origin, TestClient } from '../testing/peers.ts';
import { parseDestination } from './original-destinations.ts';

const entry = {
  skipped: null,
  proxyProtocol: 'no',
  proxyVersions: [1, 2],
  proxyTlvs: [],
  proxyRules: [],
  originalDestination: true,
  handsOver: false,
  inspectTls: false,
  fingerprints: null,
  inspectHttp: false,
  timeoutMs: 1_000,
  continueOnTimeout: false,
  chains: [],
  otherwise: 'capture',
} as const;

const hosts = ['10.0.0.1', '10.0.0.2', '10.0.0.3'] as const;

/** An application whose calls are led through a proxy beside it, and two services elsewhere. */
function setup(config: Partial<OriginalDestinationConfig> = {}, tcp = false) {
  const clock = new VirtualClock();
  const random = new Xoshiro128(1);
  const network = createMemoryNetwork({ clock, random });
  const application = network.createProcess('application', hosts[0]);
  const proxy = network.createProcess('proxy', hosts[0]);
  const origins = [hosts[1], hosts[2]].map((host) => {
    const process = network.createProcess(host, host);
    return new Origin(process, ip(80, host), (connection) => connection.reply(200, host));
  });
  const plane = new DataPlane({
    clock,
    random,
    network: proxy,
    resolver: createMemoryResolver(),
    log: silentLog,
  });
  const originalDestination = { header: null, port: null, cleanupMs: 5_000, ...config };
  const cluster = clusterConfig({ discovery: 'original-destination', originalDestination });
  const tunnel = {
    clusters: [{ cluster: 'ledger', weight: 1 }],
    idleTimeoutMs: 0,
    maxDurationMs: 0,
    connectAttemptsMax: 1,
  };
  const listener = listenerConfig({
    name: 'capture',
    address: ip(15001),
    entry,
    ...(tcp ? { tcp: tunnel } : {}),
  });
  plane.apply(snapshot({ listeners: [listener], clusters: [cluster] }));
  return {
    clock,
    plane,
    origins,
    keys: () => plane.clusters.get('ledger')!.endpoints.map(({ key }) => key),
    ask(host: string, port = 80, fields: readonly string[] = []): TestClient {
      proxy.redirect(ip(port, host), ip(15001));
      const client = new TestClient(application, ip(port, host)).get('/', fields);
      clock.advanceBy(100);
      return client;
    },
    direct(fields: readonly string[] = []): TestClient {
      const client = new TestClient(proxy, ip(15001)).get('/', fields);
      clock.advanceBy(100);
      return client;
    },
  };
}

describe('a cluster of original destinations', () => {
  for (const tcp of [false, true])
    test(`${tcp ? 'a connection' : 'a request'} goes where its client was going`, () => {
      const { ask, keys } = setup({}, tcp);
      for (const host of [hosts[1], hosts[2], hosts[1]]) expect(ask(host).received).toEndWith(host);
      expect(keys()).toEqual(['10.0.0.2:80', '10.0.0.3:80']);
    });

  test('who came by himself goes nowhere', () => {
    expect(setup().direct().statuses).toEqual([503]);
  });

  test('a field of the request says where, if it is an address', () => {
    const { direct, ask } = setup({ header: 'x-envoy-original-dst-host' });
    expect(direct(['x-envoy-original-dst-host: 10.0.0.3:80']).received).toEndWith(hosts[2]);
    expect(ask(hosts[1], 80, ['x-envoy-original-dst-host: 10.0.0.3:80']).received).toEndWith(hosts[2]);
    expect(ask(hosts[1], 80, ['x-envoy-original-dst-host: nowhere']).received).toEndWith(hosts[1]);
  });

  test('another port takes the place of the one asked for', () => {
    const { ask, keys } = setup({ port: 80 });
    expect(ask(hosts[1], 8080).received).toEndWith(hosts[1]);
    expect(keys()).toEqual(['10.0.0.2:80']);
  });

  test('an address is forgotten when it was not used between two looks and nothing is open', () => {
    const { ask, keys, clock, origins } = setup();
    ask(hosts[1]);
    ask(hosts[2]);
    for (const connection of origins[0]!.connections) connection.socket.end();
    clock.advanceBy(4_000);
    expect(keys()).toEqual(['10.0.0.2:80', '10.0.0.3:80']);
    clock.advanceBy(7_000);
    expect(keys()).toEqual(['10.0.0.3:80']);
  });

  test('there are only so many at once', () => {
    const { plane } = setup();
    const cluster = plane.clusters.get('ledger')!;
    const request = { nowMs: 0, tried: [], hash: null };
    const pick = (index: number) =>
      cluster.pick({
        ...request,
        criteria: () => null,
        notes: () => null,
        destination: () => ip(80, `10.1.${index >> 8}.${index & 255}`),
      });
    for (let index = 0; index < proxyLimits.originalDestinationsMax; index++) pick(index);
    expect(pick(proxyLimits.originalDestinationsMax)).toBeNull();
    expect(pick(0)).not.toBeNull();
    expect(cluster.endpoints).toHaveLength(proxyLimits.originalDestinationsMax);
  }, 30_000);
});

test('only an address with a port is a destination', () => {
  const texts = [
    '10.0.0.1:80',
    '[::1]:80',
    '10.0.0.1',
    '::1:80',
    'a:80',
    '10.0.0.1:70000',
    '10.0.0.999:1',
    '',
  ];
  expect(texts.map(parseDestination)).toEqual([
    { kind: 'ip', host: '10.0.0.1', port: 80 },
    { kind: 'ip', host: '::1', port: 80 },
    ...Array.from({ length: 6 }, () => null),
  ]);
});
