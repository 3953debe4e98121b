// The loads: wrk for saturation (closed loop, as fast as the proxy goes), `weft load` for fixed rates (open loop,
// latency from the intended send time), `openssl s_time` for handshakes.

import { $ } from 'bun';
import { requestPath } from '../peers/work.ts';
import { saturateHttp2, usualHttp2Load } from './http2-load.ts';
import { type RateResult, requestHeaders, type Saturation } from './request.ts';
import type { Running } from './running.ts';

const weft = './bin/weft';
const openssl = 'openssl';

export interface SaturateOptions {
  readonly connections: number;
  /** Beyond the usual ten. */
  readonly extraHeaders: number;
  /** A connection a request. */
  readonly close: boolean;
  /** null: the small body of the usual path. */
  readonly path: string | null;
}

export const usualLoad: SaturateOptions = { connections: 64, extraHeaders: 0, close: false, path: null };

function urlOf({ work, place }: Running, path: string | null): string {
  return `${work.tls ? 'https' : 'http'}://127.0.0.1:${place.listener}${path ?? requestPath(work)}`;
}

export async function saturate(
  peer: Running,
  seconds: number,
  options: SaturateOptions = usualLoad,
): Promise<Saturation> {
  if (peer.work.http2) return saturateHttp2(peer, seconds, usualHttp2Load);
  const extra = Array.from(
    { length: options.extraHeaders },
    (_, at) => [`x-context-${at}`, `value-of-context-${at}`] as const,
  );
  const closing = options.close ? ([['Connection', 'close']] as const) : [];
  const headers = [...requestHeaders, ...extra, ...closing].flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ]);
  const text =
    await $`wrk -t1 -c${options.connections} -d${seconds}s ${headers} ${urlOf(peer, options.path)}`.text();
  const [, requests, took] = /(\d+) requests in ([\d.]+)s/.exec(text) ?? [];
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const sockets =
    /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests: Number(requests ?? 0),
    seconds: Number(took ?? seconds),
    failed: failed + sockets.reduce((total, count) => total + Number(count), 0),
  };
}

export async function sendAtRate(peer: Running, rate: number, seconds: number): Promise<RateResult> {
  const headers = requestHeaders.flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  const connections = Math.min(64, Math.max(4, Math.ceil(rate / 100)));
  const run = $`${weft} load ${urlOf(peer, null)} --rate ${rate} --duration ${seconds}s --connections ${connections} ${headers} --json`;
  const report = JSON.parse(await run.nothrow().text());
  const latency = report.latencyMs;
  if (latency === null) throw new Error(`at ${rate}/s nothing succeeded: ${JSON.stringify(report.failures)}`);
  return {
    sent: report.sent,
    failed: report.failed,
    p50Ms: latency.p50,
    p99Ms: latency.p99,
    p999Ms: latency.p999,
    generatorLateMs: report.latenessMs.p99,
  };
}

/**
 * One handshake after the other, without a request; `resumed`: with the session of the one before, in TLS 1.2, where a
 * client has its ticket when the handshake ends.
 */
export async function shakeHands(peer: Running, seconds: number, resumed: boolean): Promise<Saturation> {
  const how = resumed ? ['-reuse', '-tls1_2'] : ['-new'];
  const address = `127.0.0.1:${peer.place.listener}`;
  const text = await $`${openssl} s_time -connect ${address} ${how} -time ${seconds}`
    .quiet()
    .nothrow()
    .text();
  const [, connections, took] = /(\d+) connections in (\d+) real seconds/.exec(text) ?? [];
  return { requests: Number(connections ?? 0), seconds: Number(took ?? seconds), failed: 0 };
}
