// What a client may send and what becomes of it, a row each: frames behind preface and SETTINGS, then the frames that
// answer them and what the host heard. Every row is played whole, byte by byte, and split at each point.

import { frameType } from './constants.ts';
import {
  block,
  concat,
  data,
  frame,
  getLines,
  headers,
  type Lines,
  ping,
  postLines,
  reset,
  settings,
  uint32Bytes,
  windowUpdate,
} from './test-frames.ts';

export interface ServerCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Frames of the server, without its greeting. */
  readonly frames: readonly string[];
  /** What the host heard; left out where it does not matter. */
  readonly events?: readonly string[];
}

const request = '1 request GET http|a.example|/ [] end';
const open = '1 request POST http|a.example|/ []';

function malformed(name: string, lines: Lines, flags = 5): ServerCase {
  return { name, bytes: headers(1, lines, flags), frames: ['rstStream 1 protocolError'], events: [] };
}

function fatal(name: string, bytes: Uint8Array, code: string, last = 0): ServerCase {
  return { name, bytes, frames: [`goaway ${last} ${code}`] };
}

function replaced(name: string, value: string): Lines {
  return getLines.map((line) => (line[0] === name ? ([name, value] as const) : line));
}

const messages: readonly ServerCase[] = [
  { name: 'a request without a body', bytes: headers(1, getLines), frames: [], events: [request] },
  {
    name: 'a request with a body',
    bytes: concat(headers(1, postLines, 4), data(1, 'hel'), data(1, 'lo', 1)),
    frames: [],
    events: [open, '1 body hello', '1 end'],
  },
  {
    name: 'a request with trailers',
    bytes: concat(headers(1, postLines, 4), data(1, 'a'), headers(1, [['x-sum', '7']])),
    frames: [],
    events: [open, '1 body a', '1 end [x-sum: 7]'],
  },
  {
    name: 'padding is no body',
    bytes: concat(headers(1, postLines, 4), frame(frameType.data, 9, 1, [2, 104, 105, 0, 0])),
    frames: [],
    events: [open, '1 body hi', '1 end'],
  },
  {
    name: 'HEADERS with padding and priority',
    bytes: frame(
      frameType.headers,
      0x2d,
      1,
      concat(Uint8Array.from([1, 0, 0, 0, 0, 16]), block(getLines), new Uint8Array(1)),
    ),
    frames: [],
    events: [request],
  },
  {
    name: 'a head over CONTINUATION frames',
    bytes: concat(
      frame(frameType.headers, 1, 1, block(getLines.slice(0, 2))),
      frame(frameType.continuation, 0, 1, block(getLines.slice(2, 3))),
      frame(frameType.continuation, 4, 1, block(getLines.slice(3))),
    ),
    frames: [],
    events: [request],
  },
  {
    name: 'two streams at once',
    bytes: concat(headers(1, postLines, 4), headers(3, postLines, 4), data(3, 'b', 1), data(1, 'a', 1)),
    frames: [],
    events: [open, '2 request POST http|a.example|/ []', '2 body b', '2 end', '1 body a', '1 end'],
  },
  {
    name: 'Host stands in for :authority',
    bytes: headers(1, [...getLines.filter(([name]) => name !== ':authority'), ['host', 'b.example']]),
    frames: [],
    events: ['1 request GET http|b.example|/ [host: b.example] end'],
  },
  {
    name: 'split cookies are one field',
    bytes: headers(1, [...getLines, ['cookie', 'a=1'], ['x-a', '1'], ['cookie', 'b=2']]),
    frames: [],
    events: ['1 request GET http|a.example|/ [cookie: a=1; b=2, x-a: 1] end'],
  },
  {
    name: 'te: trailers passes',
    bytes: headers(1, [...getLines, ['te', 'trailers']]),
    frames: [],
    events: ['1 request GET http|a.example|/ [te: trailers] end'],
  },
  {
    name: 'OPTIONS *',
    bytes: headers(1, [[':method', 'OPTIONS'], ...replaced(':path', '*').slice(1)]),
    frames: [],
  },
  { name: 'a PING is answered', bytes: ping(), frames: ['ping 0 ack'] },
  {
    name: 'an unknown frame is ignored',
    bytes: concat(frame(0x16, 0xff, 0, [1, 2, 3]), ping()),
    frames: ['ping 0 ack'],
  },
  { name: 'an unknown setting is ignored', bytes: settings([0xff, 7]), frames: [] },
  {
    name: 'PRIORITY is ignored, for an idle stream too',
    bytes: frame(frameType.priority, 0, 9, [0, 0, 0, 3, 1]),
    frames: [],
  },
  {
    name: 'a client takes its request back',
    bytes: concat(headers(1, postLines, 4), reset(1)),
    frames: [],
    events: [open, '1 reset downstream cancelled: the client reset the stream: cancel', 'idle'],
  },
];

const heads: readonly ServerCase[] = [
  malformed('a capital in a name', [...getLines, ['X-a', '1']]),
  malformed('a line feed in a value', [...getLines, ['x-a', '1\n']]),
  malformed('Connection', [...getLines, ['connection', 'close']]),
  malformed('Transfer-Encoding', [...getLines, ['transfer-encoding', 'chunked']]),
  malformed('te: gzip', [...getLines, ['te', 'gzip']]),
  malformed('a pseudo-header field behind a field', [...getLines.slice(0, 3), ['x-a', '1'], [':path', '/']]),
  malformed('an unknown pseudo-header field', [...getLines, [':odd', '1']]),
  malformed(':status in a request', [...getLines, [':status', '200']]),
  malformed('a repeated :path', [...getLines, [':path', '/b']]),
  malformed('no :method', getLines.slice(1)),
  malformed(
    'no :scheme',
    getLines.filter(([name]) => name !== ':scheme'),
  ),
  malformed('no :path', getLines.slice(0, 3)),
  malformed(
    'no authority at all',
    getLines.filter(([name]) => name !== ':authority'),
  ),
  malformed('an empty :path', replaced(':path', '')),
  malformed('a :path without a slash', replaced(':path', 'x')),
  malformed('a space in :path', replaced(':path', '/a b')),
  malformed('a fragment in :path', replaced(':path', '/a#b')),
  malformed('a :method that is no token', replaced(':method', 'GE T')),
  malformed('user information in :authority', replaced(':authority', 'u@a.example')),
  malformed('a slash in :authority', replaced(':authority', 'a/b')),
  malformed('a port that is none', replaced(':authority', 'a:b')),
  malformed(':authority and Host differ', [...getLines, ['host', 'b.example']]),
  malformed('CONNECT', [
    [':method', 'CONNECT'],
    [':authority', 'a.example:443'],
  ]),
  malformed(':protocol that nobody announced', [
    [':method', 'CONNECT'],
    ...getLines.slice(1),
    [':protocol', 'websocket'],
  ]),
  malformed('a Content-Length that is no number', [...postLines, ['content-length', '+5']], 4),
  malformed('two Content-Lengths', [...postLines, ['content-length', '5'], ['content-length', '5']], 4),
  {
    name: 'a pseudo-header field in trailers',
    bytes: concat(headers(1, postLines, 4), headers(1, [[':path', '/']])),
    frames: ['rstStream 1 protocolError'],
    events: [
      open,
      '1 reset downstream protocol: a pseudo-header field stands behind a field, or in trailers',
      'idle',
    ],
  },
];

const bodies: readonly ServerCase[] = [
  {
    name: 'a Content-Length without a body',
    bytes: headers(1, [...postLines, ['content-length', '5']]),
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'a body shorter than its Content-Length',
    bytes: concat(headers(1, [...postLines, ['content-length', '5']], 4), data(1, 'abc', 1)),
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'a body longer than its Content-Length',
    bytes: concat(headers(1, [...postLines, ['content-length', '2']], 4), data(1, 'abc')),
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'trailers that do not end the stream',
    bytes: concat(headers(1, postLines, 4), headers(1, [['x-a', '1']], 4)),
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'DATA behind the end',
    bytes: concat(headers(1, getLines), data(1, 'a')),
    frames: ['rstStream 1 streamClosed'],
  },
  {
    name: 'HEADERS behind the end',
    bytes: concat(headers(1, getLines), headers(1, getLines)),
    frames: ['rstStream 1 streamClosed'],
  },
  {
    name: 'DATA for a stream that the client reset',
    bytes: concat(headers(1, postLines, 4), reset(1), data(1, 'a')),
    frames: ['rstStream 1 streamClosed'],
  },
  {
    name: 'a window that grows by nothing',
    bytes: concat(headers(1, getLines), windowUpdate(1, 0)),
    frames: ['rstStream 1 protocolError'],
  },
  {
    name: 'a window that grows too far',
    bytes: concat(headers(1, getLines), windowUpdate(1, 2 ** 31 - 1)),
    frames: ['rstStream 1 flowControlError'],
  },
];

const connections: readonly ServerCase[] = [
  fatal('DATA for stream 0', data(0, 'a'), 'protocolError'),
  fatal('HEADERS for stream 0', headers(0, getLines), 'protocolError'),
  fatal('SETTINGS for a stream', frame(frameType.settings, 0, 1), 'protocolError'),
  fatal('PING for a stream', frame(frameType.ping, 0, 1, new Uint8Array(8)), 'protocolError'),
  fatal('GOAWAY for a stream', frame(frameType.goaway, 0, 1, new Uint8Array(8)), 'protocolError'),
  fatal('DATA for an idle stream', data(1, 'a'), 'protocolError'),
  fatal('RST_STREAM for an idle stream', reset(1), 'protocolError'),
  fatal('WINDOW_UPDATE for an idle stream', windowUpdate(1, 1), 'protocolError'),
  fatal('a stream of the server', headers(2, getLines), 'protocolError'),
  fatal('a lower stream id', concat(headers(5, getLines), headers(3, getLines)), 'protocolError', 5),
  fatal(
    'HEADERS for a stream that ended',
    concat(headers(1, postLines, 4), reset(1), headers(1, getLines)),
    'streamClosed',
    1,
  ),
  fatal(
    'a frame within a field block',
    concat(frame(frameType.headers, 1, 1, block(getLines)), ping()),
    'protocolError',
  ),
  fatal(
    'DATA within a field block',
    concat(frame(frameType.headers, 1, 1, block(getLines)), data(1, 'a')),
    'protocolError',
  ),
  fatal(
    'CONTINUATION of nothing',
    concat(headers(1, getLines), frame(frameType.continuation, 4, 1)),
    'protocolError',
    1,
  ),
  fatal('a field block that is none', frame(frameType.headers, 5, 1, [0x80]), 'compressionError'),
  fatal(
    'padding longer than its frame',
    concat(headers(1, postLines, 4), frame(frameType.data, 8, 1, [5, 1])),
    'protocolError',
    1,
  ),
  fatal(
    'HEADERS with padding longer than its frame',
    frame(frameType.headers, 13, 1, [9, 0x82]),
    'protocolError',
  ),
  fatal('PUSH_PROMISE', frame(frameType.pushPromise, 4, 1, [0, 0, 0, 2, 0x82]), 'protocolError'),
  fatal('a PING of seven bytes', frame(frameType.ping, 0, 0, new Uint8Array(7)), 'frameSizeError'),
  fatal('SETTINGS of five bytes', frame(frameType.settings, 0, 0, new Uint8Array(5)), 'frameSizeError'),
  fatal(
    'an acknowledgement with a payload',
    frame(frameType.settings, 1, 0, new Uint8Array(6)),
    'frameSizeError',
  ),
  fatal(
    'RST_STREAM of three bytes',
    concat(headers(1, getLines), frame(frameType.rstStream, 0, 1, [0, 0, 0])),
    'frameSizeError',
    1,
  ),
  fatal('WINDOW_UPDATE of three bytes', frame(frameType.windowUpdate, 0, 0, [0, 0, 1]), 'frameSizeError'),
  fatal('GOAWAY of seven bytes', frame(frameType.goaway, 0, 0, new Uint8Array(7)), 'frameSizeError'),
  fatal(
    'a frame above SETTINGS_MAX_FRAME_SIZE',
    frame(frameType.ping, 0, 0, new Uint8Array(16_385)),
    'frameSizeError',
  ),
  fatal('ENABLE_PUSH of 2', settings([2, 2]), 'protocolError'),
  fatal('INITIAL_WINDOW_SIZE above 2^31-1', settings([4, 2 ** 31]), 'flowControlError'),
  fatal('MAX_FRAME_SIZE below 16384', settings([5, 16_383]), 'protocolError'),
  fatal('the connection window grows by nothing', windowUpdate(0, 0), 'protocolError'),
  fatal('the connection window grows too far', windowUpdate(0, 2 ** 31 - 1), 'flowControlError'),
  fatal(
    'a stream depends on itself',
    frame(frameType.headers, 0x25, 1, concat(Uint8Array.from([...uint32Bytes(1), 0]), block(getLines))),
    'protocolError',
  ),
];

export const serverCases: readonly ServerCase[] = [...messages, ...heads, ...bodies, ...connections];
