// Connections that ask once and then say nothing, held by this process.

import { requestPath } from '../peers/work.ts';
import type { Running } from './running.ts';

export interface IdleConnections {
  /** How many are open and answered. */
  readonly open: number;
  close(): void;
}

/** At once: more would be lost in the listener's queue. */
const batch = 100;
const answerTimeoutMs = 10_000;

export async function holdIdle(peer: Running, count: number): Promise<IdleConnections> {
  const sockets: Bun.Socket<() => void>[] = [];
  for (let done = 0; done < count; done += batch) {
    const some = Array.from({ length: Math.min(batch, count - done) }, () => openOne(peer));
    for (const one of await Promise.allSettled(some)) if (one.status === 'fulfilled') sockets.push(one.value);
  }
  return {
    open: sockets.length,
    close() {
      for (const socket of sockets) socket.terminate();
    },
  };
}

async function openOne(peer: Running): Promise<Bun.Socket<() => void>> {
  const request = `GET ${requestPath(peer.work)} HTTP/1.1\r\nHost: ledger\r\n\r\n`;
  const answered = Promise.withResolvers<void>();
  const socket = await Bun.connect<() => void>({
    hostname: '127.0.0.1',
    port: peer.place.listener,
    ...(peer.work.tls ? { tls: { rejectUnauthorized: false } } : {}),
    data: answered.resolve,
    socket: {
      open(one) {
        one.write(request);
      },
      data(one) {
        one.data();
      },
      close() {
        answered.reject(new Error('closed'));
      },
      error() {},
    },
  });
  const timer = setTimeout(() => answered.reject(new Error('no answer')), answerTimeoutMs);
  await answered.promise.finally(() => clearTimeout(timer));
  return socket;
}
