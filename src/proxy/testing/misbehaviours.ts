// What an HTTP/2 server can do wrong, one by one (RFC 9113), and what becomes of it: `client` is what the caller of the
// bad answer gets, `held` what another stream of the same connection gets, `says` what the proxy tells the server.

import {
  ack,
  block,
  data,
  endHeaders,
  endStream,
  frame,
  goaway,
  headers,
  padded,
  ping,
  reset,
  settings,
  type,
  uint32,
  windowUpdate,
} from '../../testing/http2-frames.ts';
import { type Misbehaviour, ok } from './bad-http2-server.ts';

export interface Outcome {
  /** The status, with its body where it is 200; `cut`: an answer that began, or a connection that ended instead. */
  readonly client: string;
  readonly held: string;
  readonly says: string;
}

export interface MisbehaviourCase extends Misbehaviour {
  readonly outcome: Outcome;
}

const whole = endHeaders | endStream;
const idMax = 2 ** 31 - 1;
const both = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);
const times = (count: number, part: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: count }, () => part));
const head = (id: number, ...lines: readonly (readonly [string, string])[]): Buffer =>
  headers(id, endHeaders, both(Buffer.from(ok), block(...lines)));
const fine = (id: number): Buffer => both(headers(id, endHeaders, ok), data(id, 'fine', endStream));

/** The stream alone ends. */
const refused = (code = 'protocol error'): Outcome => ({
  client: '502',
  held: '200 fine',
  says: `reset: ${code}`,
});
const cut = (code = 'protocol error'): Outcome => ({
  client: 'cut',
  held: '200 fine',
  says: `reset: ${code}`,
});
/** Nothing is wrong, or nothing that matters. */
const well: Outcome = { client: '200 fine', held: '200 fine', says: '' };
/** The connection ends. */
const ended = (code = 'protocol error'): Outcome => ({ client: '502', held: '502', says: `goaway: ${code}` });

/** The same, within the answer. */
const torn = (code = 'protocol error'): Outcome => ({ client: 'cut', held: '502', says: `goaway: ${code}` });
/** The same, before anything was sent on it: the second request finds another connection. */
const again = (code = 'protocol error'): Outcome => ({
  client: '200 again',
  held: '502',
  says: `goaway: ${code}`,
});

const streams: readonly MisbehaviourCase[] = [
  { name: 'an answer as it should be', say: fine, outcome: well },
  { name: 'DATA before HEADERS', say: (id) => data(id, 'fine', endStream), outcome: refused() },
  {
    name: 'trailers before HEADERS',
    say: (id) => headers(id, whole, block(['x-trailer', '1'])),
    outcome: refused(),
  },
  {
    name: 'HEADERS twice',
    say: (id) => both(head(id), head(id), data(id, 'fine', endStream)),
    outcome: cut(),
  },
  {
    name: 'trailers without END_STREAM',
    say: (id) => both(head(id), data(id, 'fine'), headers(id, endHeaders, block(['x-trailer', '1']))),
    outcome: cut(),
  },
  {
    name: 'a pseudo-header field in trailers',
    say: (id) => both(head(id), data(id, 'fine'), headers(id, whole, ok)),
    outcome: cut(),
  },
  {
    name: 'a body shorter than its Content-Length',
    say: (id) => both(head(id, ['content-length', '10']), data(id, 'fine', endStream)),
    outcome: cut(),
  },
  {
    name: 'a body longer than its Content-Length',
    say: (id) => both(head(id, ['content-length', '2']), data(id, 'fine', endStream)),
    outcome: cut(),
  },
  {
    name: 'no body, and a Content-Length',
    say: (id) => headers(id, whole, both(Buffer.from(ok), block(['content-length', '10']))),
    outcome: refused(),
  },
  {
    name: 'a Content-Length that is no number',
    say: (id) => both(head(id, ['content-length', '4x']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'two values of Content-Length',
    say: (id) =>
      both(head(id, ['content-length', '4'], ['content-length', '5']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'a pseudo-header field behind a field',
    say: (id) =>
      both(headers(id, endHeaders, both(block(['x-a', '1']), Buffer.from(ok))), data(id, '', endStream)),
    outcome: refused(),
  },
  {
    name: 'an unknown pseudo-header field',
    say: (id) => both(head(id, [':foo', '1']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'a pseudo-header field of requests',
    say: (id) => both(head(id, [':path', '/']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'no :status',
    say: (id) => both(headers(id, endHeaders, block(['x-a', '1'])), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'two :status',
    say: (id) => both(head(id, [':status', '200']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'a :status that is no number',
    say: (id) => both(headers(id, endHeaders, block([':status', 'abc'])), data(id, '', endStream)),
    outcome: refused(),
  },
  {
    name: 'a :status of four digits',
    say: (id) => both(headers(id, endHeaders, block([':status', '2000'])), data(id, '', endStream)),
    outcome: refused(),
  },
  {
    name: ':status 101',
    say: (id) => both(headers(id, endHeaders, block([':status', '101'])), data(id, '', endStream)),
    outcome: refused(),
  },
  {
    name: 'a 1xx that ends the stream',
    say: (id) => headers(id, whole, block([':status', '103'])),
    outcome: refused(),
  },
  {
    name: 'a thousand 1xx',
    say: (id) => both(times(1000, headers(id, endHeaders, block([':status', '103']))), fine(id)),
    outcome: refused('enhance your calm'),
  },
  {
    name: 'capitals in a name',
    say: (id) => both(head(id, ['X-A', '1']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'a space in a name',
    say: (id) => both(head(id, ['x a', '1']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'an empty name',
    say: (id) => both(head(id, ['', '1']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'CR and LF in a value',
    say: (id) => both(head(id, ['x-a', '1\r\nx-b: 2']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'NUL in a value',
    say: (id) => both(head(id, ['x-a', 'a\0b']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'a Connection field',
    say: (id) => both(head(id, ['connection', 'close']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'a Transfer-Encoding field',
    say: (id) => both(head(id, ['transfer-encoding', 'chunked']), data(id, 'fine', endStream)),
    outcome: refused(),
  },
  {
    name: 'a head above 64 KiB',
    say: (id) => {
      const line = block(['x-long', 'v'.repeat(16_000)]);
      return both(
        headers(id, 0, both(Buffer.from(ok))),
        ...Array.from({ length: 5 }, (_, at) =>
          frame(type.continuation, at === 4 ? endHeaders : 0, id, line),
        ),
        data(id, 'fine', endStream),
      );
    },
    outcome: ended('enhance your calm'),
  },
  {
    name: 'a head of 1,000 fields',
    say: (id) =>
      both(
        headers(id, endHeaders, both(Buffer.from(ok), times(1000, block(['x-a', '1'])))),
        data(id, 'fine', endStream),
      ),
    outcome: refused('enhance your calm'),
  },
  {
    name: 'an HPACK bomb',
    say: (id) => {
      // One line of 4,000 bytes into the table, then 12,000 references to it.
      const line = both(Buffer.of(0x40, 1, 97, 0x7f, 0xa1, 0x1e), Buffer.alloc(4000, 98));
      return both(headers(id, whole, both(Buffer.from(ok), line, Buffer.alloc(12_000, 0xbe))));
    },
    outcome: refused('enhance your calm'),
  },
  { name: 'WINDOW_UPDATE of 0', say: (id) => both(windowUpdate(id, 0), fine(id)), outcome: refused() },
  {
    name: 'a window above 2^31-1',
    say: (id) => both(windowUpdate(id, idMax), fine(id)),
    outcome: refused('flow control error'),
  },
  {
    name: 'PRIORITY of itself',
    say: (id) => both(frame(type.priority, 0, id, [...uint32(id), 1]), fine(id)),
    outcome: refused(),
  },
  {
    name: 'PRIORITY of 4 bytes',
    say: (id) => both(frame(type.priority, 0, id, uint32(0)), fine(id)),
    outcome: refused('frame size error'),
  },
  {
    name: 'RST_STREAM instead of an answer',
    say: (id) => reset(id, 2),
    outcome: { client: '503', held: '200 fine', says: '' },
  },
  {
    name: 'RST_STREAM with a code nobody knows',
    say: (id) => reset(id, 0xffff),
    outcome: { client: '503', held: '200 fine', says: '' },
  },
  {
    name: 'RST_STREAM within the body',
    say: (id) => both(head(id), data(id, 'fi'), reset(id, 2)),
    outcome: { client: 'cut', held: '200 fine', says: '' },
  },
  {
    name: 'REFUSED_STREAM',
    say: (id) => reset(id, 7),
    outcome: { client: '200 again', held: '200 fine', says: '' },
  },
  { name: 'RST_STREAM behind END_STREAM', say: (id) => both(fine(id), reset(id, 0)), outcome: well },
  {
    name: 'RST_STREAM twice behind END_STREAM',
    say: (id) => both(fine(id), reset(id, 8), reset(id, 8)),
    outcome: well,
  },
  {
    name: 'WINDOW_UPDATE behind END_STREAM',
    say: (id) => both(fine(id), windowUpdate(id, 10)),
    outcome: well,
  },
  {
    name: 'DATA behind END_STREAM',
    say: (id) => both(fine(id), data(id, 'more')),
    outcome: { ...well, says: 'reset: stream closed' },
  },
  { name: 'HEADERS behind END_STREAM', say: (id) => both(fine(id), headers(id, whole, ok)), outcome: well },
  { name: 'an unknown frame', say: (id) => both(frame(0x50, 255, id, [1, 2, 3]), fine(id)), outcome: well },
  {
    name: 'flags that nobody knows',
    say: (id) => both(headers(id, 0xd0 | endHeaders, ok), data(id, 'fine', 0xf0 | 1)),
    outcome: well,
  },
  {
    name: 'a window that opens by a byte',
    greeting: settings([4, 0]),
    say: (id, held) => both(windowUpdate(id, 1), windowUpdate(held, 1), fine(id)),
    outcome: well,
  },
  {
    name: 'SETTINGS that allow no stream',
    say: (id) => both(settings([3, 0]), fine(id)),
    outcome: well,
  },
  {
    name: 'settings that nobody knows',
    say: (id) => both(settings([0xff, 1], [0xffff, 5]), fine(id)),
    outcome: well,
  },
  { name: 'a table of 0 bytes for us', say: (id) => both(settings([1, 0]), fine(id)), outcome: well },
  {
    name: 'padding of 255 bytes',
    say: (id) =>
      both(
        head(id),
        frame(type.data, padded | 1, id, both(Buffer.of(255), Buffer.from('fine'), Buffer.alloc(255))),
      ),
    outcome: well,
  },
  {
    name: 'GOAWAY that leaves the stream out',
    say: (_, held) => goaway(held, 0),
    outcome: { client: '200 again', held: '200 fine', says: '' },
  },
  { name: 'GOAWAY that takes the stream in', say: (id) => both(goaway(id, 0), fine(id)), outcome: well },
  {
    name: 'GOAWAY with an id that was never used',
    say: (id) => both(goaway(id + 10, 0), fine(id)),
    outcome: well,
  },
  { name: 'GOAWAY with an even id', say: (id) => both(goaway(id + 1, 0), fine(id)), outcome: well },
  { name: 'GOAWAY with an error, and an answer', say: (id) => both(goaway(id, 2), fine(id)), outcome: well },
  {
    name: 'GOAWAY whose id grows',
    say: (id, held) => both(goaway(held, 0), goaway(idMax, 0), fine(id)),
    outcome: { client: '200 again', held: '200 fine', says: 'reset: stream closed' },
  },
];

const cutAt = (id: number): Buffer =>
  both(head(id), data(id, 'fi'), frame(type.data, 0, id, Buffer.alloc(100)).subarray(0, 20));

const connections: readonly MisbehaviourCase[] = [
  { name: 'PING before SETTINGS', greeting: ping, say: fine, outcome: again() },
  {
    name: 'HTTP/1.1 instead of HTTP/2',
    greeting: Buffer.from('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
    say: fine,
    outcome: again('frame size error'),
  },
  { name: 'SETTINGS with ACK first', greeting: frame(type.settings, ack, 0), say: fine, outcome: again() },
  {
    name: 'SETTINGS with ACK and a payload',
    say: (id) => both(frame(type.settings, ack, 0, [0, 3, 0, 0, 0, 1]), fine(id)),
    outcome: ended('frame size error'),
  },
  {
    name: 'SETTINGS of a stream',
    say: (id) => both(frame(type.settings, 0, id), fine(id)),
    outcome: ended(),
  },
  {
    name: 'SETTINGS of 5 bytes',
    say: (id) => both(frame(type.settings, 0, 0, [0, 3, 0, 0, 0]), fine(id)),
    outcome: ended('frame size error'),
  },
  { name: 'SETTINGS that enable push', say: (id) => both(settings([2, 1]), fine(id)), outcome: ended() },
  { name: 'SETTINGS with a push of 2', say: (id) => both(settings([2, 2]), fine(id)), outcome: ended() },
  {
    name: 'SETTINGS with a window of 2^31',
    say: (id) => both(settings([4, 2 ** 31]), fine(id)),
    outcome: ended('flow control error'),
  },
  {
    name: 'SETTINGS that make a window overflow',
    say: (id) => both(windowUpdate(id, idMax - 65_535), settings([4, 70_000]), fine(id)),
    outcome: ended('flow control error'),
  },
  { name: 'SETTINGS with frames of 1 byte', say: (id) => both(settings([5, 1]), fine(id)), outcome: ended() },
  {
    name: 'SETTINGS with frames of 2^24',
    say: (id) => both(settings([5, 2 ** 24]), fine(id)),
    outcome: ended(),
  },
  {
    name: 'SETTINGS with extended CONNECT 2',
    say: (id) => both(settings([8, 2]), fine(id)),
    outcome: ended(),
  },
  {
    name: 'PUSH_PROMISE',
    say: (id) =>
      both(frame(type.pushPromise, endHeaders, id, [...uint32(2), ...block([':method', 'GET'])]), fine(id)),
    outcome: ended(),
  },
  { name: 'HEADERS of a stream of its own', say: () => headers(2, whole, ok), outcome: ended() },
  {
    name: 'HEADERS of a stream that nobody opened',
    say: (id) => headers(id + 2, whole, ok),
    outcome: ended(),
  },
  { name: 'HEADERS of stream 0', say: () => headers(0, whole, ok), outcome: ended() },
  { name: 'DATA of stream 0', say: () => data(0, 'x'), outcome: ended() },
  { name: 'DATA of a stream that nobody opened', say: (id) => data(id + 2, 'x'), outcome: ended() },
  { name: 'RST_STREAM of a stream that nobody opened', say: (id) => reset(id + 2, 0), outcome: ended() },
  { name: 'RST_STREAM of stream 0', say: () => reset(0, 0), outcome: ended() },
  {
    name: 'RST_STREAM of 3 bytes',
    say: (id) => frame(type.rstStream, 0, id, [0, 0, 0]),
    outcome: ended('frame size error'),
  },
  {
    name: 'WINDOW_UPDATE of a stream that nobody opened',
    say: (id) => windowUpdate(id + 2, 1),
    outcome: ended(),
  },
  { name: 'WINDOW_UPDATE of 0 for the connection', say: () => windowUpdate(0, 0), outcome: ended() },
  {
    name: 'a window of the connection above 2^31-1',
    say: () => windowUpdate(0, idMax),
    outcome: ended('flow control error'),
  },
  {
    name: 'WINDOW_UPDATE of 5 bytes',
    say: () => frame(type.windowUpdate, 0, 0, [0, 0, 0, 1, 0]),
    outcome: ended('frame size error'),
  },
  { name: 'PRIORITY of stream 0', say: () => frame(type.priority, 0, 0, [0, 0, 0, 0, 0]), outcome: ended() },
  {
    name: 'PING of 7 bytes',
    say: () => frame(type.ping, 0, 0, new Uint8Array(7)),
    outcome: ended('frame size error'),
  },
  { name: 'PING of a stream', say: (id) => frame(type.ping, 0, id, new Uint8Array(8)), outcome: ended() },
  { name: 'GOAWAY of a stream', say: (id) => frame(type.goaway, 0, id, new Uint8Array(8)), outcome: ended() },
  {
    name: 'GOAWAY of 4 bytes',
    say: () => frame(type.goaway, 0, 0, new Uint8Array(4)),
    outcome: ended('frame size error'),
  },
  {
    name: 'CONTINUATION without HEADERS',
    say: (id) => frame(type.continuation, endHeaders, id, ok),
    outcome: ended(),
  },
  {
    name: 'CONTINUATION of another stream',
    say: (id, held) => both(headers(id, 0, ok), frame(type.continuation, endHeaders, held)),
    outcome: ended(),
  },
  { name: 'a PING within a field block', say: (id) => both(headers(id, 0, ok), ping), outcome: ended() },
  {
    name: 'a flood of CONTINUATION',
    say: (id) => both(headers(id, 0, ok), times(1000, frame(type.continuation, 0, id, block(['x-a', '1'])))),
    outcome: ended('enhance your calm'),
  },
  {
    name: 'a flood of empty CONTINUATION',
    say: (id) => both(headers(id, 0, ok), times(1000, frame(type.continuation, 0, id))),
    outcome: ended('enhance your calm'),
  },
  {
    name: 'a frame of 16,385 bytes',
    say: (id) => both(head(id), data(id, 'x'.repeat(16_385))),
    outcome: torn('frame size error'),
  },
  {
    name: 'padding longer than its frame',
    say: (id) => both(headers(id, endHeaders, ok), frame(type.data, padded, id, [10, 1, 2])),
    outcome: torn(),
  },
  {
    name: 'padding of HEADERS longer than its frame',
    say: (id) => frame(type.headers, padded | endHeaders, id, [10, 0x88]),
    outcome: ended(),
  },
  {
    name: 'HPACK: an index beyond the table',
    say: (id) => headers(id, whole, [0x88, 0xff, 0x80, 0x01]),
    outcome: ended('compression error'),
  },
  {
    name: 'HPACK: index 0',
    say: (id) => headers(id, whole, [0x88, 0x80]),
    outcome: ended('compression error'),
  },
  {
    name: 'HPACK: a table above what was offered',
    say: (id) => headers(id, whole, [0x3f, 0xe1, 0xff, 0x03, 0x88]),
    outcome: ended('compression error'),
  },
  {
    name: 'HPACK: a change of size behind a field',
    say: (id) => headers(id, whole, [0x88, 0x20]),
    outcome: ended('compression error'),
  },
  {
    name: 'HPACK: Huffman code with EOS',
    say: (id) => headers(id, whole, [0x88, 0, 1, 97, 0x84, 255, 255, 255, 255]),
    outcome: ended('compression error'),
  },
  {
    name: 'HPACK: a literal that is cut',
    say: (id) => headers(id, whole, [0x88, 0, 5, 97]),
    outcome: ended('compression error'),
  },
  {
    name: 'HPACK: an integer without end',
    say: (id) => headers(id, whole, [0x88, 0xff, 255, 255, 255, 255, 255, 255, 1]),
    outcome: ended('compression error'),
  },
  {
    name: 'a flood of empty DATA',
    say: (id) => both(head(id), times(1000, data(id, ''))),
    outcome: { client: 'cut', held: '502', says: 'goaway: enhance your calm' },
  },
  { name: 'a flood of PING', say: () => times(10_000, ping), outcome: ended('enhance your calm') },
  { name: 'a flood of SETTINGS', say: () => times(10_000, settings()), outcome: ended('enhance your calm') },
  {
    name: 'a flood of PRIORITY',
    say: (id) => times(10_000, frame(type.priority, 0, id, [0, 0, 0, 0, 1])),
    outcome: ended('enhance your calm'),
  },
  {
    name: 'a flood of WINDOW_UPDATE',
    say: () => times(10_000, windowUpdate(0, 1)),
    outcome: ended('enhance your calm'),
  },
  {
    name: 'a flood of unknown frames',
    say: () => times(10_000, frame(0x60, 0, 0)),
    outcome: ended('enhance your calm'),
  },
  {
    name: 'a flood of GOAWAY',
    say: () => times(10_000, goaway(idMax, 0)),
    outcome: ended('enhance your calm'),
  },
  {
    name: 'the end within a frame',
    say: (id) => cutAt(id),
    ends: 'fin',
    outcome: { client: 'cut', held: '503', says: '' },
  },
  {
    name: 'the end instead of an answer',
    say: () => Buffer.alloc(0),
    ends: 'fin',
    outcome: { client: '503', held: '503', says: '' },
  },
  {
    name: 'a reset of TCP',
    say: (id) => both(head(id), data(id, 'fi')),
    ends: 'rst',
    outcome: { client: 'cut', held: '503', says: '' },
  },
];

export const misbehaviours: readonly MisbehaviourCase[] = [...streams, ...connections];

/**
 * What Envoy's callers get, `client, held`, where it is something else: it ends the connection for what RFC 9113 calls
 * an error of the stream (unless override_stream_error_on_invalid_http_message is set), says nothing of some, and lets
 * some pass.
 */
export const envoyDiffers: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    '502, 502': [
      'DATA before HEADERS',
      'trailers before HEADERS',
      'no body, and a Content-Length',
      'a Content-Length that is no number',
      'two values of Content-Length',
      'a pseudo-header field behind a field',
      'an unknown pseudo-header field',
      'a pseudo-header field of requests',
      'no :status',
      'two :status',
      'a :status that is no number',
      'a :status of four digits',
      ':status 101',
      'a 1xx that ends the stream',
      'capitals in a name',
      'a space in a name',
      'an empty name',
      'CR and LF in a value',
      'NUL in a value',
      'a Connection field',
      'a Transfer-Encoding field',
      'WINDOW_UPDATE of 0',
      'a window above 2^31-1',
      'PRIORITY of 4 bytes',
      'GOAWAY with an even id',
    ],
    'cut, 502': ['HEADERS twice', 'trailers without END_STREAM', 'a pseudo-header field in trailers'],
    '200 fine, 200 fine': ['a thousand 1xx', 'PRIORITY of itself', 'PUSH_PROMISE'],
    '503, 200 fine': [
      'SETTINGS that make a window overflow',
      'a head above 64 KiB',
      'a head of 1,000 fields',
      'an HPACK bomb',
      'REFUSED_STREAM',
      'GOAWAY that leaves the stream out',
    ],
    '503, 502': ['GOAWAY whose id grows', 'a flood of CONTINUATION'],
    'nothing, nothing': ['PRIORITY of stream 0', 'a flood of unknown frames', 'a flood of GOAWAY'],
  }),
);
