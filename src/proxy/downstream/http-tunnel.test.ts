// Tunnels inside HTTP in virtual time: who is told what when one cannot be had or ends early, and that nothing is held.

import { describe, expect, test } from 'bun:test';
import type { TcpProxyConfig } from '../config/types.ts';
import { clusterConfig, listenerConfig } from '../testing/configs.ts';
import type { OriginConnection, Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const tcp: TcpProxyConfig = {
  clusters: [{ cluster: 'ledger', weight: 1 }],
  idleTimeoutMs: 10_000,
  maxDurationMs: 0,
  connectAttemptsMax: 1,
  tunneling: { host: 'db.example:5432', postPath: null, edits: null },
};
const accept: Respond = (connection) => connection.send('HTTP/1.1 200 OK\r\n\r\n');
const silent: Respond = () => {};

function setup(
  respond: Respond,
  cluster: Parameters<typeof clusterConfig>[0] = {},
  more: Partial<TcpProxyConfig> = {},
) {
  const world = new World();
  const asked: string[] = [];
  const connections: OriginConnection[] = [];
  const origin = world.origin((connection, request) => {
    asked.push(request.split('\r\n')[0] ?? '');
    connections.push(connection);
    respond(connection, request);
  });
  world.serve([origin], {
    listeners: [listenerConfig({ tcp: { ...tcp, ...more } })],
    clusters: [clusterConfig(cluster)],
  });
  const { stats, breaker } = world.cluster();
  const held = () => [breaker.requests, breaker.pending, world.cluster().endpoints[0]!.active];
  return { world, asked, connections, stats, held };
}

describe('a tunnel inside HTTP', () => {
  test('is asked for, then carries bytes both ways', () => {
    const { world, asked, connections, held } = setup(accept);
    const client = world.client().send('ping');
    world.run(20);
    connections[0]?.send('pong');
    world.run(20);
    expect([asked, client.received]).toEqual([['CONNECT db.example:5432 HTTP/1.1'], 'pong']);
    expect(held()).toEqual([1, 0, 1]);
    client.socket.reset();
    world.run(20);
    expect(held()).toEqual([0, 0, 0]);
  });

  test('refused: the client is reset, and its endpoint is held to have failed', () => {
    const { world, held } = setup((connection) => connection.reply(403));
    const client = world.client().send('ping');
    world.run(20);
    expect([client.closed, held(), world.cluster().endpoints[0]!.attemptsFailed]).toEqual([
      'broken',
      [0, 0, 0],
      1,
    ]);
  });

  test('over the limit of requests: the client is reset, nothing is asked', () => {
    const { world, asked, stats } = setup(accept, { limits: { connections: 9, pending: 9, requests: 0 } });
    const client = world.client().send('ping');
    world.run(20);
    expect([client.closed, asked, stats.requestOverflow]).toEqual(['broken', [], 1]);
  });

  test('over the queue: the client is reset', () => {
    const { world, held } = setup(silent, { limits: { connections: 1, pending: 0, requests: 9 } });
    const client = world.client().send('ping');
    world.run(20);
    expect([client.closed, held()]).toEqual(['broken', [0, 0, 0]]);
  });

  test('a client that leaves before the answer takes the request back', () => {
    const { world, connections, held } = setup(silent);
    const client = world.client().send('ping');
    world.run(20);
    expect(held()).toEqual([1, 0, 1]);
    client.socket.reset();
    world.run(20);
    expect([held(), connections.length, world.cluster().endpoints[0]!.connections]).toEqual([
      [0, 0, 0],
      1,
      0,
    ]);
  });

  test('an answer that does not come is waited for as long as the client may be idle', () => {
    const { world, held } = setup(silent);
    const client = world.client().send('ping');
    world.run(9_900);
    expect(client.closed).toBeNull();
    world.run(200);
    expect([client.closed, held()]).toEqual(['broken', [0, 0, 0]]);
  });

  test('tried elsewhere as often as it may be', () => {
    let asked = 0;
    const { world, held } = setup(
      (connection) => {
        asked += 1;
        if (asked < 3) connection.reply(503);
        else connection.send('HTTP/1.1 200 OK\r\n\r\nhello');
      },
      {},
      { connectAttemptsMax: 3 },
    );
    const client = world.client();
    world.run(50);
    expect([asked, client.received, held()]).toEqual([3, 'hello', [1, 0, 1]]);
  });
});
