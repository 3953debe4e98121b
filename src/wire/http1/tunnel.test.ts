import { describe, expect, test } from 'bun:test';
import { MeshError } from '../../base/index.ts';
import { createResponseHead } from '../made-head.ts';
import type { ClientStream, ServerStream } from '../stream.ts';
import { Http1ClientCodec } from './client.ts';
import { defaultHttp1Limits } from './limits.ts';
import { Http1ServerCodec } from './server.ts';
import { bytesOf, MemorySink, StoryClientHost, StoryReceiver, StoryServerHost } from './test-sinks.ts';

const upgrade = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n';
const connect = 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n';
const upgradeEvent = 'request GET |a|/chat 1.1 [host: a, connection: Upgrade, upgrade: WebSocket]';
const switching = 'HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n\r\n';

class Server {
  readonly sink = new MemorySink();
  readonly host = new StoryServerHost((stream) => {
    this.stream = stream;
    return null;
  });
  readonly codec = new Http1ServerCodec(this.sink, this.host, defaultHttp1Limits, true);
  stream: ServerStream | null = null;

  feed(raw: string, cuts: readonly number[] = []): this {
    let start = 0;
    for (const cut of [...cuts, raw.length]) {
      if (cut > start) this.codec.receive(bytesOf(raw.slice(start, cut)));
      start = cut;
    }
    return this;
  }

  open(status = 101): this {
    this.stream?.openTunnel(createResponseHead(status, [['content-length', '7']]));
    return this;
  }

  send(text: string): this {
    this.stream?.sendBody(bytesOf(text), 0, text.length);
    return this;
  }
}

class Client {
  readonly sink = new MemorySink();
  readonly host = new StoryClientHost();
  readonly codec = new Http1ClientCodec(this.sink, this.host, defaultHttp1Limits, true);
  readonly stream: ClientStream;

  /** Sends what a server read. */
  constructor(raw: string) {
    const server = new Server().feed(raw);
    const { head } = server.host;
    if (head === null) throw new Error('no request');
    this.stream = this.codec.start(head, false, new StoryReceiver(this.host.story));
  }

  feed(raw: string): this {
    this.codec.receive(bytesOf(raw));
    return this;
  }
}

describe('the server side', () => {
  for (const [name, raw, status, event, head] of [
    ['an upgrade', upgrade, 101, upgradeEvent, switching],
    ['CONNECT', connect, 200, 'request CONNECT |a:443| 1.1 [host: a:443]', 'HTTP/1.1 200 OK\r\n\r\n'],
  ] as const) {
    test(`${name} becomes bytes both ways, however it is cut`, () => {
      const bytes = 'GET / HTTP/1.1\r\n\r\n';
      for (let cut = 1; cut < raw.length + bytes.length; cut++) {
        const server = new Server()
          .feed(raw + bytes, [cut])
          .open(status)
          .send('hello');
        expect(server.host.events).toEqual([event, `body ${bytes}`]);
        expect(server.sink.take()).toBe(`${head}hello`);
      }
    });
  }

  test('the client ends first, and is still written to', () => {
    const server = new Server().feed(upgrade).open();
    server.codec.receiveEnd();
    expect(server.host.events).toEqual([upgradeEvent, 'end']);
    server.send('more').stream?.sendEnd(null);
    expect(server.sink.take()).toBe(`${switching}more`);
    expect(server.sink.calls).toContain('end');
    expect(server.codec.closing).toBe(true);
  });

  test('we end first, and still read', () => {
    const server = new Server().feed(upgrade).open();
    server.stream?.sendEnd(null);
    expect([server.sink.calls, server.codec.closing]).toEqual([['end'], false]);
    server.feed('more').codec.receiveEnd();
    expect(server.host.events).toEqual([upgradeEvent, 'body more', 'end']);
    expect(server.codec.closing).toBe(true);
  });

  test('a client that ends before the answer is answered', () => {
    const server = new Server().feed(upgrade);
    server.codec.receiveEnd();
    server.open().send('x').stream?.sendEnd(null);
    expect(server.sink.take()).toBe(`${switching}x`);
    expect(server.codec.closing).toBe(true);
  });

  test('what follows a refusal is no request', () => {
    const server = new Server().feed(upgrade);
    server.stream?.sendResponse(createResponseHead(403, []), true);
    server.feed('GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n');
    expect(server.sink.take()).toBe(
      'HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
    );
    expect(server.host.events).toEqual([upgradeEvent]);
    expect(server.codec.closing).toBe(true);
  });

  test('the loss of the connection is told once', () => {
    const server = new Server().feed(upgrade).open();
    server.codec.closed(new MeshError('peer-reset', 'downstream', 'no', 'gone'));
    expect(server.host.events.slice(1)).toEqual(['reset downstream peer-reset: gone']);
  });

  test('pauses and resumes as a body does', () => {
    const server = new Server().feed(upgrade).open();
    server.stream?.pause();
    server.stream?.resume();
    server.codec.drained();
    expect(server.sink.calls).toEqual(['pause', 'resume']);
    expect(server.host.events).toEqual([upgradeEvent, 'writable']);
  });
});

describe('the client side', () => {
  const accepted = 'HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n';

  test('an upgrade goes out as one, and 101 opens the tunnel', () => {
    const client = new Client(upgrade).feed(`HTTP/1.1 103 Early\r\n\r\n${accepted}hello`);
    expect(client.sink.take()).toBe(
      'GET /chat HTTP/1.1\r\nHost: a\r\nconnection: Upgrade\r\nupgrade: WebSocket\r\n\r\n',
    );
    expect(client.host.events).toEqual([
      'retired',
      'informational 103 []',
      'response 101 [upgrade: websocket, connection: upgrade]',
      'body hello',
    ]);
  });

  test('CONNECT keeps its form, and any 2xx opens the tunnel', () => {
    const client = new Client(connect).feed('HTTP/1.1 204 Fine\r\n\r\nhello');
    expect(client.sink.take()).toBe('CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n');
    expect(client.host.events).toEqual(['retired', 'response 204 []', 'body hello']);
  });

  for (const first of ['server', 'we'] as const) {
    test(`${first} end first`, () => {
      const client = new Client(upgrade).feed(accepted);
      if (first === 'server') client.codec.receiveEnd();
      client.stream.sendBody(bytesOf('x'), 0, 1);
      client.stream.sendEnd(null);
      if (first === 'we') client.feed('y').codec.receiveEnd();
      expect(client.host.events.slice(2)).toEqual(
        first === 'server' ? ['end', 'done'] : ['body y', 'end', 'done'],
      );
      expect(client.sink.calls).toContain('end');
    });
  }

  test('a refusal is an ordinary answer, after which the connection ends', () => {
    const client = new Client(upgrade).feed('HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno');
    expect(client.host.events).toEqual([
      'retired',
      'response 426 [content-length: 2]',
      'body no',
      'end',
      'done',
    ]);
    expect(client.sink.calls).toEqual(['end']);
  });

  test('101 to CONNECT is refused', () => {
    const client = new Client(connect).feed(accepted);
    expect(client.host.events.at(-2)).toContain('101 came without an Upgrade having been sent');
  });

  test('a reset of either side ends it', () => {
    const client = new Client(upgrade).feed(accepted);
    client.codec.closed(null);
    expect(client.host.events.slice(2)).toEqual([
      'reset upstream peer-closed: the server closed before its response was complete',
      'done',
    ]);
  });
});
