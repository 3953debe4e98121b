import { describe, expect, test } from 'bun:test';
import type { MeshError } from '../../base/index.ts';
import type { Socket, SocketHandler } from '../../net/index.ts';
import type { ClusterConfig, TcpProxyConfig } from '../config/types.ts';
import { clusterConfig, endpointConfig, httpOptions, ip, listenerConfig, logTo } from '../testing/configs.ts';
import type { TestClient } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

/**
 * A server of no protocol: answers each piece in capitals, first greets where asked to, and ends when the client did.
 */
class Peer implements SocketHandler {
  received = '';
  ended = false;
  socket: Socket | null = null;
  error: MeshError | null = null;
  private readonly greeting: string;

  constructor(greeting: string) {
    this.greeting = greeting;
  }

  onOpen(socket: Socket): void {
    this.socket = socket;
    if (this.greeting !== '') socket.writeLatin1(this.greeting);
  }

  onData(socket: Socket, bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1');
    this.received += text;
    socket.writeLatin1(text.toUpperCase());
  }

  onDrain(): void {}

  onEnd(socket: Socket): void {
    this.ended = true;
    socket.writeLatin1('bye');
    socket.end();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.error = error;
  }
}

const usual: TcpProxyConfig = {
  clusters: [{ cluster: 'db', weight: 1 }],
  idleTimeoutMs: 3_600_000,
  maxDurationMs: 0,
  connectAttemptsMax: 1,
};

function setup(tcp: Partial<TcpProxyConfig> = {}, cluster: Partial<ClusterConfig> = {}, greeting = '') {
  const lines: string[] = [];
  const createLogSink = () => ({
    write(bytes: Uint8Array, handler: { onWritten(error: Error | null): void }) {
      lines.push(...new TextDecoder().decode(bytes).trim().split('\n'));
      handler.onWritten(null);
    },
    reopen() {},
    close() {},
  });
  const world = new World({ createLogSink });
  const peers: Peer[] = [];
  const listen = (port: number) =>
    world.network.listen({
      address: ip(port),
      accept: () => {
        const peer = new Peer(greeting);
        peers.push(peer);
        return peer;
      },
    });
  const server = listen(9100);
  const serve = (ports: readonly number[] = [9100]) =>
    world.apply({
      listeners: [
        listenerConfig({
          statPrefix: 'db',
          tcp: { ...usual, ...tcp },
          http: httpOptions(logTo('log')),
        }),
      ],
      routes: [],
      clusters: [clusterConfig({ name: 'db', ...cluster })],
      endpoints: { db: ports.map((port) => endpointConfig(port)) },
    });
  serve();
  const logged = async () => {
    await world.plane.stop();
    return lines.map((line) => JSON.parse(line));
  };
  return { world, peers, server, listen, serve, logged };
}

describe('bytes', () => {
  test('pass both ways, each end by itself: a client may end its half and still read', async () => {
    const { world, peers, logged } = setup();
    const client = world.client().send('hello');
    world.run(20);
    expect(client.received).toBe('HELLO');
    client.socket.end();
    world.run(20);
    expect(client.received).toBe('HELLObye');
    expect([client.closed, peers[0]!.error, peers[0]!.ended]).toEqual(['in order', null, true]);
    expect(world.listener().stats).toMatchObject({ connectionsActive: 0, bytesReceived: 5, bytesSent: 8 });
    world.expectSettled();
    expect(await logged()).toMatchObject([
      {
        upstream_cluster: 'db',
        upstream_host: '127.0.0.1:9100',
        response_flags: '-',
        bytes_received: 5,
        bytes_sent: 8,
      },
    ]);
  });

  test('of a server that speaks first come before the client said anything', () => {
    const { world } = setup({}, {}, '220 ready\r\n');
    const client = world.client();
    world.run(20);
    expect(client.received).toBe('220 ready\r\n');
  });

  test('megabytes pass with bounded queues when a side does not read', () => {
    const { world, peers } = setup();
    const client = world.client();
    world.run(20);
    peers[0]!.socket!.pause();
    for (let at = 0; at < 40; at++) client.send('x'.repeat(100_000));
    world.run(1_000);
    // Two windows and one high-water mark are on the way; the rest waits with the client.
    expect(client.socket.queuedBytes).toBeGreaterThan(3_000_000);
    peers[0]!.socket!.resume();
    client.socket.pause();
    world.run(1_000);
    expect(peers[0]!.socket!.queuedBytes).toBeGreaterThan(0);
    client.socket.resume();
    world.run(5_000);
    expect(client.received.length).toBe(4_000_000);
  });

  test('a reset passes as a reset, from either side', () => {
    const { world, peers } = setup();
    const [first, second] = [world.client().send('a'), world.client().send('b')];
    world.run(20);
    first.socket.reset();
    peers[1]!.socket!.reset();
    world.run(20);
    expect(peers[0]!.error).not.toBeNull();
    expect(second.closed).toBe('broken');
    world.expectSettled();
  });
});

describe('a connection that cannot be had', () => {
  const failures: readonly (readonly [string, () => ReturnType<typeof setup>, string])[] = [
    ['nobody listens', () => refused({}), 'UF'],
    [
      'no endpoint',
      () => {
        const made = setup();
        made.serve([]);
        return made;
      },
      'UH',
    ],
    ['no such cluster', () => setup({ clusters: [{ cluster: 'gone', weight: 1 }] }), 'NC'],
    [
      'the cluster is full',
      () => setup({}, { limits: { connections: 0, pending: 1, requests: 1 } as never }),
      'UO',
    ],
  ];
  function refused(tcp: Partial<TcpProxyConfig>) {
    const made = setup(tcp);
    made.server.close();
    return made;
  }
  for (const [name, create, flag] of failures) {
    test(`resets the client and is logged ${flag}: ${name}`, async () => {
      const { world, logged } = create();
      const client = world.client().send('hello');
      world.run(50);
      expect(client.closed).toBe('broken');
      world.expectSettled();
      expect(await logged()).toMatchObject([{ response_flags: flag }]);
    });
  }

  test('is tried elsewhere as often as the configuration says', () => {
    const { world, listen, serve } = refused({ connectAttemptsMax: 2 });
    listen(9101);
    serve([9100, 9101]);
    const clients = Array.from({ length: 6 }, () => world.client().send('a'));
    world.run(50);
    expect(clients.map(({ received }) => received)).toEqual(clients.map(() => 'A'));
    expect(world.cluster('db').stats.connectFailures).toBeGreaterThan(0);
  });

  test('a client that leaves meanwhile blames nobody', () => {
    const { world } = setup();
    world.client().socket.reset();
    const client = world.client();
    world.clock.runNext();
    client.socket.reset();
    world.run(50);
    expect(world.cluster('db').stats.connectFailures).toBe(0);
    world.expectSettled();
  });
});

describe('limits of time', () => {
  const cases: readonly (readonly [string, Partial<TcpProxyConfig>, string])[] = [
    ['idle', { idleTimeoutMs: 1_000 }, 'SI'],
    ['whole', { maxDurationMs: 3_000 }, 'DT'],
  ];
  for (const [name, tcp, flag] of cases) {
    test(`${name}`, async () => {
      const { world, logged } = setup(tcp);
      const client = world.client();
      talk(world, client, 3);
      expect(client.received).toBe('AAA');
      expect(client.closed).toBeNull();
      world.run(2_000);
      expect(client.closed).toBe('broken');
      world.expectSettled();
      expect(await logged()).toMatchObject([{ response_flags: flag }]);
    });
  }

  function talk(world: World, client: TestClient, rounds: number): void {
    for (let round = 0; round < rounds; round++) {
      client.send('a');
      world.run(900);
    }
  }
});

test('weights choose between clusters', () => {
  const { world, listen } = setup();
  listen(9200);
  const tcp = {
    ...usual,
    clusters: [
      { cluster: 'db', weight: 1 },
      { cluster: 'other', weight: 3 },
    ],
  };
  world.apply({
    version: '2',
    listeners: [listenerConfig({ tcp })],
    clusters: [clusterConfig({ name: 'db' }), clusterConfig({ name: 'other' })],
    endpoints: { db: [endpointConfig(9100)], other: [endpointConfig(9200)] },
  });
  for (let at = 0; at < 200; at++) world.client().send('a');
  world.run(100);
  const share = world.cluster('other').stats.connectionsTotal / 200;
  expect(share).toBeGreaterThan(0.65);
  expect(share).toBeLessThan(0.85);
});

test('draining lets a tunnel live until its time is over', () => {
  const { world } = setup();
  const client = world.client().send('a');
  world.run(20);
  void world.plane.drain();
  world.run(3_000);
  client.send('b');
  world.run(20);
  expect(client.received).toBe('AB');
  world.run(3_000);
  expect(client.closed).toBe('broken');
});

describe('the health of its endpoint', () => {
  const eject = (world: World) => {
    const cluster = world.cluster('db');
    cluster.endpoints[0]!.ejectedUntilMs = world.clock.now() + 60_000;
    cluster.reselect();
    world.run(20);
  };

  test('ends tunnels at once where that is asked for, and the client is reset', () => {
    const { world, peers } = setup({}, { closesSick: true });
    const [first, second] = [world.client().send('a'), world.client().send('b')];
    world.run(20);
    expect(world.cluster('db').endpoints[0]!.tunnels?.size).toBe(2);
    eject(world);
    expect([first.closed, second.closed]).toEqual(['broken', 'broken']);
    expect(peers.map(({ error }) => error?.code)).toEqual(['peer-reset', 'peer-reset']);
    expect(world.cluster('db').endpoints[0]!.tunnels?.size).toBe(0);
    world.expectSettled();
  });

  test('else is nothing to those that run', () => {
    const { world } = setup();
    const client = world.client().send('a');
    world.run(20);
    eject(world);
    expect(client.closed).toBeNull();
    expect(world.cluster('db').endpoints[0]!.tunnels).toBeNull();
  });
});

test('clients of one address have one endpoint where the cluster goes by hashes', () => {
  const balance = { kind: 'ring-hash', sizeMin: 1024, sizeMax: 8_388_608 } as const;
  for (const [tcp, most] of [
    [{ hashesSource: true }, 1],
    [{}, 3],
  ] as const) {
    const { world, serve, listen } = setup(tcp, { balance });
    for (const port of [9101, 9102]) listen(port);
    serve([9100, 9101, 9102]);
    for (let turn = 0; turn < 30; turn++) world.client().send('a');
    world.run(20);
    const used = world.cluster('db').endpoints.filter(({ picks }) => picks > 0);
    expect(used.length).toBe(most);
  }
});
