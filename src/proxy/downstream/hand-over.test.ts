// Listeners that hand redirected connections to the listener of their destination, and those that only take them.

import { describe, expect, test } from 'bun:test';
import { silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { createMemoryNetwork, createMemoryResolver } from '../../net/index.ts';
import type { ListenerConfig } from '../config/types.ts';
import { DataPlane } from '../data-plane.ts';
import { endpointConfig, ip, listenerConfig, snapshot } from '../testing/configs.ts';
import { Origin, TestClient } from '../testing/peers.ts';

const entry = {
  skipped: null,
  proxyProtocol: 'no',
  proxyVersions: [1, 2],
  proxyTlvs: [],
  proxyRules: [],
  originalDestination: true,
  handsOver: true,
  inspectTls: false,
  fingerprints: null,
  inspectHttp: false,
  timeoutMs: 1_000,
  continueOnTimeout: false,
  chains: [],
  otherwise: 'capture',
} as const;

function waiting(
  name: string,
  port: number,
  host: string,
  more: Partial<ListenerConfig> = {},
): ListenerConfig {
  const address = ip(port, host);
  const binding = { bound: false, addresses: [{ address, socket: null }] };
  return listenerConfig({ name, statPrefix: name, address, binding, ...more });
}

function setup(listeners: readonly ListenerConfig[]) {
  const clock = new VirtualClock();
  const random = new Xoshiro128(1);
  const network = createMemoryNetwork({ clock, random });
  const application = network.createProcess('application', '10.0.0.1');
  const proxy = network.createProcess('proxy', '10.0.0.1');
  const origin = new Origin(proxy, ip(9000));
  const plane = new DataPlane({
    clock,
    random,
    network: proxy,
    resolver: createMemoryResolver(),
    log: silentLog,
  });
  plane.apply(
    snapshot({
      listeners: [listenerConfig({ name: 'capture', address: ip(15001), entry }), ...listeners],
      endpoints: { ledger: [endpointConfig(9000)] },
    }),
  );
  return {
    plane,
    origin,
    ask(host: string, port: number): TestClient {
      proxy.redirect(ip(port, host), ip(15001));
      const client = new TestClient(application, ip(port, host)).get('/');
      clock.advanceBy(100);
      return client;
    },
    counts: () =>
      Object.fromEntries([...plane.listeners].map(([name, { stats }]) => [name, stats.connectionsTotal])),
  };
}

describe('a redirected connection', () => {
  test('goes to the listener of its address, else of its port, else stays', () => {
    const { ask, counts } = setup([
      waiting('exact', 80, '10.9.9.9'),
      waiting('port', 80, '0.0.0.0'),
      waiting('other', 81, '10.9.9.9'),
    ]);
    for (const host of ['10.9.9.9', '10.9.9.8', '10.9.9.7']) expect(ask(host, 80).statuses).toEqual([200]);
    expect(ask('10.9.9.9', 443).statuses).toEqual([200]);
    expect(counts()).toEqual({ capture: 1, exact: 1, port: 2, other: 0 });
  });

  test('is read ahead by the listener that takes it', () => {
    const { ask, counts } = setup([
      waiting('exact', 80, '10.9.9.9', {
        entry: { ...entry, handsOver: false, inspectHttp: true, otherwise: 'exact' },
      }),
    ]);
    expect(ask('10.9.9.9', 80).statuses).toEqual([200]);
    expect(counts()).toEqual({ capture: 0, exact: 1 });
  });

  test('stays where the listener of its destination is drained away', () => {
    const { ask, counts, plane } = setup([waiting('exact', 80, '10.9.9.9')]);
    plane.listeners.get('exact')!.beginDrain('immediate');
    expect(ask('10.9.9.9', 80).statuses).toEqual([200]);
    expect(counts()).toEqual({ capture: 1, exact: 0 });
  });
});
