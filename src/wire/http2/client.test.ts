import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { MeshError, VirtualClock } from '../../base/index.ts';
import { createRequestHead, createResponseHead, createTrailers } from '../made-head.ts';
import { errorCode, frameType } from './constants.ts';
import {
  ClientBench,
  Collector,
  concat,
  data,
  frame,
  headers,
  type Lines,
  options,
  Pair,
  reset,
  settings,
  uint32Bytes,
} from './test-frames.ts';

const ok: Lines = [[':status', '200']];

function goaway(last: number, code: number = errorCode.noError): Uint8Array {
  return frame(frameType.goaway, 0, 0, [...uint32Bytes(last), ...uint32Bytes(code)]);
}

interface ClientCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the receiver of the one request heard. */
  readonly events: readonly string[];
  readonly frames?: readonly string[];
  readonly method?: string;
}

const cases: readonly ClientCase[] = [
  {
    name: 'an answer with body and trailers',
    bytes: concat(headers(1, ok, 4), data(1, 'he'), data(1, 'llo'), headers(1, [['grpc-status', '0']])),
    events: ['a response 200 []', 'a body hello', 'a end [grpc-status: 0]', 'done reusable'],
  },
  {
    name: 'an answer without a body',
    bytes: headers(1, ok),
    events: ['a response 200 [] end', 'done reusable'],
  },
  {
    name: 'early hints',
    bytes: concat(
      headers(
        1,
        [
          [':status', '103'],
          ['link', '</a>'],
        ],
        4,
      ),
      headers(1, ok),
    ),
    events: ['a informational 103 [link: </a>]', 'a response 200 [] end', 'done reusable'],
  },
  {
    name: 'a length that HEAD does not have to keep',
    method: 'HEAD',
    bytes: headers(1, [...ok, ['content-length', '5']]),
    events: ['a response 200 [content-length: 5] end', 'done reusable'],
  },
  {
    name: 'a body shorter than its length',
    bytes: concat(headers(1, [...ok, ['content-length', '5']], 4), data(1, 'abc', 1)),
    events: [
      'a response 200 [content-length: 5]',
      'a body abc',
      'a reset upstream protocol: a body differs from its Content-Length',
      'done reusable',
    ],
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'DATA before a head',
    bytes: data(1, 'a'),
    events: ['a reset upstream protocol: DATA or trailers came before a response head', 'done reusable'],
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'no :status',
    bytes: headers(1, [['x-a', '1']]),
    events: ['a reset upstream protocol: a pseudo-header field is missing', 'done reusable'],
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: '101, which HTTP/2 has not',
    bytes: headers(1, [[':status', '101']], 4),
    events: [
      'a reset upstream protocol: a pseudo-header field has a value that is not allowed',
      'done reusable',
    ],
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'a request field in an answer',
    bytes: headers(1, [...ok, [':path', '/']]),
    events: ['a reset upstream protocol: a pseudo-header field that does not belong here', 'done reusable'],
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'a reset',
    bytes: reset(1, errorCode.internalError),
    events: ['a reset upstream peer-reset: the server reset the stream: internalError', 'done reusable'],
  },
  {
    name: 'a pushed stream',
    bytes: frame(frameType.pushPromise, 4, 1, [0, 0, 0, 2, 0x82]),
    events: ['retired', 'a reset upstream protocol: PUSH_PROMISE came, which nobody enabled', 'done'],
    frames: ['goaway 0 protocolError'],
  },
  {
    name: 'an answer to a request that nobody sent',
    bytes: headers(3, ok),
    events: ['retired', 'a reset upstream protocol: a frame came for a stream that was never opened', 'done'],
    frames: ['goaway 0 protocolError'],
  },
];

/** Plays the answer in pieces that end at `cuts`. */
function play({ bytes, method = 'GET' }: ClientCase, cuts: readonly number[]) {
  const bench = new ClientBench();
  bench.feed(settings());
  bench.get('a', true, method);
  bench.take();
  bench.host.events.length = 0;
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    bench.feed(bytes.slice(from, cut));
    from = cut;
  }
  return { events: bench.host.events, frames: bench.take() };
}

describe('answers', () => {
  for (const example of cases) {
    test(example.name, () => {
      const whole = play(example, []);
      expect(whole.events).toEqual([...example.events]);
      expect(whole.frames).toEqual([...(example.frames ?? [])]);
      const every = Array.from({ length: example.bytes.length - 1 }, (_, index) => index + 1);
      expect(play(example, every)).toEqual(whole);
      for (const cut of every) expect(play(example, [cut])).toEqual(whole);
    });
  }
});

describe('how many streams', () => {
  test('100 until the server has spoken, then what it says', () => {
    const bench = new ClientBench(options({ concurrentStreamsMax: 1000 }));
    expect(bench.codec.capacity).toBe(100);
    bench.feed(settings([3, 2]));
    expect([bench.codec.capacity, bench.host.events]).toEqual([2, ['capacity']]);
    bench.get('a');
    bench.get('b');
    expect(bench.codec.capacity).toBe(0);
    bench.feed(headers(1, ok));
    expect(bench.codec.capacity).toBe(1);
  });

  test('never more than our own limit', () => {
    const bench = new ClientBench(options({ concurrentStreamsMax: 3 }));
    bench.feed(settings([3, 1000]));
    expect(bench.codec.capacity).toBe(3);
  });
});

describe('what was not looked at counts as not sent', () => {
  test('REFUSED_STREAM', () => {
    const bench = new ClientBench();
    bench.feed(settings());
    const stream = bench.get('a');
    expect(stream.sent).toBe(true);
    bench.feed(reset(1, errorCode.refusedStream));
    expect(stream.sent).toBe(false);
  });

  test('a stream above the last one of GOAWAY; the others go on', () => {
    const bench = new ClientBench();
    bench.feed(settings());
    const [first, second] = [bench.get('a'), bench.get('b')];
    bench.host.events.length = 0;
    bench.feed(goaway(1));
    expect([first.sent, second.sent, bench.codec.capacity]).toEqual([true, false, 0]);
    bench.feed(headers(1, ok));
    expect(bench.host.events).toEqual([
      'retired',
      'b reset upstream peer-reset: the server reset the stream: noError',
      'done',
      'a response 200 [] end',
      'done',
    ]);
  });

  test('a second GOAWAY may name a lower stream', () => {
    const bench = new ClientBench();
    bench.feed(settings());
    const stream = bench.get('a');
    bench.feed(goaway(2 ** 31 - 1));
    expect(stream.sent).toBe(true);
    bench.feed(goaway(0));
    expect([stream.sent, bench.host.events.filter((event) => event === 'retired').length]).toEqual([
      false,
      1,
    ]);
  });
});

describe('the end of a stream', () => {
  test('an answer before the end of the request ends it', () => {
    const bench = new ClientBench();
    bench.feed(settings());
    const stream = bench.get('a', false, 'POST');
    bench.take();
    bench.feed(headers(1, ok));
    expect(bench.take()).toEqual(['rstStream 1 noError']);
    expect(stream.sendBody(Buffer.from('late'), 0, 4)).toBe(true);
    expect(bench.take()).toEqual([]);
  });

  test('a request given up is cancelled, and its late answer is no fault', () => {
    const bench = new ClientBench();
    bench.feed(settings());
    bench.get('a').reset(new MeshError('cancelled', 'downstream', 'no', 'gone'));
    expect(bench.take().at(-1)).toBe('rstStream 1 cancel');
    bench.feed(headers(1, ok, 4), data(1, 'late', 1));
    expect([bench.codec.closing, bench.codec.capacity]).toEqual([false, 100]);
  });

  test('a lost connection resets every stream', () => {
    const bench = new ClientBench();
    bench.feed(settings());
    bench.get('a');
    bench.get('b');
    bench.codec.closed(null);
    expect(bench.host.events.filter((event) => event.includes('reset upstream peer-closed')).length).toBe(2);
  });
});

describe('client and server', () => {
  const pieces = (size: number) => (bytes: Uint8Array) => {
    const cut: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) cut.push(bytes.slice(at, at + size));
    return cut;
  };

  for (const size of [1, 7, 9, 1000, 65_536]) {
    test(`bodies both ways on many streams, in pieces of ${size}`, () => {
      const bodyBytes = size === 1 ? 30_000 : 300_000;
      const pair: Pair = new Pair(
        (stream, head) => {
          const collector: Collector = new Collector(() => {
            const { body } = collector;
            stream.sendResponse(createResponseHead(200, [['x-path', head.path]]), false);
            stream.sendBody(body, 0, body.length);
            stream.sendEnd(createTrailers([['x-end', '1']]));
          });
          return collector;
        },
        {},
        pieces(size),
      );
      pair.run();
      const receivers = Array.from({ length: 5 }, (_, index) => {
        const receiver = new Collector();
        const stream = pair.client.start(
          createRequestHead('POST', 'a.example', `/${index}`, []),
          false,
          receiver,
        );
        const body = Buffer.alloc(bodyBytes, index);
        stream.sendBody(body, 0, body.length);
        stream.sendEnd(null);
        return receiver;
      });
      pair.run();
      for (const [index, receiver] of receivers.entries()) {
        expect([receiver.ended, receiver.error, receiver.body.length]).toEqual([true, null, bodyBytes]);
        expect(Buffer.from(receiver.body).equals(Buffer.alloc(bodyBytes, index))).toBe(true);
        expect(receiver.trailers?.getName('x-end')).toBe('1');
      }
      expect([pair.client.active, pair.server.active]).toEqual([0, 0]);
    });
  }

  const name = fc.stringMatching(/^x-[a-z0-9-]{1,12}$/);
  const value = fc.stringMatching(/^([!-~]([ -~]{0,30}[!-~])?)?$/);
  test('heads arrive as they were sent', () => {
    const seen: string[] = [];
    const pair = new Pair((stream, head) => {
      seen.length = 0;
      for (let index = 0; index < head.count; index++)
        seen.push(`${head.nameAt(index)}: ${head.valueAt(index)}`);
      stream.sendResponse(createResponseHead(204, []), true);
      return null;
    });
    pair.run();
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 10 }), (lines) => {
        pair.client.start(createRequestHead('GET', 'a.example', '/', lines), true, new Collector());
        pair.run();
        expect(seen).toEqual(lines.map(([key, text]) => `${key}: ${text}`));
      }),
    );
  });

  test('random bytes end a connection in order, and never throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 9 }), (bytes, type) => {
        const bench = new ClientBench();
        bench.feed(settings());
        bench.get('a', false);
        bench.feed(frame(type, bytes[0] ?? 0, 1, bytes), bytes);
        const server = new Pair(() => null);
        server.run();
        server.server.receive(frame(type, bytes[0] ?? 0, 1, bytes));
        server.server.receive(bytes);
        server.run();
      }),
      { numRuns: 500 },
    );
  });

  test('a request head that another connection received goes out as it came', () => {
    const received: string[] = [];
    const inner = new Pair((stream, head) => {
      received.push(`${head.method} ${head.authority}${head.path} ${head.getName('x-a')}`);
      stream.sendResponse(createResponseHead(204, []), true);
      return null;
    });
    inner.run();
    const outer = new Pair((_stream, head) => {
      head.path = '/rewritten';
      inner.client.start(head, true, new Collector());
      return null;
    });
    outer.run();
    for (let round = 0; round < 3; round++) {
      outer.client.start(createRequestHead('GET', 'a.example', '/', [['x-a', '1']]), true, new Collector());
      outer.run();
      inner.run();
    }
    expect(received).toEqual(Array.from({ length: 3 }, () => 'GET a.example/rewritten 1'));
  });
});

describe('a PING before a stream that begins after a silence', () => {
  const create = () => {
    const clock = new VirtualClock();
    const bench = new ClientBench({ ...options({}, clock), idlePingMs: 1000, keepaliveTimeoutMs: 100 });
    bench.feed(settings()).take();
    return { clock, bench };
  };

  test('none while the connection is in use', () => {
    const { clock, bench } = create();
    clock.advanceTo(900);
    bench.get('a');
    expect(bench.take()).not.toContain('ping 0');
    clock.advanceTo(5000);
    expect(bench.codec.closing).toBe(false);
  });

  test('not answered, it ends the connection', () => {
    const { clock, bench } = create();
    clock.advanceTo(2000);
    bench.get('a');
    expect(bench.take()).toContain('ping 0');
    clock.advanceTo(2099);
    expect(bench.codec.closing).toBe(false);
    clock.advanceTo(2101);
    expect([bench.codec.closing, bench.host.events.includes('retired')]).toEqual([true, true]);
    expect(bench.host.events.some((event) => event.startsWith('a ') && event.includes('peer-closed'))).toBe(
      true,
    );
  });

  test('answered, it is the only one', () => {
    const { clock, bench } = create();
    clock.advanceTo(2000);
    bench.get('a');
    bench.feed(headers(1, ok));
    clock.advanceTo(2500);
    bench.get('b');
    clock.advanceTo(2900);
    expect(bench.take().filter((line) => line === 'ping 0').length).toBe(1);
    expect(bench.codec.closing).toBe(false);
  });
});

test('a server that enables push has nothing to offer (RFC 9113 section 6.5.2)', () => {
  const bench = new ClientBench();
  bench.feed(settings([2, 0])).take();
  expect(bench.codec.closing).toBe(false);
  bench.feed(settings([2, 1]));
  expect(bench.take()).toEqual(['goaway 0 protocolError']);
});
