// The same nginx, measured by wrk and by our own generator at the same moderate load: they must agree, or one of them
// lies. wrk is a closed loop, so it is the one that sets the rate.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBunNetwork, createSystemClock, createSystemRandom } from '../net/index.ts';
import { startNginx } from '../testing/nginx.ts';
import { describeWith, freePort, type Program, run, startProgram } from '../testing/programs.ts';
import { createFixedRequests } from './fixed-requests.ts';
import { createPrecisePacer } from './pacer.ts';
import { runLoad } from './run-load.ts';
import type { LoadReport } from './types.ts';

const port = freePort();

async function measureByWrk(
  seconds: number,
): Promise<{ readonly ratePerSecond: number; readonly p50Ms: number }> {
  // One connection: the next request leaves when the answer is there, so nothing waits and the latency is the server's.
  const wrk = Bun.spawn(['wrk', '-t1', '-c1', `-d${seconds}s`, '--latency', `http://127.0.0.1:${port}/`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const text = await new Response(wrk.stdout).text();
  const [, amount, unit] = /50%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  const unitMs = { us: 0.001, ms: 1, s: 1000 }[unit ?? ''] ?? Number.NaN;
  return {
    ratePerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1]),
    p50Ms: Number(amount) * unitMs,
  };
}

function measureByWeft(ratePerSecond: number, seconds: number): Promise<LoadReport> {
  const [clock, random] = [createSystemClock(), createSystemRandom()];
  const request = {
    target: 0,
    method: 'GET',
    authority: `127.0.0.1:${port}`,
    path: '/',
    headers: [],
    body: null,
    call: null,
    weight: 1,
    secure: false,
    idempotencyKey: false,
    expects: (status: number) => status === 200,
  };
  return runLoad({
    clock,
    random,
    network: createBunNetwork(),
    pacer: createPrecisePacer(() => clock.now()),
    targets: [{ kind: 'ip', host: '127.0.0.1', port }],
    maker: createFixedRequests([request], 'peer', random),
    ratePerSecond,
    arrivals: 'constant',
    durationMs: seconds * 1000,
    warmupMs: 500,
    connections: 8,
    streams: 0,
    timeoutMs: 5000,
    observer: null,
    intervalMs: 1000,
  });
}

/** Other programs of the machine disturb one measurement or the other: three rounds may be made, one must agree. */
const roundsMax = 3;

/** Whether the medians agree: within 0.25 ms, or a factor of four where the machine is slow. */
function agree(weftMs: number, wrkMs: number): boolean {
  return weftMs > wrkMs / 4 && weftMs < Math.max(wrkMs * 4, wrkMs + 0.25);
}

describeWith(['nginx', 'wrk'], 'wrk and Weft', () => {
  let nginx: Program | null = null;

  beforeAll(async () => {
    const page = `location / { return 200 "${'x'.repeat(1000)}"; }`;
    nginx = await startNginx(
      `keepalive_requests 1000000; server { listen 127.0.0.1:${port}; ${page} }`,
      port,
    );
  }, 60_000);

  afterAll(() => nginx?.stop());

  test('throughput is the rate within 2 %, the median service time agrees', async () => {
    let agreed = false;
    for (let round = 0; round < roundsMax && !agreed; round++) {
      const wrk = await measureByWrk(1);
      // Moderate: at most a fifth of what a closed loop gets from this server at this moment, whatever else the machine
      // does.
      const rate = Math.min(1000, Math.floor(wrk.ratePerSecond / 5));
      const weft = await measureByWeft(rate, 2);
      const [own, theirs] = [weft.serviceMs?.p50 ?? 0, wrk.p50Ms];
      console.log(
        `median: wrk ${theirs} ms, weft ${own} ms at ${rate}/s; own lateness ${weft.latenessMs?.p50} ms`,
      );
      expect(weft.failed).toBe(0);
      expect(Math.abs(weft.succeeded / (2 * rate) - 1)).toBeLessThan(0.02);
      agreed = agree(own, theirs);
    }
    expect(agreed).toBe(true);
  }, 60_000);
});

describeWith(['nghttpd'], 'nghttpd and Weft', () => {
  for (const [name, flags, path] of [
    ['HTTP/2', ['--http2'], '/page'],
    ['gRPC', ['--grpc', '--body', ''], '/call.grpc'],
  ] as const) {
    test(name, async () => {
      const port = freePort();
      const server = await startProgram({
        command(folder) {
          writeFileSync(join(folder, 'page'), 'x'.repeat(1000));
          writeFileSync(join(folder, 'call.grpc'), 'x'.repeat(100));
          return [
            'nghttpd',
            '--no-tls',
            '--trailer',
            'grpc-status: 0',
            '-d',
            folder,
            '-a',
            '127.0.0.1',
            `${port}`,
          ];
        },
        ready: async () => (await run(['nghttp', '-n', `http://127.0.0.1:${port}/page`])).code === 0,
      });
      const load = ['bin/weft', 'load', `http://127.0.0.1:${port}${path}`, ...flags, '--json'];
      const { out } = await run([
        ...load,
        '--rate',
        '200',
        '--duration',
        '1s',
        '--connections',
        '2',
        '--status',
        '200,404',
      ]);
      const report = JSON.parse(out) as LoadReport;
      expect(report.due).toBe(200);
      expect([report.failures, report.streams]).toEqual([{}, 16]);
      await server.stop();
    }, 60_000);
  }
});
