// The two loads: wrk for saturation (closed loop, as fast as the proxy goes) and `weft load` for fixed rates (open
// loop, latency from the intended send time). Both send the same ten-header request.

import { $ } from 'bun';

export interface Saturation {
  readonly requests: number;
  readonly seconds: number;
  readonly failed: number;
}

const weft = './bin/weft';

/**
 * Header lines of a service-to-service call in a mesh. `Host` in capitals: wrk would send its own beside a lower-case
 * one.
 */
export const requestHeaders: readonly (readonly [string, string])[] = [
  ['Host', 'ledger'],
  ['user-agent', 'payments/1.0'],
  ['accept', 'application/json'],
  ['accept-encoding', 'gzip'],
  ['content-type', 'application/json'],
  ['authorization', 'Bearer 0123456789abcdef0123456789abcdef'],
  ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'],
  ['x-account-id', '12345678'],
];

export async function saturate(port: number, seconds: number, connections = 64): Promise<Saturation> {
  const headers = requestHeaders.flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const url = `http://127.0.0.1:${port}/accounts/12345/balance`;
  const text = await $`wrk -t1 -c${connections} -d${seconds}s ${headers} ${url}`.text();
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

export interface RateResult {
  readonly sent: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** How late the generator itself was at worst: above a few ms the latencies are its own. */
  readonly generatorLateMs: number;
}

export async function sendAtRate(port: number, rate: number, seconds: number): Promise<RateResult> {
  const headers = requestHeaders.flatMap(([name, value]) => ['--header', `${name}: ${value}`]);
  const url = `http://127.0.0.1:${port}/accounts/12345/balance`;
  const connections = Math.min(64, Math.max(4, Math.ceil(rate / 100)));
  const run = $`${weft} load ${url} --rate ${rate} --duration ${seconds}s --connections ${connections} ${headers} --json`;
  const report = JSON.parse(await run.nothrow().text());
  const latency = report.latencyMs;
  if (latency === null) throw new Error(`at ${rate}/s nothing succeeded: ${JSON.stringify(report.failures)}`);
  return {
    sent: report.sent,
    failed: report.failed,
    p50Ms: latency.p50,
    p99Ms: latency.p99,
    p999Ms: latency.p999,
    maxMs: latency.max,
    generatorLateMs: report.latenessMs.p99,
  };
}
