import { describe, expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import { createResponseHead } from '../made-head.ts';
import { frameType } from './constants.ts';
import { createFaultCounts, defaultHttp2Limits, type Http2Limits, http2FaultNames } from './index.ts';
import {
  block,
  ClientBench,
  concat,
  data,
  frame,
  getLines,
  headers,
  hello,
  options,
  ping,
  postLines,
  reset,
  ServerBench,
  settings,
  windowUpdate,
} from './test-frames.ts';

/** A server with these limits that was greeted. */
function open(limits: Partial<Http2Limits>, clock = new VirtualClock()): ServerBench {
  const bench = new ServerBench(options(limits, clock));
  bench.feed(hello).take();
  return bench;
}

function counted(bench: ServerBench): Record<string, number> {
  return Object.fromEntries(
    http2FaultNames
      .map((name, index) => [name, bench.options.counts[index]!] as const)
      .filter(([, count]) => count > 0),
  );
}

/** The connection is over: GOAWAY, FIN, no stream left, nothing armed. */
function expectCalm(bench: ServerBench, name: string): void {
  expect(bench.take().at(-1)).toMatch(/^goaway \d+ enhanceYourCalm$/);
  expect(bench.sink.calls).toEqual(['end']);
  expect([bench.codec.active, bench.codec.closing, bench.codec.queuedBytes]).toEqual([0, true, 0]);
  expect(bench.options.clock).toHaveProperty('armedCount', 0);
  expect(counted(bench)).toMatchObject({ [name]: 1 });
  // What still comes costs nothing.
  bench.feed(ping(), headers(99, getLines));
  expect(bench.take()).toEqual([]);
}

interface Flood {
  readonly name: string;
  readonly fault: string;
  readonly limits: Partial<Http2Limits>;
  /** Frame number `index` of what is sent. */
  readonly send: (index: number) => Uint8Array;
  /** As many are allowed, one more is not; twice as many after a quiet second. */
  readonly allowed: number;
}

const floods: readonly Flood[] = [
  {
    name: 'rapid reset (CVE-2023-44487)',
    fault: 'resetRate',
    limits: { resetsPerSecondMax: 10 },
    send: (index) => concat(headers(1 + 2 * index, postLines, 4), reset(1 + 2 * index)),
    allowed: 10,
  },
  {
    name: 'streams that we have to reset (MadeYouReset, CVE-2025-8671)',
    fault: 'resetRate',
    limits: { resetsPerSecondMax: 10 },
    send: (index) => concat(headers(1 + 2 * index, postLines, 4), windowUpdate(1 + 2 * index, 0)),
    allowed: 10,
  },
  {
    name: 'heads that are refused',
    fault: 'resetRate',
    limits: { resetsPerSecondMax: 10 },
    send: (index) => headers(1 + 2 * index, [['X-BAD', '1']]),
    allowed: 10,
  },
  {
    name: 'SETTINGS',
    fault: 'settingsRate',
    limits: { settingsPerSecondMax: 5 },
    send: () => settings(),
    allowed: 4,
  },
  {
    name: 'acknowledgements of SETTINGS',
    fault: 'settingsRate',
    limits: { settingsPerSecondMax: 5 },
    send: () => frame(frameType.settings, 1, 0),
    allowed: 4,
  },
  { name: 'PING', fault: 'pingRate', limits: { pingsPerSecondMax: 5 }, send: () => ping(), allowed: 5 },
  {
    name: 'acknowledgements of PING',
    fault: 'pingRate',
    limits: { pingsPerSecondMax: 5 },
    send: () => ping(1),
    allowed: 5,
  },
  {
    name: 'PRIORITY',
    fault: 'ignoredRate',
    limits: { ignoredPerSecondMax: 5 },
    send: () => frame(frameType.priority, 0, 9, [0, 0, 0, 3, 1]),
    allowed: 5,
  },
  {
    name: 'unknown frames',
    fault: 'ignoredRate',
    limits: { ignoredPerSecondMax: 5 },
    send: () => frame(0x20, 0, 0),
    allowed: 5,
  },
  {
    name: 'WINDOW_UPDATE',
    fault: 'windowUpdateRate',
    limits: { windowUpdatesPerSecondMax: 3 },
    send: () => windowUpdate(0, 1),
    allowed: 3,
  },
  {
    name: 'WINDOW_UPDATE that no DATA explains',
    fault: 'windowUpdateCount',
    limits: { windowUpdatesPerDataFrameMax: 1 },
    send: (index) => (index === 0 ? headers(1, postLines, 4) : windowUpdate(0, 1)),
    // 5 + 2 * (1 stream + 1 * 0 frames), behind the head.
    allowed: 8,
  },
  {
    name: 'PRIORITY for more streams than there were',
    fault: 'priorityCount',
    limits: { prioritiesPerStreamMax: 2 },
    send: (index) =>
      index === 0 ? headers(1, postLines, 4) : frame(frameType.priority, 0, 9, [0, 0, 0, 3, 1]),
    allowed: 5,
  },
  {
    name: 'empty DATA in a row',
    fault: 'emptyFramesInRow',
    limits: { emptyFramesInRowMax: 2 },
    send: (index) => (index === 0 ? headers(1, postLines, 4) : data(1, '')),
    allowed: 3,
  },
  {
    name: 'empty HEADERS and CONTINUATION in a row',
    fault: 'emptyFramesInRow',
    limits: { emptyFramesInRowMax: 2 },
    send: (index) => frame(index === 0 ? frameType.headers : frameType.continuation, 0, 1),
    allowed: 2,
  },
  {
    name: 'empty DATA',
    fault: 'emptyFrameRate',
    limits: { emptyFramesPerSecondMax: 5, emptyFramesInRowMax: 100 },
    send: (index) => (index === 0 ? headers(1, postLines, 4) : data(1, '')),
    allowed: 6,
  },
  {
    name: 'DATA of padding alone',
    fault: 'emptyFrameRate',
    limits: { emptyFramesPerSecondMax: 5, emptyFramesInRowMax: 100 },
    send: (index) => (index === 0 ? headers(1, postLines, 4) : frame(frameType.data, 8, 1, [2, 0, 0])),
    allowed: 6,
  },
  {
    name: 'empty CONTINUATION',
    fault: 'emptyFrameRate',
    limits: { emptyFramesPerSecondMax: 5, emptyFramesInRowMax: 100, continuationCountMax: 100 },
    send: (index) =>
      frame(
        index === 0 ? frameType.headers : frameType.continuation,
        0,
        1,
        index === 0 ? block(getLines) : [],
      ),
    allowed: 6,
  },
];

describe('floods', () => {
  for (const { name, fault, limits, send, allowed } of floods) {
    test(name, () => {
      const bench = open(limits);
      for (let index = 0; index < allowed; index++) bench.feed(send(index));
      expect(bench.codec.closing).toBe(false);
      bench.feed(send(allowed));
      expectCalm(bench, fault);
    });
  }

  test('the same over a longer time is allowed', () => {
    const clock = new VirtualClock();
    const bench = open({ pingsPerSecondMax: 5 }, clock);
    for (let index = 0; index < 50; index++) {
      clock.advanceTo((index + 1) * 250);
      bench.feed(ping());
    }
    expect(bench.codec.closing).toBe(false);
  });

  test('PINGs of keepalive that come too often are told so in the words of gRPC', () => {
    const clock = new VirtualClock();
    const bench = open({ pingGapMs: 5_000 }, clock);
    for (let index = 0; index < 20; index++) {
      clock.advanceTo(index * 5_000);
      bench.feed(ping());
    }
    expect(bench.codec.closing).toBe(false);
    for (let index = 0; index < 2; index++) bench.feed(ping());
    expect(bench.codec.closing).toBe(false);
    bench.feed(ping());
    expectCalm(bench, 'pingStrikes');
  });

  test('what was sent to the client forgives its PINGs', () => {
    const bench = open({ pingGapMs: 5_000 });
    bench.feed(headers(1, getLines));
    const stream = bench.host.streams.at(-1)!;
    stream.sendResponse(createResponseHead(200, []), false);
    for (let index = 0; index < 9; index++) {
      if (index % 3 === 0) stream.sendBody(new Uint8Array(10), 0, 10);
      bench.feed(ping());
    }
    expect(bench.codec.closing).toBe(false);
  });

  test('who is sent much may measure its way with PINGs, as gRPC does', () => {
    const bench = open({ pingsPerSecondMax: 5 });
    bench.feed(headers(1, getLines));
    const stream = bench.host.streams.at(-1)!;
    stream.sendResponse(createResponseHead(200, []), false);
    for (let index = 0; index < 100; index++) {
      stream.sendBody(new Uint8Array(10), 0, 10);
      bench.feed(ping());
    }
    expect(bench.codec.closing).toBe(false);
    for (let index = 0; index < 6; index++) bench.feed(ping());
    expect(counted(bench)).toEqual({ pingRate: 1 });
  });

  test('an empty frame now and then is none in a row', () => {
    const bench = open({});
    bench.feed(headers(1, postLines, 4));
    for (let index = 0; index < 50; index++) bench.feed(data(1, ''), data(1, 'x'));
    expect(bench.codec.closing).toBe(false);
    bench.feed(data(1, ''), data(1, ''));
    expect(counted(bench)).toEqual({ emptyFramesInRow: 1 });
  });

  test('a reader of small windows is explained by what it was sent', () => {
    const bench = open({ windowUpdatesPerDataFrameMax: 1 });
    bench.feed(headers(1, getLines));
    const stream = bench.host.streams.at(-1)!;
    stream.sendResponse(createResponseHead(200, []), false);
    for (let index = 0; index < 100; index++) {
      stream.sendBody(new Uint8Array(1), 0, 1);
      bench.feed(windowUpdate(0, 1), windowUpdate(1, 1));
    }
    expect(bench.codec.closing).toBe(false);
  });

  test('resets are allowed to a client whose other streams end well', () => {
    const bench = open({ resetsPerSecondMax: 10 });
    for (let index = 0; index < 100; index++) {
      const id = 1 + 4 * index;
      bench.feed(headers(id, getLines));
      bench.host.streams.at(-1)!.sendResponse(createResponseHead(204, []), true);
      bench.feed(headers(id + 2, postLines, 4), reset(id + 2));
    }
    expect(bench.codec.closing).toBe(false);
  });
});

describe('sizes', () => {
  test('concurrentStreamsMax: one more is refused, the others go on', () => {
    const bench = open({ concurrentStreamsMax: 2 });
    bench.feed(headers(1, postLines, 4), headers(3, postLines, 4), headers(5, postLines, 4));
    expect(bench.take()).toEqual(['rstStream 5 refusedStream']);
    expect([bench.codec.active, counted(bench)]).toEqual([2, { concurrentStreams: 1 }]);
  });

  test('headerListBytesMax: 431, and the connection goes on', () => {
    const bench = open({ headerListBytesMax: 500 });
    bench.feed(headers(1, [...getLines, ['x-long', 'v'.repeat(400)]]), headers(3, getLines));
    expect(bench.take()).toEqual(['headers 1 end [:status: 431, content-length: 0]']);
    expect([bench.host.events.length, counted(bench)]).toEqual([1, { headerList: 1 }]);
  });

  test('headerCountMax: 431', () => {
    const bench = open({ headerCountMax: 6 });
    const more = Array.from({ length: 3 }, (_, index) => [`x-${index}`, '1'] as const);
    bench.feed(headers(1, [...getLines, ...more]));
    expect(bench.take()).toEqual(['headers 1 end [:status: 431, content-length: 0]']);
  });

  test('an HPACK bomb is counted and not kept', () => {
    const bench = open({});
    // One line of 4,000 bytes into the table, then 12,000 references to it: 48 MB if they were spelled out.
    const line = concat(Uint8Array.from([0x40, 1, 97, 0x7f, 0xa1, 0x1e]), new Uint8Array(4000).fill(98));
    bench.feed(frame(frameType.headers, 5, 1, concat(line, new Uint8Array(12_000).fill(0xbe))));
    expect(bench.take()).toEqual(['headers 1 end [:status: 431, content-length: 0]']);
  });

  test('CONTINUATION flood (CVE-2024-27316): frames', () => {
    const bench = open({ continuationCountMax: 3 });
    bench.feed(frame(frameType.headers, 1, 1, block(getLines)));
    for (let index = 0; index < 3; index++)
      bench.feed(frame(frameType.continuation, 0, 1, [0, 1, 97, 1, 98]));
    expect(bench.codec.closing).toBe(false);
    bench.feed(frame(frameType.continuation, 0, 1, [0, 1, 97, 1, 98]));
    expectCalm(bench, 'continuationCount');
  });

  test('CONTINUATION flood: bytes', () => {
    const bench = open({ headerBlockBytesMax: 20_000 });
    bench.feed(
      frame(frameType.headers, 1, 1, new Uint8Array(16_000)),
      frame(frameType.continuation, 0, 1, new Uint8Array(5000)),
    );
    expectCalm(bench, 'headerBlock');
  });

  test('bodyBytesMax: 413', () => {
    const bench = open({ bodyBytesMax: 10 });
    bench.feed(headers(1, postLines, 4), data(1, '0123456789a'));
    expect(bench.take()).toEqual(['headers 1 end [:status: 413, content-length: 0]', 'rstStream 1 noError']);
    expect(bench.host.events.some((event) => event.startsWith('1 reset downstream too-large'))).toBe(true);
  });
});

describe('peers that do not read', () => {
  const body = Buffer.alloc(50_000, 'b');

  test('zero window: what waits is bounded', () => {
    const bench = new ServerBench(options({ queuedBytesMax: 120_000 }));
    bench
      .feed(
        concat(hello.slice(0, 24), settings([4, 0])),
        headers(1, getLines),
        headers(3, getLines),
        headers(5, getLines),
      )
      .take();
    for (const stream of bench.host.streams) {
      stream.sendResponse(createResponseHead(200, []), false);
      expect(stream.sendBody(body, 0, body.length)).toBe(false);
    }
    expectCalm(bench, 'queuedBytes');
  });

  test('slow read: nothing leaves for stallMs', () => {
    const clock = new VirtualClock();
    const bench = new ServerBench({ ...options({}, clock), stallMs: 5000 });
    bench.feed(concat(hello.slice(0, 24), settings([4, 10])), headers(1, getLines)).take();
    const stream = bench.host.streams[0]!;
    stream.sendResponse(createResponseHead(200, []), false);
    stream.sendBody(body, 0, body.length);
    for (let second = 1; second <= 20; second++) {
      clock.advanceTo(second * 1000);
      bench.feed(windowUpdate(1, 1));
    }
    expect(bench.codec.closing).toBe(false);
    clock.advanceTo(31_000);
    expectCalm(bench, 'slowRead');
  });

  test('answers to control frames that nobody reads: frames', () => {
    const bench = open({ outboundControlFramesMax: 3, pingsPerSecondMax: 1000 });
    bench.sink.writable = false;
    bench.feed(ping());
    bench.feed(ping(), ping(), ping());
    expect(bench.codec.closing).toBe(false);
    bench.feed(ping());
    expectCalm(bench, 'outboundControlFrames');
  });

  const asking = (bench: ServerBench, from: number, count: number): void => {
    for (let index = from; index < from + count && !bench.codec.closing; index++) {
      bench.feed(headers(1 + 2 * index, getLines));
      bench.host.streams.at(-1)!.sendResponse(createResponseHead(204, [['x-long', 'v'.repeat(100)]]), true);
    }
  };

  test('asking on and on without reading an answer: frames', () => {
    const bench = open({ outboundFramesMax: 50 });
    bench.sink.writable = false;
    asking(bench, 0, 50);
    expect(bench.codec.closing).toBe(false);
    // Who reads begins anew.
    bench.codec.drained();
    asking(bench, 50, 49);
    expect(counted(bench)).toEqual({});
    asking(bench, 99, 2);
    expectCalm(bench, 'outboundFrames');
  });

  test('asking on and on without reading an answer: bytes', () => {
    const bench = open({ queuedBytesMax: 1000 });
    bench.sink.writable = false;
    asking(bench, 0, 200);
    expectCalm(bench, 'queuedBytes');
  });

  test('answers to control frames that nobody reads', () => {
    const bench = open({ controlBytesMax: 100, pingsPerSecondMax: 1000 });
    bench.sink.writable = false;
    bench.feed(ping());
    for (let index = 0; index < 5; index++) bench.feed(ping());
    expect(bench.codec.closing).toBe(false);
    bench.feed(ping());
    expectCalm(bench, 'controlBytes');
  });
});

test('every limit is above 0 and every counter starts at 0', () => {
  // PINGs of a proxy's peers are bounded by their rate; only who serves gRPC itself keeps them apart.
  const { pingGapMs, ...others } = defaultHttp2Limits;
  expect([pingGapMs, Object.values(others).every((limit) => limit > 0)]).toEqual([0, true]);
  expect(createFaultCounts().every((count) => count === 0)).toBe(true);
});

test('informational answers without end end their stream', () => {
  const bench = new ClientBench(options({ informationalCountMax: 3 }));
  bench.get('hints');
  bench.get('other');
  const hint = headers(
    1,
    [
      [':status', '103'],
      ['link', '</a>'],
    ],
    4,
  );
  bench.feed(settings(), hint, hint, hint);
  expect(bench.take().some((line) => line.startsWith('rstStream'))).toBe(false);
  bench.feed(hint);
  expect(bench.take()).toContain('rstStream 1 enhanceYourCalm');
  const at = http2FaultNames.indexOf('informationalCount');
  expect(bench.options.counts[at]).toBe(1);
  bench.feed(headers(3, [[':status', '204']]));
  expect(bench.host.events.at(-1)).toContain('done');
});

test('a peer that makes its table larger than tableBytesMax cannot be understood', () => {
  const bench = open({ tableBytesMax: 100 });
  // RFC 7541 section 6.3: 128, above what SETTINGS allowed.
  bench.feed(frame(frameType.headers, 5, 1, concat(Uint8Array.of(0x3f, 97), block(getLines))));
  expect(bench.take().at(-1)).toBe('goaway 0 compressionError');
  expect(counted(bench)).toEqual({ compression: 1 });
});
