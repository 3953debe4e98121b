// Sequences of frames as clients send them, most of them right and some wrong, from a seed; and what a server made of
// one, as far as any two servers must agree.

import fc from 'fast-check';
import { FrameSplitter } from '../../../testing/http2-frames.ts';
import { errorCode, frameType } from '../constants.ts';
import {
  block,
  concat,
  frame,
  type Lines,
  preface,
  ServerBench,
  settings,
  uint32Bytes,
} from '../test-frames.ts';

const endStream = 1;
const endHeaders = 4;
const padded = 8;
const priorityFlag = 32;

const rest: Lines = [
  [':scheme', 'http'],
  [':authority', 'a.example'],
  [':path', '/'],
];
const get: Lines = [[':method', 'GET'], ...rest];
const post: Lines = [[':method', 'POST'], ...rest];

const lists: readonly Lines[] = [
  get,
  post,
  post,
  [...get, ['cookie', 'a=1'], ['cookie', 'b=2']],
  [...post, ['content-length', '3']],
  [...get, ['te', 'trailers']],
  // Malformed (RFC 9113 section 8): the stream ends.
  [...get, ['te', 'gzip']],
  [...get, ['connection', 'close']],
  [...get, ['X-Upper', '1']],
  [...get, ['bad name', '1']],
  [...get, ['x', 'a\u0000b']],
  [[':method', 'GET'], ...rest.slice(0, 2)],
  [[':method', 'GET'], [':method', 'GET'], ...rest],
  [[':method', 'GET'], [':status', '200'], ...rest],
  [['x', '1'], ...get],
  [...post, ['content-length', 'three']],
];
const trailers: Lines = [['x-checksum', '1']];

/** Mostly those in use, so that sequences get somewhere. */
const stream = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(1, 3, 5) },
  { weight: 2, arbitrary: fc.constantFrom(7, 9, 101) },
  { weight: 1, arbitrary: fc.constantFrom(0, 2, 4) },
);
const chance = (weight: number) =>
  fc.oneof({ weight, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) });

const head = fc
  .record({
    stream,
    lines: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...lists) },
      { weight: 1, arbitrary: fc.constant(trailers) },
    ),
    end: fc.boolean(),
    whole: chance(6),
    pad: fc.constantFrom(-1, -1, -1, 0, 5, 250),
    dependency: fc.constantFrom(-1, -1, -1, 0, 1, 3),
    cut: fc.nat(20),
    finished: chance(10),
  })
  .map(({ stream: id, lines, end, whole, pad, dependency, cut, finished }) => {
    const fields = block(lines);
    const flags = end ? endStream : 0;
    if (!whole) {
      const at = Math.min(cut, fields.length);
      const first = frame(frameType.headers, flags, id, fields.slice(0, at));
      if (!finished) return first;
      return concat(first, frame(frameType.continuation, endHeaders, id, fields.slice(at)));
    }
    const before = [...(pad >= 0 ? [pad] : []), ...(dependency >= 0 ? [...uint32Bytes(dependency), 15] : [])];
    const payload = concat(
      Uint8Array.from(before),
      fields,
      new Uint8Array(Math.max(pad === 250 ? 0 : pad, 0)),
    );
    const marks = (pad >= 0 ? padded : 0) | (dependency >= 0 ? priorityFlag : 0);
    return frame(frameType.headers, flags | endHeaders | marks, id, payload);
  });

const data = fc
  .record({
    stream,
    length: fc.constantFrom(0, 1, 3, 3, 100, 16_384),
    end: fc.boolean(),
    pad: fc.constantFrom(-1, -1, 0, 2, 255),
  })
  .map(({ stream: id, length, end, pad }) => {
    const before = pad >= 0 ? Uint8Array.of(pad) : new Uint8Array(0);
    const room = 16_384 - before.length - Math.max(pad === 255 ? 0 : pad, 0);
    const body = new Uint8Array(Math.min(length, room));
    const payload = concat(before, body, new Uint8Array(Math.max(pad === 255 ? 0 : pad, 0)));
    return frame(frameType.data, (end ? endStream : 0) | (pad >= 0 ? padded : 0), id, payload);
  });

const others = fc.oneof(
  fc
    .tuple(stream, fc.constantFrom<number>(...Object.values(errorCode), 99))
    .map(([id, code]) => frame(frameType.rstStream, 0, id, uint32Bytes(code))),
  fc
    .tuple(stream, fc.constantFrom(0, 1, 3, 7))
    .map(([id, other]) => frame(frameType.priority, 0, id, [...uint32Bytes(other), 1])),
  fc
    .tuple(stream, fc.constantFrom(0, 1, 1, 1000, 0x7fff_ffff))
    .map(([id, count]) => frame(frameType.windowUpdate, 0, id, uint32Bytes(count))),
  fc.constantFrom(1, 4).map((count) => frame(frameType.windowUpdate, 0, 0, uint32Bytes(count))),
  fc
    .tuple(
      fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 99),
      fc.constantFrom(0, 1, 2, 100, 16_384, 65_535, 0x7fff_ffff, 0x8000_0000),
    )
    .map((pair) => settings(pair)),
  fc.constantFrom(
    settings(),
    frame(frameType.settings, 1, 0),
    frame(frameType.ping, 0, 0, new Uint8Array(8)),
    frame(frameType.ping, 1, 0, new Uint8Array(8)),
    frame(99, 255, 1, new Uint8Array(10)),
    frame(99, 0, 0),
  ),
);

/** Each ends the connection, or the stream at least. */
const wrong = fc.constantFrom(
  frame(frameType.settings, 0, 0, new Uint8Array(5)),
  frame(frameType.settings, 1, 0, new Uint8Array(6)),
  frame(frameType.settings, 0, 1),
  frame(frameType.ping, 0, 0, new Uint8Array(7)),
  frame(frameType.ping, 0, 1, new Uint8Array(8)),
  frame(frameType.rstStream, 0, 1, new Uint8Array(3)),
  frame(frameType.priority, 0, 1, new Uint8Array(4)),
  frame(frameType.windowUpdate, 0, 0, new Uint8Array(3)),
  frame(frameType.windowUpdate, 0, 0, new Uint8Array(4)),
  frame(frameType.goaway, 0, 1, new Uint8Array(8)),
  frame(frameType.goaway, 0, 0, new Uint8Array(4)),
  frame(frameType.continuation, endHeaders, 1, block(trailers)),
  frame(frameType.pushPromise, endHeaders, 1, [0, 0, 0, 2, ...block(get)]),
  frame(frameType.data, 0, 1, new Uint8Array(16_385)),
  frame(frameType.headers, endHeaders | endStream, 1, [0xff, 0xff, 0xff]),
  frame(frameType.headers, endHeaders | endStream, 1, [0xbf]),
  frame(frameType.headers, endHeaders | padded, 1, []),
);

/** The preface, SETTINGS, and up to ten frames. */
export const frameSequence: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: head },
      { weight: 4, arbitrary: data },
      { weight: 4, arbitrary: others },
      { weight: 1, arbitrary: wrong },
    ),
    { minLength: 1, maxLength: 10 },
  )
  .map((frames) => concat(preface, settings(), ...frames));

/** A PING that no sequence has: its answer says that all before it was taken. */
export const marker = frame(frameType.ping, 0, 0, [87, 101, 102, 116, 109, 97, 114, 107]);

export interface Outcome {
  /** The connection ended: GOAWAY with an error, or the marker got no answer. */
  readonly ended: boolean;
  /** Streams that the server reset with an error. */
  readonly reset: readonly number[];
  /** Those of them that were closed already, as far as the server knew. */
  readonly closed: readonly number[];
  /** What GOAWAY said in words. */
  readonly said: string;
  /** Nothing more is to come. */
  readonly whole: boolean;
}

/** Of what a server wrote after a sequence and its marker. */
export function readOutcome(written: Uint8Array): Outcome {
  let [ended, marked, said] = [false, false, ''];
  const reset = new Map<number, number>();
  for (const { kind, flags, stream: id, payload } of new FrameSplitter().take(written)) {
    if (kind === frameType.goaway && payload.readUInt32BE(4) !== 0) {
      ended = true;
      said = payload.toString('latin1', 8);
    }
    if (kind === frameType.ping && flags === 1 && payload[0] === marker[9]) marked = true;
    if (kind === frameType.rstStream && payload.readUInt32BE(0) !== 0) reset.set(id, payload.readUInt32BE(0));
  }
  const ids = [...reset.keys()].sort((a, b) => a - b);
  const closed = ids.filter((id) => reset.get(id) === errorCode.streamClosed);
  return { ended: ended || !marked, reset: ids, closed, said, whole: ended || marked };
}

/** What our server makes of pieces that come one after the other. */
export function playSequence(pieces: readonly Uint8Array[]): Outcome {
  const bench = new ServerBench();
  const written: Uint8Array[] = [];
  bench.sink.onBytes = (bytes) => written.push(bytes);
  for (const piece of [...pieces, marker]) bench.feed(piece);
  return readOutcome(concat(...written));
}
