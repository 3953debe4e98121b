// Retries over a chain of three services, each with its sidecar and its budget: what the last one is asked is bounded
// by one budget and a little, not by three on top of each other (docs/decisions/0011-retries-in-a-chain.md).

import { describe, expect, test } from 'bun:test';
import type { RetryPolicy } from '../../policy/index.ts';
import type { DataPlane } from '../data-plane.ts';
import {
  clusterConfig,
  endpointConfig,
  forwardTo,
  ip,
  listenerConfig,
  route,
  snapshot,
} from '../testing/configs.ts';
import { type OriginConnection, type Respond, TestClient } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const retry: RetryPolicy = {
  on: ['ConnectFailure', 'Reset', 'Unavailable', 'GatewayError', 'AttemptTimeout'],
  statusCodes: [],
  methods: ['GET'],
  idempotencyHeader: null,
  attempts: 2,
  backoff: { baseMs: 25, maxMs: 250 },
};

const retryLimit = {
  kind: 'window',
  percent: 20,
  intervalMs: 10_000,
  minRetries: { count: 10, intervalMs: 10_000 },
} as const;

/** An application's own call, whose answer it passes on. */
class Call extends TestClient {
  caller: OriginConnection | null = null;

  override onData(socket: Parameters<TestClient['onData']>[0], bytes: Uint8Array): void {
    super.onData(socket, bytes);
    const status = this.statuses[0];
    if (status === undefined || this.caller === null) return;
    this.caller.reply(status);
    this.caller = null;
    this.socket.end();
  }
}

/** `port`: inbound; `port + 1`: outbound to `next`, which has a sidecar where `proxied`. */
function sidecar(world: World, port: number, application: number, next: number, proxied: boolean): DataPlane {
  const plane = world.createPlane(`bank/service-${port}`);
  const timeouts = { requestMs: 15_000, attemptMs: 1_000, idleMs: null };
  const own = (name: string, cluster: string) => ({
    name,
    virtualHosts: [{ name, domains: ['*'], routes: [route({ action: forwardTo([cluster, 1]) })] }],
  });
  plane.apply(
    snapshot({
      listeners: [
        listenerConfig({ name: 'inbound', address: ip(port), direction: 'inbound', routeConfig: 'inbound' }),
        listenerConfig({ name: 'outbound', address: ip(port + 1), routeConfig: 'outbound' }),
      ],
      routes: [own('inbound', 'application'), own('outbound', 'next')],
      clusters: [
        clusterConfig({ name: 'application' }),
        clusterConfig({ name: 'next', retry, retryLimit, timeouts }),
      ],
      endpoints: {
        application: [endpointConfig(application)],
        next: [endpointConfig(next, { proxied })],
      },
    }),
  );
  return plane;
}

function chain(last: Respond, propagates: boolean) {
  const world = new World({ peer: 'bank/edge' });
  const end = world.origin(last);
  let next = end.port;
  let proxied = false;
  for (const port of [15_300, 15_200, 15_100]) {
    const application = world.origin((connection, request) => {
      const passedOn = request.split('\r\n').filter((line) => /^(traceparent|x-request-id):/.test(line));
      const call = new Call(world.network, ip(port + 1));
      call.caller = connection;
      call.get('/', propagates ? passedOn : []);
    });
    sidecar(world, port, application.port, next, proxied);
    next = port;
    proxied = true;
  }
  world.apply({
    clusters: [
      clusterConfig({ retry, retryLimit, timeouts: { requestMs: 15_000, attemptMs: 4_000, idleMs: null } }),
    ],
    endpoints: { ledger: [endpointConfig(next, { proxied: true })] },
  });
  return { world, end };
}

/** 20 a second for 20 s; how many requests the end of the chain got for each. */
function amplification(last: Respond, propagates = true): number {
  const { world, end } = chain(last, propagates);
  const requests = 400;
  for (let index = 0; index < requests; index++) {
    world.client().get('/');
    world.run(50);
  }
  world.run(20_000);
  return end.requests.length / requests;
}

describe('over three hops, every call failing', () => {
  test('with a 503: one budget and a little', () => {
    expect(amplification((connection) => connection.reply(503))).toBeLessThan(1.3);
  });

  test('with a reset: the same', () => {
    expect(amplification((connection) => connection.socket.reset())).toBeLessThan(1.3);
  });

  test('with a paused replica: the same', () => {
    expect(amplification(() => {})).toBeLessThan(1.4);
  });

  test('where applications pass no trace on, each hop’s budget still bounds its own', () => {
    const factor = amplification((connection) => connection.reply(503), false);
    expect(factor).toBeGreaterThan(1.3);
    expect(factor).toBeLessThan(1.25 ** 4);
  });
});
