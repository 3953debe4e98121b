import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Timer, Xoshiro128 } from '../base/index.ts';
import type { LinkConditions } from '../net/index.ts';
import type { BalanceConfig } from '../policy/index.ts';
import { effortTimeoutMs, runs } from '../testing/effort.ts';
import {
  clusterConfig,
  endpointConfig,
  httpOptions,
  listenerConfig,
  route,
  routeConfig,
  testRetry,
} from './testing/configs.ts';
import type { OriginConnection, TestClient } from './testing/peers.ts';
import { World } from './testing/world.ts';

setDefaultTimeout(effortTimeoutMs);

// Clients, origins, network and configuration misbehave at random, by seed. Whatever happens: one outcome per request,
// books that balance, nothing left over.

const seeds = runs(24);
const steps = 200;

interface Fault {
  readonly name: string;
  act(connection: OriginConnection, world: World): void;
}

const answers: readonly Fault[] = [
  { name: 'fine', act: (connection) => connection.reply(200, 'fine') },
  { name: 'fine and close', act: (connection) => connection.reply(200, 'fine', ['connection: close']) },
  { name: 'empty', act: (connection) => connection.reply(204) },
  { name: 'long', act: (connection) => connection.reply(200, 'x'.repeat(100_000)) },
  {
    name: 'chunked',
    act: (connection) =>
      connection.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'),
  },
  {
    name: 'until close',
    act: (connection) => {
      connection.send('HTTP/1.1 200 OK\r\n\r\nuntil close');
      connection.socket.end();
    },
  },
];

const faults: readonly Fault[] = [
  { name: 'unavailable', act: (connection) => connection.reply(503, 'no') },
  { name: 'error', act: (connection) => connection.reply(500, 'x'.repeat(30_000)) },
  { name: 'silent', act: () => {} },
  { name: 'reset', act: (connection) => connection.socket.reset() },
  { name: 'end', act: (connection) => connection.socket.end() },
  { name: 'garbage', act: (connection) => connection.send('\x00\x01garbage\r\n\r\n') },
  {
    name: 'cut head',
    act: (connection) => {
      connection.send('HTTP/1.1 200 OK\r\ncont');
      connection.socket.end();
    },
  },
  {
    name: 'cut body',
    act: (connection) => {
      connection.send('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\npart');
      connection.socket.reset();
    },
  },
  {
    name: 'stuck body',
    act: (connection) => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\npart'),
  },
  {
    name: 'too much',
    act: (connection) => connection.send('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nabc'),
  },
];

const balances: readonly BalanceConfig[] = [
  { kind: 'latency-aware', decayMs: 10_000, defaultRttMs: 30 },
  { kind: 'least-request', choices: 2 },
  { kind: 'round-robin' },
  { kind: 'random' },
];

class Storm {
  readonly world: World;
  private readonly random: Xoshiro128;
  private readonly clients: TestClient[] = [];
  private readonly faultShare: number;
  private round = 0;

  constructor(seed: number, conditions?: Partial<LinkConditions>) {
    this.random = new Xoshiro128(BigInt(seed));
    this.world = new World({
      seed: BigInt(seed + 1_000),
      ...(conditions === undefined ? {} : { conditions }),
    });
    this.faultShare = this.random.float() * 0.6;
    for (let index = 0; index < 3; index++) {
      const origin = this.world.origin((connection) => this.answer(connection));
      origin.onBytes = (connection) => {
        if (this.random.float() < 0.03) connection.socket.reset();
      };
    }
    this.configure();
  }

  step(): void {
    const draw = this.random.below(100);
    if (draw < 45) this.request();
    else if (draw < 55) this.upload();
    else if (draw < 60) this.leave();
    else if (draw < 64) this.configure();
    else if (draw < 66) this.client().send('nonsense\r\n\r\n');
    else if (draw < 68) for (const origin of this.world.origins) this.crash(origin.connections);
    else this.world.run(this.random.below(60));
  }

  finish(): void {
    for (const client of this.clients) client.socket.end();
    this.world.run(60_000);
    for (const client of this.clients) if (client.closed === null) client.socket.reset();
    this.world.run(30_000);
  }

  private answer(connection: OriginConnection): void {
    const list = this.random.float() < this.faultShare ? faults : answers;
    const { act } = list[this.random.below(list.length)]!;
    const delayMs = this.random.below(4) === 0 ? this.random.below(400) : 0;
    if (delayMs === 0) act(connection, this.world);
    else this.world.clock.arm(new DelayedCall(() => act(connection, this.world)).timer, delayMs);
  }

  private client(): TestClient {
    const known = this.clients[this.random.below(this.clients.length + 4)];
    if (known !== undefined && known.closed === null && !known.ended) return known;
    const client = this.world.client();
    this.clients.push(client);
    return client;
  }

  private request(): void {
    const client = this.client();
    const count = this.random.below(5) === 0 ? 3 : 1;
    for (let index = 0; index < count; index++) client.get('/', this.random.below(2) === 0 ? [] : ['x: y']);
  }

  private upload(): void {
    const client = this.client();
    const body = 'b'.repeat(this.random.below(100_000));
    const fields = this.random.below(2) === 0 ? [] : ['idempotency-key: 1'];
    if (this.random.below(4) > 0) client.post('/', body, fields);
    else client.send(`POST / HTTP/1.1\r\nhost: ledger\r\ncontent-length: ${body.length + 10}\r\n\r\n${body}`);
  }

  private leave(): void {
    const client = this.clients[this.random.below(this.clients.length + 1)];
    if (client === undefined) return;
    if (this.random.below(2) === 0) client.socket.reset();
    else client.socket.end();
  }

  private crash(connections: ReadonlySet<OriginConnection>): void {
    for (const connection of [...connections]) if (this.random.below(2) === 0) connection.socket.reset();
  }

  private configure(): void {
    this.round += 1;
    const { random, world } = this;
    const origins = world.origins.filter(() => random.below(4) > 0);
    const dead = random.below(4) === 0 ? [endpointConfig(1)] : [];
    const few = random.below(3) === 0;
    world.apply({
      version: `${this.round}`,
      listeners: [
        listenerConfig({
          address: world.listenAddress,
          http: httpOptions({ idleTimeoutMs: 20_000, requestTimeoutMs: 5_000, drainTimeoutMs: 1_000 }),
        }),
      ],
      routes: [routeConfig([route({ timeouts: { requestMs: 2_000, attemptMs: 500, idleMs: 3_000 } })])],
      clusters: [
        clusterConfig({
          balance: balances[random.below(balances.length)]!,
          limits: few ? { connections: 2, pending: 3, requests: 6 } : clusterConfig().limits,
          retry: random.below(3) === 0 ? null : testRetry,
          retryLimit: {
            kind: 'window',
            percent: 20,
            intervalMs: 10_000,
            minRetries: { count: 10, intervalMs: 1_000 },
          },
          outlier: {
            consecutiveFailures: 5,
            successRate: null,
            intervalMs: 1_000,
            baseEjectionMs: 1_000,
            maxEjectionMs: 5_000,
            maxEjectedPercent: 50,
          },
          idleTimeoutMs: 5_000,
          requestsPerConnectionMax: random.below(3) === 0 ? 5 : 0,
          panicPercent: 50,
        }),
      ],
      endpoints: {
        ledger: [...origins.map(({ listener }) => endpointConfig(0, { address: listener.address })), ...dead],
      },
    });
  }
}

class DelayedCall {
  readonly timer;

  constructor(onTimer: () => void) {
    this.timer = new Timer({ onTimer }, 0);
  }
}

describe('whatever happens', () => {
  for (let seed = 1; seed <= seeds; seed++) {
    test(`seed ${seed}: one outcome per request, and nothing is left over`, () => {
      const storm = new Storm(seed);
      for (let step = 0; step < steps; step++) storm.step();
      storm.finish();
      storm.world.expectSettled();
      const { stats } = storm.world.listener();
      expect(stats.requests).toBeGreaterThan(50);
      expect(stats.connectionsActive).toBe(0);
    });
  }

  for (let seed = 101; seed < 101 + seeds / 2; seed++) {
    test(`seed ${seed}: the same where the network splits, delays, loses and resets`, () => {
      const storm = new Storm(seed, {
        latencyMs: 2,
        jitterMs: 5,
        lossShare: 0.02,
        resetShare: 0.02,
        splitShare: 0.3,
      });
      for (let step = 0; step < steps; step++) storm.step();
      storm.finish();
      storm.world.expectSettled();
      expect(storm.world.listener().stats.connectionsActive).toBe(0);
    });
  }

  test('the same seed gives the same run', () => {
    const runs = [1, 2].map(() => {
      const storm = new Storm(5);
      for (let step = 0; step < steps; step++) storm.step();
      storm.finish();
      const { stats } = storm.world.cluster();
      return { responses: stats.responses, retries: stats.retries, total: stats.connectionsTotal };
    });
    expect(runs[0]).toEqual(runs[1]!);
  });
});
