// A tunnel that is over may still have a connection with something to say. Nobody who was lent what carried it hears
// of that: neither is his request failed, nor does a third one get his answer.

import { expect, test } from 'bun:test';
import { createResponseHead } from '../../wire/index.ts';
import {
  clusterConfig,
  endpointConfig,
  forwardTo,
  http2Settings,
  httpOptions,
  ip,
  listenerConfig,
  route,
  routeConfig,
} from '../testing/configs.ts';
import { Http2Client, Http2Origin } from '../testing/http2-peers.ts';
import type { OriginConnection } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const settings = { ...http2Settings, allowConnect: true, extendedConnect: true };
const large = { ...settings, streamWindowBytes: 8_000_000, connectionWindowBytes: 16_000_000 };

function setup(kind: 'connect' | 'websocket') {
  const world = new World();
  const origin = world.origin();
  const held = new Map<string, OriginConnection>();
  origin.respond = (connection, request) => {
    if (request.startsWith('GET')) connection.reply(200);
    else held.set(request.split(' ')[1]!, connection);
  };
  const plain = route();
  const upgrades = new Map([[kind, true]]);
  const path = { value: kind === 'connect' ? '' : '/chat', ignoreCase: false };
  const tunnel = {
    ...plain,
    name: 'tunnel',
    match: { ...plain.match, path: { ...path, kind: kind === 'connect' ? 'connect' : 'prefix' } as const },
    action: {
      ...forwardTo([kind === 'connect' ? 'ledger' : 'h2', 1]),
      upgrades,
      ...(kind === 'connect' ? { connect: 'terminate' as const } : {}),
    },
  };
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ upgrades, http2: large }) })],
    routes: [routeConfig([tunnel, plain])],
    clusters: [clusterConfig(), clusterConfig({ name: 'h2', http2: settings })],
    endpoints: { ledger: [endpointConfig(origin.port)], h2: [endpointConfig(9900)] },
  });
  world.client().get('/warm');
  world.run(50);
  return { world, origin, held };
}

/** `late`: what the tunnel's connection says while somebody else has what carried the tunnel. */
function expectUntouched({ world, held }: ReturnType<typeof setup>, late: () => void): void {
  const ask = (path: string) =>
    world.client().send(`POST ${path} HTTP/1.1\r\nhost: ledger\r\ncontent-length: 0\r\n\r\n`);
  const asked = ask('/asked');
  world.run(20);
  late();
  world.run(20);
  const other = ask('/other');
  world.run(20);
  held.get('/asked')!.reply(200, 'for one alone');
  world.run(50);
  expect(asked.received).toEndWith('for one alone');
  expect(other.received).toBe('');
}

test('a CONNECT that its client reset', () => {
  const setting = setup('connect');
  const { world } = setting;
  const tunnel = world.client().send('CONNECT db:5432 HTTP/1.1\r\nhost: db:5432\r\n\r\n');
  world.run(50);
  tunnel.socket.reset();
  world.run(1.25);
  expectUntouched(setting, () => {});
});

test('a CONNECT over HTTP/2 with bytes that its endpoint has not taken', () => {
  const setting = setup('connect');
  const { origin, world } = setting;
  const before = new Set(origin.connections);
  const client = new Http2Client(world.network, world.listenAddress, world.clock);
  world.run(50);
  const call = client.connect('db:5432');
  world.run(50);
  const raw = [...origin.connections].find((connection) => !before.has(connection))!;
  raw.socket.pause();
  for (let sent = 0; sent < 40; sent++) call.send('x'.repeat(16 * 1024));
  call.end();
  world.run(20);
  raw.socket.end();
  world.run(50);
  expect(call.ended).toBe(true);
  expectUntouched(setting, () => raw.socket.reset());
});

test('a WebSocket to an endpoint of HTTP/2 that has not taken all', () => {
  const setting = setup('websocket');
  const { world } = setting;
  const h2 = new Http2Origin(world.network, ip(9900), world.clock);
  let end = () => {};
  let reset = () => {};
  const receive = h2.receive.bind(h2);
  h2.receive = (connection, stream, head, endStream) => {
    const asked = receive(connection, stream, head, endStream);
    stream.pause();
    stream.openTunnel(createResponseHead(200, []));
    end = () => stream.sendEnd(null);
    reset = () => connection.socket.reset();
    return asked;
  };
  const client = new Http2Client(world.network, world.listenAddress, world.clock);
  world.run(50);
  const call = client.upgrade('websocket', '/chat');
  world.run(50);
  for (let sent = 0; sent < 200; sent++) call.send('x'.repeat(16 * 1024));
  call.end();
  world.run(100);
  end();
  world.run(50);
  expect(call.ended).toBe(true);
  expectUntouched(setting, reset);
});
