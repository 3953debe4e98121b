// Streams of gRPC that carried one message each way and then say nothing, held by this process.

import { createBunNetwork, createSystemClock } from '../../src/net/index.ts';
import type { HttpCall } from '../../src/proxy/testing/http-ends.ts';
import { Http2Client } from '../../src/proxy/testing/http2-peers.ts';
import type { Running } from './running.ts';

export interface HeldStreams {
  /** How many were answered and are open. */
  readonly open: number;
  close(): void;
}

const streamsAConnection = 1000;
const answerTimeoutMs = 20_000;
const head = [
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
] as const;

export async function holdStreams(peer: Running, count: number): Promise<HeldStreams> {
  const network = createBunNetwork();
  const clock = createSystemClock();
  const address = { kind: 'ip', host: '127.0.0.1', port: peer.place.listener } as const;
  const clients: Http2Client[] = [];
  const calls: HttpCall[] = [];
  for (let at = 0; at < count; at += streamsAConnection) {
    const client = new Http2Client(network, address, clock);
    clients.push(client);
    const wanted = Math.min(streamsAConnection, count - at);
    await until(() => client.capacity >= wanted);
    for (let stream = 0; stream < wanted; stream++)
      calls.push(client.request('POST', '/bank.Ledger/Watch', head, null).send('x'.repeat(100)));
  }
  const answered = () => calls.filter((call) => call.body.length > 0 && call.error === null).length;
  await until(() => answered() === count);
  return {
    open: answered(),
    close() {
      for (const client of clients) client.socket.reset();
    },
  };
}

/** Or until it has taken too long: what is missing then is counted as failed. */
async function until(done: () => boolean): Promise<void> {
  const deadline = performance.now() + answerTimeoutMs;
  while (!done() && performance.now() < deadline) await Bun.sleep(10);
}
