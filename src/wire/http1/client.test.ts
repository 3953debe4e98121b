import { describe, expect, test } from 'bun:test';
import { MeshError } from '../../base/index.ts';
import { createRequestHead } from '../made-head.ts';
import type { ClientStream } from '../stream.ts';
import { Http1ClientCodec } from './client.ts';
import { responseCases } from './client-cases.ts';
import { defaultHttp1Limits } from './limits.ts';
import { bytesOf, MemorySink, StoryClientHost, StoryReceiver } from './test-sinks.ts';

const limits = { ...defaultHttp1Limits, headBytesMax: 1024 };

interface Run {
  readonly codec: Http1ClientCodec;
  readonly host: StoryClientHost;
  readonly sink: MemorySink;
  readonly stream: ClientStream;
}

function createRun(
  method = 'GET',
  endStream = true,
  fields: readonly (readonly [string, string])[] = [],
): Run {
  const sink = new MemorySink();
  const host = new StoryClientHost();
  const codec = new Http1ClientCodec(sink, host, limits, true);
  const stream = codec.start(
    createRequestHead(method, 'a', '/', fields),
    endStream,
    new StoryReceiver(host.story),
  );
  return { codec, host, sink, stream };
}

function feed(run: Run, raw: string, cuts: readonly number[] = []): void {
  let start = 0;
  for (const cut of [...cuts, raw.length]) {
    if (cut > start) run.codec.receive(bytesOf(raw.slice(start, cut)));
    start = cut;
  }
}

const emptyOk = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
const anError = new MeshError('cancelled', 'downstream', 'no', 'left');

describe('responses: whole, byte by byte, split at every point', () => {
  for (const { name, method, raw, ended, events } of responseCases) {
    test(name, () => {
      const everyByte = Array.from(raw, (_, index) => index);
      const step = raw.length > 500 ? 97 : 1;
      const splits = everyByte.filter((index) => index % step === 0).map((index) => [index]);
      for (const cuts of [[], everyByte, ...splits]) {
        const run = createRun(method);
        feed(run, raw, cuts);
        if (ended) run.codec.receiveEnd();
        expect(run.host.events).toEqual(events as string[]);
        expect(run.codec.capacity).toBe(events.at(-1) === 'done reusable' ? 1 : 0);
      }
    });
  }
});

describe('connection', () => {
  test('one request after another', () => {
    const run = createRun();
    for (let index = 0; index < 3; index++) {
      expect(run.codec.capacity).toBe(0);
      feed(run, emptyOk);
      expect(run.codec.capacity).toBe(1);
      run.codec.start(
        createRequestHead('GET', 'b', `/${index}`, []),
        true,
        new StoryReceiver(run.host.story),
      );
    }
    expect(run.sink.take()).toBe(
      ['/ HTTP/1.1\r\nhost: a', '/0 HTTP/1.1\r\nhost: b', '/1 HTTP/1.1\r\nhost: b', '/2 HTTP/1.1\r\nhost: b']
        .map((line) => `GET ${line}\r\n\r\n`)
        .join(''),
    );
  });

  test('bytes while idle retire the connection and reset it', () => {
    const run = createRun();
    feed(run, emptyOk);
    feed(run, emptyOk);
    expect(run.host.events).toEqual(['response 200 [content-length: 0] end', 'done reusable', 'retired']);
    expect(run.sink.calls).toEqual(['reset']);
    expect(run.codec.capacity).toBe(0);
  });

  test('bytes behind the response deliver it and end the connection', () => {
    for (const raw of [
      `${emptyOk}x`,
      `${emptyOk}${emptyOk}`,
      'HTTP/1.1 204 N\r\n\r\n0\r\n\r\n',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab',
    ]) {
      const run = createRun();
      feed(run, raw);
      expect(run.host.events.at(0)).toBe(
        raw.includes(': 1') ? 'response 200 [content-length: 1]' : 'retired',
      );
      expect(run.host.events.at(-1)).toBe('done');
      expect(run.codec.capacity).toBe(0);
    }
  });

  test('a body of a response to HEAD is never taken for the next response', () => {
    const run = createRun('HEAD');
    feed(run, `HTTP/1.1 200 OK\r\nContent-Length: ${emptyOk.length}\r\n\r\n${emptyOk}`);
    expect(run.codec.capacity).toBe(0);
  });

  test('an end while idle retires the connection', () => {
    const run = createRun();
    feed(run, emptyOk);
    run.codec.receiveEnd();
    expect(run.host.events.slice(2)).toEqual(['retired']);
    expect(run.sink.calls).toEqual(['end']);
    run.codec.closed(null);
    expect(run.host.events.length).toBe(3);
  });

  test('a closed socket resets the stream with its error', () => {
    const run = createRun();
    run.codec.closed(new MeshError('peer-reset', 'upstream', 'if-unsent', 'gone'));
    expect(run.host.events).toEqual(['retired', 'reset upstream peer-reset: gone', 'done']);
  });

  test('a reset of the stream tells the pool and not the receiver', () => {
    const run = createRun();
    run.stream.reset(anError);
    expect(run.host.events).toEqual(['retired', 'done']);
    expect(run.sink.calls).toEqual(['reset']);
    feed(run, emptyOk);
    run.codec.closed(null);
    expect(run.host.events.length).toBe(2);
  });

  test('a stream that is over cannot touch the next one', () => {
    const run = createRun();
    feed(run, emptyOk);
    run.codec.start(createRequestHead('POST', 'b', '/', []), false, new StoryReceiver(run.host.story));
    run.sink.take();
    run.stream.sendBody(bytesOf('x'), 0, 1);
    run.stream.sendEnd(null);
    run.stream.reset(anError);
    run.stream.pause();
    expect(run.sink.take()).toBe('');
    expect(run.sink.calls).toEqual([]);
  });
});

describe('requests', () => {
  const cases: readonly [string, boolean, [string, string][], string[], string][] = [
    ['without body', true, [], [], '\r\n'],
    ['of unknown length', false, [], ['ab', ''], 'transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n'],
    ['of known length', false, [['content-length', '2']], ['a', 'b'], 'content-length: 2\r\n\r\nab'],
    ['of length 0', true, [['content-length', '0']], [], 'content-length: 0\r\n\r\n'],
  ];
  for (const [name, endStream, fields, body, expected] of cases) {
    test(name, () => {
      const run = createRun('POST', endStream, fields);
      expect(run.stream.sent).toBe(true);
      for (const piece of body) run.stream.sendBody(bytesOf(piece), 0, piece.length);
      if (!endStream) run.stream.sendEnd(null);
      expect(run.sink.take()).toBe(`POST / HTTP/1.1\r\nhost: a\r\n${expected}`);
      feed(run, emptyOk);
      expect(run.codec.capacity).toBe(1);
    });
  }

  test('a large chunk goes out untouched between its framing', () => {
    const run = createRun('POST', false);
    run.sink.take();
    run.stream.sendBody(new Uint8Array(3000).fill(65), 1000, 3000);
    expect(run.sink.take()).toBe(`7d0\r\n${'A'.repeat(2000)}\r\n`);
  });

  test('a body that differs from its length resets the connection', () => {
    for (const body of ['a', 'abc']) {
      const run = createRun('POST', false, [['content-length', '2']]);
      run.stream.sendBody(bytesOf(body), 0, body.length);
      run.stream.sendEnd(null);
      expect(run.sink.calls).toEqual(['reset']);
      expect(run.host.events.at(-1)).toBe('done');
    }
  });

  test('a response before the request ended is delivered; the connection is not kept', () => {
    const run = createRun('POST', false);
    run.stream.sendBody(bytesOf('a'), 0, 1);
    feed(run, emptyOk);
    expect(run.host.events).toEqual(['retired', 'response 200 [content-length: 0] end', 'done']);
    expect(run.sink.calls).toEqual(['reset']);
    run.stream.sendBody(bytesOf('b'), 0, 1);
    run.stream.sendEnd(null);
    expect(run.sink.text).toEndWith('\r\n1\r\na\r\n');
  });

  test('a response that begins before the request ended and ends after it keeps the connection', () => {
    const run = createRun('POST', false);
    feed(run, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na');
    run.stream.sendEnd(null);
    feed(run, 'b');
    expect(run.host.events.at(-1)).toBe('done reusable');
  });

  test('backpressure both ways', () => {
    const run = createRun('POST', false);
    run.sink.writable = false;
    expect(run.stream.sendBody(bytesOf('a'), 0, 1)).toBe(false);
    run.codec.drained();
    expect(run.host.events).toEqual(['writable']);
    run.stream.sendEnd(null);
    run.codec.drained();
    expect(run.host.events).toEqual(['writable']);
    feed(run, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na');
    run.stream.pause();
    run.stream.pause();
    feed(run, 'b');
    expect(run.sink.calls).toEqual(['pause', 'resume']);
  });

  test('a second request on a busy connection is a bug', () => {
    const run = createRun();
    expect(() =>
      run.codec.start(createRequestHead('GET', 'a', '/', []), true, new StoryReceiver(run.host.story)),
    ).toThrow('bug:');
  });

  test('heads that would inject a line are asserted', () => {
    for (const [method, authority, path] of [
      ['G T', 'a', '/'],
      ['GET', 'a\r\nb', '/'],
      ['GET', 'a', '/ x'],
      ['GET', 'a', '/\n'],
      ['GET', 'a', '/\u010a'],
      ['GET', 'a', ''],
    ] as const) {
      const codec = new Http1ClientCodec(new MemorySink(), new StoryClientHost(), limits);
      // Made safe when it is made: what is set later is the setter's to answer for.
      const head = Object.assign(createRequestHead(method, '', '/', []), { authority, path });
      expect(() => codec.start(head, true, new StoryReceiver(new StoryClientHost().story))).toThrow('bug:');
    }
  });
});
