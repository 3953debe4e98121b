// The same nginx, measured by wrk and by our own generator at the same moderate load: they must agree, or one of them lies. wrk is a
// closed loop, so it is the one that sets the rate.

import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBunNetwork, createSystemClock, createSystemRandom } from '../net/index.ts';
import { createFixedRequests } from './fixed-requests.ts';
import { createPrecisePacer } from './pacer.ts';
import { runLoad } from './run-load.ts';
import type { LoadReport } from './types.ts';

const peers = ['nginx', 'wrk'];
const missing = peers.filter((name) => Bun.which(name) === null);
const skipped = missing.length > 0 && process.env['CI'] !== 'true';
if (skipped) console.log(`skipped: ${missing.join(', ')} not installed`);

const configuration = (folder: string, port: number): string => `
worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http {
  access_log off; keepalive_requests 1000000;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server { listen 127.0.0.1:${port}; location / { return 200 "${'x'.repeat(1000)}"; } }
}`;

let folder = '';
let port = 0;
let server: Bun.Subprocess | null = null;

beforeAll(async () => {
  if (skipped) return;
  folder = mkdtempSync(join(tmpdir(), 'weft-load-'));
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
  port = probe.port;
  probe.stop(true);
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port));
  server = Bun.spawn(['nginx', '-c', join(folder, 'nginx.conf')], { stdio: ['ignore', 'ignore', 'ignore'] });
  for (let turn = 0; turn < 200 && !(await isUp()); turn++) await Bun.sleep(20);
});

afterAll(async () => {
  server?.kill();
  await server?.exited;
  if (folder !== '') rmSync(folder, { recursive: true, force: true });
});

async function isUp(): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/`)).ok;
  } catch {
    return false;
  }
}

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
    weight: 1,
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

test.skipIf(skipped)(
  'throughput is the rate within 2 %, the median service time agrees with wrk',
  async () => {
    expect(missing).toEqual([]);
    let agreed = false;
    for (let round = 0; round < roundsMax && !agreed; round++) {
      const wrk = await measureByWrk(1);
      // Moderate: at most a fifth of what a closed loop gets from this server at this moment, whatever else the machine does.
      const rate = Math.min(1000, Math.floor(wrk.ratePerSecond / 5));
      const weft = await measureByWeft(rate, 2);
      const [own, theirs] = [weft.serviceMs.p50, wrk.p50Ms];
      console.log(
        `median: wrk ${theirs} ms, weft ${own} ms at ${rate}/s; own lateness ${weft.latenessMs.p50} ms`,
      );
      expect(weft.failed).toBe(0);
      expect(Math.abs(weft.succeeded / (2 * rate) - 1)).toBeLessThan(0.02);
      agreed = agree(own, theirs);
    }
    expect(agreed).toBe(true);
  },
  25_000,
);
