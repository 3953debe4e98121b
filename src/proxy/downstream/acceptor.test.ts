// From accept to a session: listener filters over bytes that come whole or one by one, chains, and the time they have.

import { describe, expect, test } from 'bun:test';
import type { SocketHandler } from '../../net/index.ts';
import { encodeProxyHeader, encodeProxyLine } from '../../wire/proxy-protocol/index.ts';
import type { ChainMatch, EntryConfig } from '../config/types.ts';
import { proxyLimits } from '../limits.ts';
import { clusterConfig, endpointConfig, httpOptions, ip, listenerConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

const any: ChainMatch = {
  destinationPort: null,
  destinationPrefixes: [],
  serverNames: [],
  transport: '',
  protocols: [],
  directPrefixes: [],
  sourceType: 'any',
  sourcePrefixes: [],
  sourcePorts: [],
};

const quiet: EntryConfig = {
  skipped: null,
  proxyProtocol: 'no',
  proxyVersions: [1, 2],
  proxyTlvs: [],
  proxyRules: [],
  originalDestination: false,
  handsOver: false,
  inspectTls: false,
  fingerprints: null,
  inspectHttp: false,
  timeoutMs: 1_000,
  continueOnTimeout: false,
  chains: [{ match: any, listener: 'outbound' }],
  otherwise: null,
};

/** Speaks first, and keeps what it is told. */
class Greeter implements SocketHandler {
  static readonly heard: string[] = [];
  onOpen(socket: Parameters<SocketHandler['onOpen']>[0]): void {
    socket.writeLatin1('220 hello');
  }
  onData(_socket: unknown, bytes: Uint8Array): void {
    Greeter.heard.push(Buffer.from(bytes).toString('latin1'));
  }
  onDrain(): void {}
  onEnd(): void {}
  onClose(): void {}
}

/** HTTP by the listener itself, and a tunnel as its second chain. */
function setup(entry: Partial<EntryConfig>) {
  const world = new World();
  const origin = world.origin();
  world.network.listen({ address: ip(9300), accept: () => new Greeter() });
  const tcp = {
    clusters: [{ cluster: 'raw', weight: 1 }],
    idleTimeoutMs: 0,
    maxDurationMs: 0,
    connectAttemptsMax: 1,
  };
  world.serve([origin], {
    listeners: [
      listenerConfig({ entry: { ...quiet, ...entry }, http: httpOptions({ useRemoteAddress: true }) }),
      listenerConfig({ name: 'outbound/raw', chainOf: 'outbound', tcp, routeConfig: '' }),
    ],
    clusters: [clusterConfig(), clusterConfig({ name: 'raw' })],
    endpoints: { raw: [endpointConfig(9300)] },
  });
  return { world, origin };
}

const request = 'GET / HTTP/1.1\r\nhost: ledger\r\n\r\n';
const ends = { source: ip(7777, '203.0.113.9'), destination: ip(443, '198.51.100.1') } as Parameters<
  typeof encodeProxyLine
>[0];
const binary = Buffer.from(encodeProxyHeader(ends) ?? []).toString('latin1');

describe('a PROXY header', () => {
  const headers: readonly (readonly [string, string])[] = [
    ['version 1', encodeProxyLine(ends)],
    ['version 2', binary],
  ];
  for (const [name, header] of headers) {
    for (const pieces of ['whole', 'byte by byte'] as const) {
      test(`${name}, ${pieces}: the client is whom it names, and no byte of it is a request's`, () => {
        const { world, origin } = setup({ proxyProtocol: 'required' });
        const client = world.client();
        world.run(10);
        if (pieces === 'whole') client.send(header + request);
        else
          for (const byte of header + request) {
            client.send(byte);
            world.run(1);
          }
        world.run(50);
        expect(client.statuses).toEqual([200]);
        expect(origin.requests[0]).toContain('x-forwarded-for: 203.0.113.9\r\n');
        world.expectSettled();
      });
    }
  }

  test('that is missing or broken ends the connection, where it is required', () => {
    const { world } = setup({ proxyProtocol: 'required' });
    const clients = [request, 'PROXY TCP4 nonsense\r\n'].map((text) => world.client().send(text));
    world.run(50);
    expect(clients.map(({ closed, statuses }) => [closed, statuses])).toEqual([
      ['broken', []],
      ['broken', []],
    ]);
    expect(world.plane.listeners.get('outbound')!.connections.size).toBe(0);
  });

  test('may be missing where that is allowed', () => {
    const { world } = setup({ proxyProtocol: 'optional' });
    const client = world.client().send(request);
    world.run(50);
    expect(client.statuses).toEqual([200]);
  });

  test('of a version that is not taken is payload where it may be missing, and refused where not', () => {
    for (const [version, header] of [encodeProxyLine(ends), binary].entries()) {
      const proxyVersions = [version === 0 ? 2 : 1] as const;
      const told = (['optional', 'required'] as const).map((proxyProtocol) => {
        const { world } = setup({ proxyProtocol, proxyVersions });
        const client = world.client().send(header + request);
        world.run(50);
        return client.statuses;
      });
      expect(told).toEqual([[400], []]);
    }
  });

  test('gives the destination that chains are matched by', () => {
    const chains = [
      { match: { ...any, destinationPort: 443 }, listener: 'outbound' },
      { match: any, listener: 'outbound/raw' },
    ];
    const { world } = setup({ proxyProtocol: 'required', chains });
    const client = world.client().send(encodeProxyLine(ends) + request);
    world.run(50);
    expect(client.statuses).toEqual([200]);
  });
});

describe('what a client speaks', () => {
  const chains = [
    { match: { ...any, protocols: ['http/1.1'] }, listener: 'outbound' },
    { match: any, listener: 'outbound/raw' },
  ];

  test('chooses HTTP or the tunnel, and what was read ahead is not lost', () => {
    const { world } = setup({ inspectHttp: true, chains });
    Greeter.heard.length = 0;
    const http = world.client().send(request);
    const other = world.client().send('\x00\x01binary');
    world.run(50);
    expect(http.statuses).toEqual([200]);
    expect(other.received).toBe('220 hello');
    expect(Greeter.heard).toEqual(['\x00\x01binary']);
  });

  test('and for a server that speaks first there is a deadline, after which the connection goes on', () => {
    const { world } = setup({ inspectHttp: true, inspectTls: true, chains, continueOnTimeout: true });
    const client = world.client();
    world.run(900);
    expect(client.received).toBe('');
    world.run(200);
    expect(client.received).toBe('220 hello');
  });

  test('or ends, where the configuration does not say so', () => {
    const { world } = setup({ inspectHttp: true, chains });
    const client = world.client().send('GE');
    world.run(1_100);
    expect(client.closed).toBe('broken');
    expect(world.listener().stats.entryTimeouts).toBe(1);
  });
});

describe('bounds', () => {
  test('nobody’s connection is closed, and counted', () => {
    const { world } = setup({ chains: [{ match: { ...any, destinationPort: 1 }, listener: 'outbound' }] });
    const client = world.client().send(request);
    world.run(50);
    expect(client.closed).toBe('broken');
    expect(world.listener().stats.noChainMatch).toBe(1);
  });

  test('the default chain takes what no other is for', () => {
    const { world } = setup({
      chains: [{ match: { ...any, destinationPort: 1 }, listener: 'outbound' }],
      otherwise: 'outbound/raw',
    });
    const client = world.client();
    world.run(50);
    expect(client.received).toBe('220 hello');
  });

  test('bytes that never tell are not gathered without end', () => {
    const { world } = setup({
      inspectTls: true,
      fingerprints: null,
      timeoutMs: 0,
      chains: [{ match: any, listener: 'outbound' }],
    });
    const record = `\x16\x03\x01\x40\x00\x01\x00\xff\xff${'a'.repeat(0x4000 - 4)}`;
    const client = world.client();
    world.run(10);
    for (let at = 0; at < 10; at++) client.send(record);
    world.run(100);
    expect(proxyLimits.entryBytesMax).toBeLessThan(record.length * 10);
    expect(client.closed !== null || client.received !== '').toBe(true);
  });

  test('stopping ends what has no session yet', async () => {
    const { world } = setup({ inspectHttp: true, timeoutMs: 0 });
    const client = world.client();
    world.run(10);
    await world.plane.stop();
    world.run(10);
    expect(client.closed).toBe('broken');
    expect(world.clock.armedCount).toBe(0);
  });
});
