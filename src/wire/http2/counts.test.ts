import { expect, test } from 'bun:test';
import { MeshError, VirtualClock } from '../../base/index.ts';
import { createResponseHead } from '../made-head.ts';
import { frameHeaderBytes } from './constants.ts';
import { createFaultCounts, type Http2EventName, http2Event, http2EventNames } from './counts.ts';
import { defaultHttp2Limits } from './limits.ts';
import { OutBuffer } from './out-buffer.ts';
import { writeSettings } from './settings.ts';
import { data, getLines, headers, hello, options, postLines, reset, ServerBench } from './test-frames.ts';

function events(bench: ServerBench): Partial<Record<Http2EventName, number>> {
  return Object.fromEntries(
    http2EventNames
      .map((name) => [name, bench.options.counts[http2Event[name]]!] as const)
      .filter(([, count]) => count !== 0),
  );
}

test('every event has a place of its own', () => {
  const places = Object.values(http2Event);
  expect(new Set(places).size).toBe(http2EventNames.length);
  expect(Math.max(...places)).toBe(createFaultCounts().length - 1);
});

test('gauges come back to 0, whatever ends a stream', () => {
  const bench = new ServerBench(options());
  bench.feed(
    hello,
    headers(1, getLines),
    headers(3, postLines, 4),
    headers(5, getLines),
    headers(7, getLines),
  );
  expect(events(bench)).toEqual({ streamsActive: 4 });
  const [first, , third] = bench.host.streams;
  first!.sendResponse(createResponseHead(204, []), true);
  third!.sendResponse(createResponseHead(200, []), false);
  third!.sendBody(new Uint8Array(100_000), 0, 100_000);
  expect(events(bench)).toEqual({ streamsActive: 3, pendingBytes: 100_000 - 65_535 });
  bench.feed(reset(5), data(3, 'x'), headers(3, [['x-trailer', '1']], 5));
  expect(events(bench)).toEqual({ streamsActive: 2, resetsReceived: 1, trailersReceived: 1 });
  bench.host.streams[1]!.reset(new MeshError('cancelled', 'downstream', 'no', 'enough'));
  bench.codec.drain();
  bench.codec.closed(null);
  expect(events(bench)).toEqual({ resetsReceived: 1, trailersReceived: 1, resetsSent: 1, goawaysSent: 1 });
});

test('a peer that answers no PING is counted', () => {
  const clock = new VirtualClock();
  const bench = new ServerBench({ ...options({}, clock), keepaliveMs: 1000, keepaliveTimeoutMs: 500 });
  bench.feed(hello);
  clock.advanceTo(5000);
  expect(events(bench)).toEqual({ keepaliveTimeouts: 1 });
});

test('settings by number are announced with the others, in their place where they have one', () => {
  const out = new OutBuffer();
  const limits = { ...defaultHttp2Limits, connectionWindowBytes: 65_535 };
  writeSettings(
    out,
    {
      limits,
      extendedConnect: true,
      extraSettings: [
        [0x1234, 5],
        [6, 7],
      ],
    },
    true,
  );
  const view = new DataView(out.bytes.buffer, 0, out.length);
  const pairs: [number, number][] = [];
  for (let at = frameHeaderBytes; at < out.length; at += 6)
    pairs.push([view.getUint16(at), view.getUint32(at + 2)]);
  expect(pairs).toEqual([
    [3, 100],
    [4, 256 * 1024],
    [6, 7],
    [8, 1],
    [0x1234, 5],
  ]);
});
