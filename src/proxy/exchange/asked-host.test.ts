import { describe, expect, test } from 'bun:test';
import { silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { createMemoryNetwork, createMemoryResolver } from '../../net/index.ts';
import { DataPlane } from '../data-plane.ts';
import {
  clusterConfig,
  endpointConfig,
  forwardTo,
  ip,
  listenerConfig,
  route,
  snapshot,
} from '../testing/configs.ts';
import { Origin, TestClient } from '../testing/peers.ts';

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
  otherwise: 'outbound',
} as const;

const pods = { ledger: '10.0.0.2', rates: '10.0.0.3', stranger: '10.0.0.9' } as const;
const address = '10.96.0.7';

const host = (name: string, domains: readonly string[], cluster: string) => ({
  name,
  domains,
  routes: [route({ action: forwardTo([cluster, 1]) })],
});

/** An application whose calls are led through its proxy. `ledger` is a Service at 10.96.0.7:80, `rates` is headless. */
function setup() {
  const clock = new VirtualClock();
  const random = new Xoshiro128(1);
  const network = createMemoryNetwork({ clock, random });
  const application = network.createProcess('application', '10.0.0.1');
  const proxy = network.createProcess('proxy', '10.0.0.1');
  const origins = Object.fromEntries(
    Object.entries(pods).map(([name, at]) => [
      name,
      new Origin(network.createProcess(name, at), ip(80, at), (connection) => connection.reply(200, name)),
    ]),
  );
  const plane = new DataPlane({
    clock,
    random,
    network: proxy,
    resolver: createMemoryResolver(),
    log: silentLog,
  });
  const originalDestination = { header: null, port: null, cleanupMs: 5_000 };
  plane.apply(
    snapshot({
      listeners: [listenerConfig({ entry, byDestination: true })],
      routes: [
        {
          name: 'routes',
          virtualHosts: [
            host('ledger', ['ledger', `${address}:80`], 'bank/ledger:80'),
            host('rates', ['rates'], 'bank/rates:80'),
            host('passthrough', ['passthrough.invalid'], 'passthrough'),
          ],
        },
      ],
      clusters: [
        clusterConfig({ name: 'bank/ledger:80', discovery: 'eds' }),
        clusterConfig({ name: 'bank/rates:80', discovery: 'eds' }),
        clusterConfig({ name: 'passthrough', discovery: 'original-destination', originalDestination }),
      ],
      endpoints: {
        'bank/ledger:80': [endpointConfig(80, { address: ip(80, pods.ledger) })],
        'bank/rates:80': [endpointConfig(80, { address: ip(80, pods.rates) })],
      },
    }),
  );
  return {
    origins,
    /** What answers, and what it was told that it is. */
    call(to: string, name: string, fields = ''): readonly [string, string | undefined] {
      proxy.redirect(ip(80, to), ip(15001));
      const client = new TestClient(application, ip(80, to)).send(
        `GET / HTTP/1.1\r\nhost: ${name}\r\n${fields}\r\n`,
      );
      clock.advanceBy(100);
      const answered = client.received.slice(client.received.indexOf('\r\n\r\n') + 4);
      const said = origins[answered]?.requests.at(-1)?.match(/^x-weft-destination: (.*)\r$/im);
      return [answered, said?.[1]];
    },
    direct(name: string): TestClient {
      const client = new TestClient(proxy, ip(15001)).send(`GET / HTTP/1.1\r\nhost: ${name}\r\n\r\n`);
      clock.advanceBy(100);
      return client;
    },
  };
}

describe('a captured request', () => {
  test.each(['ledger', `${address}:80`])(
    'goes to the Service of its address; Host: %s says so too',
    (name) => {
      expect(setup().call(address, name)).toEqual(['ledger', undefined]);
    },
  );

  test.each(['rates', 'example.com', 'passthrough.invalid'])(
    'goes to the Service of its address, which is told that it is meant, though its Host is %s',
    (name) => {
      expect(setup().call(address, name)).toEqual(['ledger', 'bank/ledger:80']);
    },
  );

  test('does not say itself whom it means', () => {
    const { call } = setup();
    expect(call(address, 'rates', 'x-weft-destination: bank/rates:80\r\n')).toEqual([
      'ledger',
      'bank/ledger:80',
    ]);
  });

  test('to an address of nobody goes there, whatever its Host is', () => {
    const { call } = setup();
    for (const name of ['ledger', 'example.com'])
      expect(call(pods.stranger, name)).toEqual(['stranger', undefined]);
  });
});

test('a request to the proxy itself goes where its authority says', () => {
  expect(setup().direct('rates').received).toEndWith('rates');
});
