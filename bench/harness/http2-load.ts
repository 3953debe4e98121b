// h2load: many streams on few connections, as fast as the proxy goes or at a rate.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestPath } from '../peers/work.ts';
import { grpcMessage } from './backend.ts';
import { type RateResult, requestHeaders, type Saturation } from './request.ts';
import type { Running } from './running.ts';

export interface Http2Load {
  readonly connections: number;
  readonly streams: number;
  /** Bytes of the message of a unary call; 0: a plain GET. */
  readonly messageBytes: number;
}

export const usualHttp2Load: Http2Load = { connections: 8, streams: 16, messageBytes: 0 };

export async function saturateHttp2(peer: Running, seconds: number, load: Http2Load): Promise<Saturation> {
  const { requests, failed } = await runLoad(peer, load, ['-D', String(seconds)]);
  return { requests, seconds, failed };
}

/** Latencies are h2load's: from when a request was sent. */
export async function sendAtRateHttp2(
  peer: Running,
  rate: number,
  seconds: number,
  load: Http2Load,
): Promise<RateResult> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-h2load-'));
  try {
    const log = join(folder, 'log');
    const each = Math.max(1, Math.round(rate / load.connections));
    const flags = ['-D', String(seconds), '--rps', String(each), '--log-file', log];
    const { requests, failed } = await runLoad(peer, load, flags);
    const times = readFileSync(log, 'latin1')
      .split('\n')
      .map((line) => Number(line.split('\t')[2]) / 1000)
      .filter((ms) => ms > 0)
      .sort((a, b) => a - b);
    const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
    return { sent: requests, failed, p50Ms: at(0.5), p99Ms: at(0.99), p999Ms: at(0.999), generatorLateMs: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runLoad(
  { work, place }: Running,
  { connections, streams, messageBytes }: Http2Load,
  flags: readonly string[],
): Promise<{ requests: number; failed: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-h2load-'));
  const path = messageBytes === 0 ? requestPath(work) : `/${messageBytes}.grpc`;
  const url = `${work.tls ? 'https' : 'http'}://127.0.0.1:${place.listener}${path}`;
  const lines = requestHeaders.filter(([name]) => name !== 'Host' && name !== 'content-type');
  const own: readonly (readonly [string, string])[] =
    messageBytes === 0
      ? [['content-type', 'application/json']]
      : [
          ['content-type', 'application/grpc'],
          ['te', 'trailers'],
          ['grpc-timeout', '10S'],
        ];
  const headers = [[':authority', 'ledger'] as const, ...lines, ...own];
  const body = join(folder, 'message');
  if (messageBytes > 0) writeFileSync(body, grpcMessage(messageBytes));
  const words = [
    ...['h2load', '-c', `${connections}`, '-m', `${streams}`, ...flags],
    ...headers.flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ...(messageBytes > 0 ? ['-d', body] : []),
    url,
  ];
  const child = Bun.spawn(words, { stdout: 'pipe', stderr: 'inherit' });
  const text = await new Response(child.stdout).text();
  rmSync(folder, { recursive: true, force: true });
  const done = Number(/(\d+) done/.exec(text)?.[1] ?? 0);
  const good = Number(/status codes: (\d+) 2xx/.exec(text)?.[1] ?? 0);
  const errored = Number(/(\d+) errored/.exec(text)?.[1] ?? 0);
  return { requests: good, failed: Math.max(done - good, 0) + errored };
}
