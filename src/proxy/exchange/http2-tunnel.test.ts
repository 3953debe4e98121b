import { describe, expect, test } from 'bun:test';
import type { Head } from '../../wire/index.ts';
import { createResponseHead } from '../../wire/index.ts';
import {
  clusterConfig,
  endpointConfig,
  http2Settings,
  httpOptions,
  ip,
  listenerConfig,
} from '../testing/configs.ts';
import type { HttpAsked } from '../testing/http-ends.ts';
import { Http2Client, Http2Origin } from '../testing/http2-peers.ts';
import { World } from '../testing/world.ts';

const key = 'dGhlIHNhbXBsZSBub25jZQ==';
/** RFC 6455 section 1.3 has it for that key. */
const accept = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const asks = ['connection: Upgrade', 'upgrade: websocket', `sec-websocket-key: ${key}`];

function serve(world: World, port: number, http2: typeof http2Settings | null): void {
  const upgrades = new Map([['websocket', true]]);
  world.apply({
    listeners: [listenerConfig({ http: httpOptions({ upgrades }) })],
    clusters: [clusterConfig({ http2 })],
    endpoints: { ledger: [endpointConfig(port)] },
  });
}

/** An origin over HTTP/2 that agrees and says back what it hears. */
function echo(world: World): Http2Origin {
  const origin = new Http2Origin(world.network, ip(9100), world.clock);
  origin.onHead = (asked) => {
    asked.stream.openTunnel(createResponseHead(101, []));
    asked.onBody = (bytes, start, end) => {
      asked.stream.sendBody(bytes.slice(start, end), 0, end - start);
    };
  };
  origin.respond = (asked: HttpAsked) => asked.stream.sendEnd(null);
  return origin;
}

function valuesOf(head: Head | undefined, name: string): string | null | undefined {
  return head?.getName(name);
}

describe('WebSocket', () => {
  test('of HTTP/1.1 to an endpoint of HTTP/2', () => {
    const world = new World();
    const origin = echo(world);
    serve(world, origin.port, http2Settings);
    const client = world.client().get('/chat', asks);
    world.run(100);
    expect(client.take()).toMatch(/^HTTP\/1\.1 101 [\s\S]*upgrade: websocket/);
    const [asked] = origin.asked;
    expect([asked?.head.upgrade, asked?.head.path]).toEqual(['websocket', '/chat']);
    client.send('ping');
    world.run(100);
    expect(client.take()).toBe('ping');
    client.socket.end();
    world.run(100);
    expect(client.closed).toBe('in order');
    world.expectSettled();
  });

  test('whose server proves nothing of the key: the proxy does', () => {
    const world = new World();
    serve(world, echo(world).port, http2Settings);
    const client = world.client().get('/chat', asks);
    world.run(100);
    expect(client.received).toContain(`sec-websocket-accept: ${accept}\r\n`);
  });

  test('of HTTP/2 to an endpoint of HTTP/1.1', () => {
    const world = new World();
    const origin = world.origin((connection) =>
      connection.send('HTTP/1.1 101 Go\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nhello'),
    );
    const seen: string[] = [];
    origin.onBytes = (_connection, text) => seen.push(text);
    serve(world, origin.port, null);
    const client = new Http2Client(world.network, world.listenAddress, world.clock);
    world.run(10);
    const call = client.upgrade('websocket', '/chat');
    world.run(100);
    expect([call.status, call.body]).toEqual([101, 'hello']);
    expect(origin.requests[0]).toMatch(/^GET \/chat HTTP\/1\.1\r\nhost: ledger\r\n[\s\S]*upgrade: websocket/);
    expect(origin.requests[0]).toContain('sec-websocket-key: ');
    call.send('ping');
    world.run(100);
    expect(seen.at(-1)).toBe('ping');
    call.end();
    world.run(100);
    expect([call.ended, call.error]).toEqual([true, null]);
    world.expectSettled();
  });

  test('of HTTP/2 to HTTP/2, and other streams go on beside it', () => {
    const world = new World();
    const origin = echo(world);
    serve(world, origin.port, http2Settings);
    const client = new Http2Client(world.network, world.listenAddress, world.clock);
    world.run(10);
    const call = client.upgrade('websocket', '/chat');
    world.run(10);
    call.send('ping');
    world.run(10);
    expect([call.status, call.body]).toEqual([101, 'ping']);
    const agree = origin.onHead;
    origin.onHead = () => {};
    origin.respond = (asked) => asked.reply(200, 'fine');
    const other = client.request('GET', '/');
    world.run(10);
    expect(other.body).toBe('fine');
    origin.onHead = agree;
    origin.respond = (asked) => asked.stream.sendEnd(null);
    call.end();
    world.run(10);
    expect([call.ended, call.error]).toEqual([true, null]);
    expect(valuesOf(origin.asked[0]?.head, 'sec-websocket-key')).not.toBeUndefined();
    world.expectSettled();
  });

  test('that nobody allows is answered 403, and the connection stays', () => {
    const world = new World();
    const origin = echo(world);
    world.apply({
      clusters: [clusterConfig({ http2: http2Settings })],
      endpoints: { ledger: [endpointConfig(origin.port)] },
    });
    const client = new Http2Client(world.network, world.listenAddress, world.clock);
    world.run(10);
    const call = client.upgrade('websocket', '/chat');
    world.run(10);
    expect([call.status, origin.asked.length, client.closed]).toEqual([403, 0, false]);
    world.expectSettled();
  });

  test('asked of a server that serves none fails, and its other streams go on', () => {
    const world = new World();
    const origin = echo(world);
    origin.extendedConnect = false;
    origin.onHead = () => {};
    origin.respond = (asked) => asked.reply(200, 'fine');
    serve(world, origin.port, { ...http2Settings, tunnels: false });
    const first = world.client().get('/');
    world.run(100);
    const client = world.client().get('/chat', asks);
    world.run(100);
    expect([first.statuses, client.statuses]).toEqual([[200], [502]]);
    const other = world.client().get('/');
    world.run(100);
    expect([other.statuses, origin.accepted]).toEqual([[200], 1]);
    world.expectSettled();
  });
});
