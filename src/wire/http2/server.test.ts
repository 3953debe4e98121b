import { describe, expect, test } from 'bun:test';
import { lastingBytesMin, VirtualClock } from '../../base/index.ts';
import { createResponseHead, createTrailers } from '../made-head.ts';
import { defaultWindow, windowMax } from './constants.ts';
import { pinnedBytesMax } from './send-queue.ts';
import { serverCases } from './server-cases.ts';
import {
  concat,
  data,
  getLines,
  headers,
  hello,
  options,
  ping,
  postLines,
  preface,
  reset,
  ServerBench,
  settings,
  windowUpdate,
} from './test-frames.ts';

/** Plays `bytes` in pieces that end at `cuts`. */
function play(bytes: Uint8Array, cuts: readonly number[]): { frames: string[]; events: string[] } {
  const bench = new ServerBench();
  bench.feed(hello);
  bench.take();
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    bench.feed(bytes.slice(from, cut));
    from = cut;
  }
  return { frames: bench.take(), events: bench.host.events };
}

describe('requests', () => {
  for (const { name, bytes, frames, events } of serverCases) {
    test(name, () => {
      const whole = play(bytes, []);
      expect(whole.frames).toEqual([...frames]);
      if (events !== undefined) expect(whole.events).toEqual([...events]);
      const every = Array.from({ length: Math.min(bytes.length, 600) - 1 }, (_, index) => index + 1);
      expect(play(bytes, every)).toEqual(whole);
      for (const cut of every) expect(play(bytes, [cut])).toEqual(whole);
    });
  }
});

describe('the preface', () => {
  test('split at each point', () => {
    const bytes = concat(hello, headers(1, getLines));
    for (let cut = 1; cut < bytes.length; cut++) {
      const bench = new ServerBench();
      bench.feed(bytes.slice(0, cut)).feed(bytes.slice(cut));
      expect(bench.host.events).toEqual(['1 request GET http|a.example|/ [] end']);
    }
  });

  test('another one ends the connection', () => {
    const bench = new ServerBench();
    bench.feed(Uint8Array.from(Buffer.from('PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n')));
    expect(bench.take()).toEqual(['goaway 0 protocolError']);
    expect([bench.codec.closing, bench.sink.calls]).toEqual([true, ['end']]);
  });

  test('a first frame that is not SETTINGS ends the connection', () => {
    expect(new ServerBench().feed(preface, ping()).take()).toEqual(['goaway 0 protocolError']);
    expect(new ServerBench().feed(preface, data(1, 'a')).take()).toEqual(['goaway 0 protocolError']);
  });
});

describe('answers', () => {
  test('a head, a body and trailers', () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, getLines)).take();
    const stream = bench.host.streams[0]!;
    stream.sendResponse(
      createResponseHead(200, [
        ['content-type', 'text/plain'],
        ['connection', 'close'],
        ['transfer-encoding', 'chunked'],
      ]),
      false,
    );
    stream.sendBody(Buffer.from('hello'), 0, 5);
    stream.sendEnd(createTrailers([['grpc-status', '0']]));
    expect(bench.take()).toEqual([
      'headers 1 [:status: 200, content-type: text/plain]',
      'data 1 hello',
      'headers 1 end [grpc-status: 0]',
    ]);
    expect(bench.host.events.at(-1)).toBe('idle');
  });

  test('what all streams say in a turn leaves in one write', () => {
    const bench = new ServerBench();
    bench.feed(hello, ...[1, 3, 5, 7].map((id) => headers(id, getLines))).take();
    const before = bench.sink.writes;
    for (const stream of bench.host.streams) {
      stream.sendResponse(createResponseHead(200, []), false);
      stream.sendBody(Buffer.from('x'), 0, 1);
      stream.sendEnd(null);
    }
    expect(bench.take().length).toBe(12);
    expect(bench.sink.writes - before).toBe(1);
  });

  test('an informational response goes before the answer', () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, getLines)).take();
    const stream = bench.host.streams[0]!;
    stream.sendInformational(createResponseHead(103, [['link', '</a>']]));
    stream.sendResponse(createResponseHead(204, []), true);
    expect(bench.take()).toEqual(['headers 1 [:status: 103, link: </a>]', 'headers 1 end [:status: 204]']);
  });

  test('an answer before the end of the request asks for no more of it', () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, postLines, 4)).take();
    bench.host.streams[0]!.sendResponse(createResponseHead(403, []), true);
    expect(bench.take()).toEqual(['headers 1 end [:status: 403]', 'rstStream 1 noError']);
    // What was under way is no fault.
    bench.feed(data(1, 'late'), headers(1, [['x', '1']]));
    expect(bench.take()).toEqual([]);
  });

  test('a long head goes out in CONTINUATION frames', () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, getLines)).take();
    bench.host.streams[0]!.sendResponse(createResponseHead(200, [['x-long', 'v'.repeat(40_000)]]), true);
    const lines = bench.take().map((line) => line.slice(0, 16));
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['headers', 'continuation', 'continuation']);
  });

  test('late calls go nowhere', () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, getLines), reset(1)).take();
    const stream = bench.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    stream.sendBody(Buffer.from('x'), 0, 1);
    stream.sendEnd(null);
    expect(bench.take()).toEqual([]);
  });
});

describe('windows', () => {
  const body = Buffer.alloc(100, 'b');

  test('a body waits for its stream and for the connection', () => {
    const bench = new ServerBench();
    bench.feed(preface, settings([4, 30]), headers(1, getLines)).take();
    const stream = bench.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    expect(stream.sendBody(body, 0, 100)).toBe(false);
    stream.sendEnd(null);
    expect(bench.take().at(-1)).toBe(`data 1 ${'b'.repeat(30)}`);
    bench.feed(windowUpdate(1, 50));
    expect(bench.take()).toEqual([`data 1 ${'b'.repeat(50)}`]);
    // A larger initial window counts for open streams too.
    bench.feed(settings([4, 60]));
    expect(bench.take()).toEqual([`data 1 ${'b'.repeat(20)}`, 'data 1 end ']);
  });

  test('a large body that waits stays where it lies, few bytes may be used again', () => {
    for (const [length, queued] of [
      [lastingBytesMin, 'new'],
      [lastingBytesMin - 1, 'old'],
    ] as const) {
      const bench = new ServerBench();
      bench.feed(preface, settings([4, 0]), headers(1, getLines)).take();
      const stream = bench.host.streams[0]!;
      stream.sendResponse(createResponseHead(200, []), false);
      const bytes = new Uint8Array(length).fill(111);
      expect(stream.sendBody(bytes, 0, length)).toBe(false);
      bytes.fill(110);
      bench.take();
      bench.feed(windowUpdate(1, length));
      expect(bench.take()).toEqual([`data 1 ${(queued === 'old' ? 'o' : 'n').repeat(length)}`]);
    }
  });

  test('beyond what a connection may hold so, bodies that wait are copied', () => {
    const bench = new ServerBench();
    bench.feed(preface, settings([4, 0]), headers(1, getLines)).take();
    const stream = bench.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    stream.sendBody(new Uint8Array(pinnedBytesMax), 0, pinnedBytesMax);
    const bytes = new Uint8Array(lastingBytesMin).fill(111);
    stream.sendBody(bytes, 0, bytes.length);
    bytes.fill(110);
    bench.feed(windowUpdate(0, windowMax - defaultWindow), windowUpdate(1, windowMax));
    expect(bench.take().join('')).toEndWith('o'.repeat(lastingBytesMin));
  });

  test('trailers behind a body that waits are what they were when it was given', () => {
    const bench = new ServerBench();
    bench.feed(preface, settings([4, 0]), headers(1, getLines)).take();
    const stream = bench.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    stream.sendBody(Buffer.from('body'), 0, 4);
    const trailers = createTrailers([['x-mine', '1']]);
    stream.sendEnd(trailers);
    trailers.removeName('x-mine');
    trailers.add('x-of-another', '2');
    bench.take();
    bench.feed(windowUpdate(1, 4));
    expect(bench.take()).toEqual(['data 1 body', 'headers 1 end [x-mine: 1]']);
  });

  test('a smaller initial window may make one negative', () => {
    const bench = new ServerBench();
    bench.feed(preface, settings([4, 30]), headers(1, getLines)).take();
    const stream = bench.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    stream.sendBody(body, 0, 60);
    bench.feed(settings([4, 0]), windowUpdate(1, 30)).take();
    bench.feed(windowUpdate(1, 10));
    expect(bench.take()).toEqual([`data 1 ${'b'.repeat(10)}`]);
  });

  test('streams that wait take turns', () => {
    const bench = new ServerBench();
    bench.feed(preface, settings([4, 2 ** 20]), headers(1, getLines), headers(3, getLines)).take();
    const large = Buffer.alloc(100_000, 'l');
    for (const stream of bench.host.streams) {
      stream.sendResponse(createResponseHead(200, []), false);
      stream.sendBody(large, 0, large.length);
    }
    bench.take();
    bench.feed(windowUpdate(0, 65_536));
    const order = bench.take().map((line) => line.split(' ')[1]);
    expect(order).toEqual(['1', '3', '1', '3']);
  });

  test('a stream hears that it may go on when its queue is empty', () => {
    const bench = new ServerBench();
    bench.feed(preface, settings([4, 10]), headers(1, getLines)).take();
    const stream = bench.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    stream.sendBody(body, 0, 20);
    bench.feed(windowUpdate(1, 5));
    expect(bench.host.events).not.toContain('1 writable');
    bench.feed(windowUpdate(1, 5));
    expect(bench.host.events).toContain('1 writable');
  });

  test('a full socket holds DATA back and nothing else', () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, getLines)).take();
    bench.sink.writable = false;
    const stream = bench.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    bench.take();
    expect(stream.sendBody(body, 0, 100)).toBe(false);
    bench.feed(ping());
    expect(bench.take()).toEqual(['ping 0 ack']);
    bench.sink.writable = true;
    bench.codec.drained();
    expect(bench.take()).toEqual([`data 1 ${'b'.repeat(100)}`]);
  });

  test('a paused stream gets no window, the connection does', () => {
    const bench = new ServerBench(options({ streamWindowBytes: 65_535, connectionWindowBytes: 65_535 }));
    bench.feed(hello, headers(1, postLines, 4), headers(3, postLines, 4)).take();
    bench.host.streams[0]!.pause();
    bench.feed(data(1, 'a'.repeat(16_000)), data(1, 'a'.repeat(16_000)), data(1, 'a'.repeat(8000)));
    expect(bench.take()).toEqual(['windowUpdate 0 40000']);
    bench.feed(data(3, 'b'.repeat(16_000)), data(3, 'b'.repeat(16_000)), data(3, 'b'.repeat(8000)));
    expect(bench.take()).toEqual(['windowUpdate 3 40000', 'windowUpdate 0 40000']);
    bench.host.streams[0]!.resume();
    expect(bench.take()).toEqual(['windowUpdate 1 40000']);
  });

  test('DATA beyond a window ends its stream', () => {
    const bench = new ServerBench(options({ streamWindowBytes: 65_535 }));
    bench.feed(hello, headers(1, postLines, 4)).take();
    bench.host.streams[0]!.pause();
    for (let sent = 0; sent < 80_000; sent += 16_000) bench.feed(data(1, 'a'.repeat(16_000)));
    expect(bench.take()).toEqual(['rstStream 1 flowControlError']);
  });
});

describe('the end', () => {
  test('draining says twice that the end has come, and loses nothing between', () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, getLines)).take();
    bench.codec.drain();
    expect(bench.take()).toEqual([`goaway ${2 ** 31 - 1} noError`, 'ping 0']);
    // A request that was under way is served.
    bench.feed(headers(3, getLines));
    bench.feed(pong(2));
    expect(bench.take()).toEqual(['goaway 3 noError']);
    bench.feed(headers(5, getLines));
    expect(bench.host.streams.length).toBe(2);
    for (const stream of bench.host.streams) stream.sendResponse(createResponseHead(200, []), true);
    expect(bench.take()).toEqual(['headers 1 end [:status: 200]', 'headers 3 end [:status: 200]']);
    expect([bench.codec.closing, bench.sink.calls, bench.host.events.at(-1)]).toEqual([
      true,
      ['end'],
      'ending',
    ]);
  });

  test('a client that answers no PING is not waited for', () => {
    const clock = new VirtualClock();
    const bench = new ServerBench(options({}, clock));
    bench.feed(hello).take();
    bench.codec.drain();
    bench.take();
    clock.advanceTo(1000);
    expect(bench.take()).toEqual(['goaway 0 noError']);
    expect(bench.codec.closing).toBe(true);
  });

  test("the client's FIN lets answers out and gives half requests up", () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, getLines), headers(3, postLines, 4)).take();
    bench.codec.receiveEnd();
    expect(bench.host.events.at(-1)).toBe(
      '2 reset downstream peer-closed: the client ended within a request',
    );
    bench.host.streams[0]!.sendResponse(createResponseHead(200, []), true);
    expect(bench.take()).toEqual(['headers 1 end [:status: 200]']);
    expect(bench.sink.calls).toEqual(['end']);
  });

  test('a lost socket resets every stream', () => {
    const bench = new ServerBench();
    bench.feed(hello, headers(1, getLines), headers(3, getLines));
    bench.codec.closed(null);
    expect(bench.host.events.filter((event) => event.includes('reset')).length).toBe(2);
    expect(bench.options.clock).toHaveProperty('armedCount', 0);
  });

  test('keepalive: a PING when nothing came, the end when it is not answered', () => {
    const clock = new VirtualClock();
    const bench = new ServerBench({ ...options({}, clock), keepaliveMs: 1000, keepaliveTimeoutMs: 100 });
    bench.feed(hello).take();
    clock.advanceTo(1000);
    expect(bench.take()).toEqual([]);
    clock.advanceTo(2000);
    expect(bench.take()).toEqual(['ping 0']);
    bench.feed(pong(1));
    clock.advanceTo(3200);
    expect(bench.take()).toEqual(['ping 0']);
    clock.advanceTo(3400);
    expect([bench.codec.closing, bench.host.events.at(-1)]).toEqual([true, 'ending']);
  });
});

function pong(value: number): Uint8Array {
  const bytes = ping(1).slice();
  bytes.set([0, 0, 0, 0, 0, 0, 0, value], 9);
  return bytes;
}
