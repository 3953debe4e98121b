// A proxy under churn: clients that come and go, keep their connections, abort, read slowly, speak TLS or tunnel. What
// it holds, memory and descriptors, must not grow with the time that this goes on. Ten minutes are
// WEFT_SOAK_SECONDS=600; a short one runs with all tests.

import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  cluster,
  downstreamTls,
  httpListener,
  tcpListener,
  tlsCertificate,
} from '../proxy/testing/tls-proxy.ts';
import { createAuthority } from '../testing/certificates.ts';
import { freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

const seconds = Number(process.env['WEFT_SOAK_SECONDS'] ?? 24);
/** Until the heap has its size: on two busy cores it still grows after four seconds, and is flat after ten. */
const settleMs = 12_000;
const clientsOfAKind = 4;
/** Of resident memory, from the first third to the last: what the collector may not have had time for. */
const growthBytesMax = 24 * 1024 * 1024;
const large = 'x'.repeat(512 * 1024);

const main = join(import.meta.dir, 'main.ts');
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Sample {
  readonly residentBytes: number;
  readonly descriptors: number;
}

function sample(pid: number): Sample {
  const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return { residentBytes: Number(resident?.[1]) * 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

interface Visit {
  readonly port: number;
  readonly ca: string | null;
  /** What is sent, how often, each time the answer before is whole. */
  readonly requests: readonly string[];
  /** The connection is reset after so many bytes of answers; Infinity: it ends when all are there. */
  readonly abortAfter: number;
  /** Reads nothing for so long after the first bytes. */
  readonly pauseMs: number;
}

/** One connection, from its beginning to its end. Resolves with the answers that were whole. */
function visit({ port, ca, requests, abortAfter, pauseMs }: Visit): Promise<number> {
  const over = Promise.withResolvers<number>();
  let sent = 0;
  let whole = 0;
  let bytes = 0;
  const next = (socket: Bun.Socket<undefined>) => void socket.write(requests[sent++] ?? '');
  void Bun.connect<undefined>({
    hostname: '127.0.0.1',
    port,
    ...(ca === null ? {} : { tls: { ca, serverName: 'a.example' } }),
    socket: {
      open(socket) {
        if (ca === null) next(socket);
      },
      handshake: (socket) => next(socket),
      data(socket, chunk) {
        bytes += chunk.length;
        if (bytes >= abortAfter) socket.terminate();
        else if (pauseMs > 0 && bytes === chunk.length) {
          socket.pause();
          setTimeout(() => socket.resume(), pauseMs);
        }
        if (!chunk.toString('latin1').endsWith('END')) return;
        whole += 1;
        if (sent < requests.length) next(socket);
        else socket.end();
      },
      end: (socket) => void socket.end(),
      close: () => over.resolve(whole),
      error: () => over.resolve(whole),
      connectError: () => over.resolve(whole),
    },
  }).catch(() => over.resolve(whole));
  return over.promise;
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

describe.skipIf(process.platform !== 'linux')('a soak', () => {
  test(
    `of ${seconds} s under churn leaves memory and descriptors as they were`,
    async () => {
      const origin = Bun.serve({
        hostname: '127.0.0.1',
        port: 0,
        fetch: (request) => new Response(`${request.url.endsWith('/large') ? large : ''}END`),
      });
      cleanups.push(() => origin.stop(true));
      const folder = mkdtempSync(join(tmpdir(), 'weft-soak-'));
      cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
      const root = createAuthority();
      const certificate = tlsCertificate(root.issue({ dns: ['a.example'] }));
      const [plain = 0, secure = 0, tunnel = 0, admin = 0] = Array.from({ length: 4 }, freePort);
      const listeners = [
        httpListener('plain', plain, 'origin', null),
        httpListener('secure', secure, 'origin', downstreamTls({ tls_certificates: [certificate] })),
        tcpListener('tunnel', tunnel, 'origin'),
      ];
      const clusters = [cluster('origin', origin.port ?? 0, null)];
      writeFileSync(
        join(folder, 'bootstrap.json'),
        JSON.stringify({ static_resources: { listeners, clusters } }),
      );
      const flags = ['-c', join(folder, 'bootstrap.json'), '--admin', `127.0.0.1:${admin}`, '-l', 'error'];
      const child = Bun.spawn([process.execPath, main, 'proxy', ...flags], {
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      cleanups.push(async () => {
        child.kill('SIGKILL');
        await child.exited;
      });
      await until('it serves', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
      const usual = { port: plain, ca: null, abortAfter: Number.POSITIVE_INFINITY, pauseMs: 0 };
      const kinds: Readonly<Record<string, Visit>> = {
        kept: { ...usual, requests: Array.from({ length: 20 }, () => get('/')) },
        secure: { ...usual, port: secure, ca: root.pem, requests: [get('/'), get('/')] },
        tunnel: { ...usual, port: tunnel, requests: [get('/')] },
        aborted: { ...usual, requests: [get('/large')], abortAfter: 1 },
        slow: { ...usual, requests: [get('/large')], pauseMs: 100 },
        broken: { ...usual, requests: ['GET / HTT\0P/1.1\r\n\r\n'] },
      };
      const answers: Record<string, number> = {};
      let stopped = false;
      const runs = Object.entries(kinds).flatMap(([name, kind]) =>
        Array.from({ length: clientsOfAKind }, async () => {
          while (!stopped) answers[name] = (answers[name] ?? 0) + (await visit(kind));
        }),
      );
      // The heap of a program that just began grows to its size; that is no leak.
      await Bun.sleep(settleMs);
      const samples: Sample[] = [];
      const end = performance.now() + seconds * 1000;
      while (performance.now() < end) {
        samples.push(sample(child.pid));
        await Bun.sleep(200);
      }
      stopped = true;
      await Promise.all(runs);
      const third = Math.floor(samples.length / 3);
      const [first, last] = [samples.slice(0, third), samples.slice(-third)].map((part) => ({
        // What a collection leaves: the rest comes and goes.
        resident: Math.min(...part.map(({ residentBytes }) => residentBytes)),
        descriptors: Math.max(...part.map(({ descriptors }) => descriptors)),
      }));
      const mib = (value: number) => `${(value / 2 ** 20).toFixed(1)} MiB`;
      console.log(
        `soak of ${seconds} s: ${mib(first!.resident)} to ${mib(last!.resident)}, ` +
          `${first!.descriptors} to ${last!.descriptors} descriptors; answers: ${JSON.stringify(answers)}`,
      );
      expect(last!.resident - first!.resident).toBeLessThan(growthBytesMax);
      for (const name of ['kept', 'secure', 'tunnel', 'slow']) expect(answers[name]).toBeGreaterThan(0);
      // Pooled connections to the origin may stay; those of clients may not.
      const rest = async () => {
        const stats = await (
          await fetch(`http://127.0.0.1:${admin}/stats?filter=downstream_cx_active$`)
        ).text();
        return stats
          .split('\n')
          .every((line) => line === '' || line.startsWith('http.admin') || line.endsWith(': 0'));
      };
      await until('nobody is connected any more', rest);
      const pooled = 1 + Object.keys(kinds).length * clientsOfAKind;
      expect(sample(child.pid).descriptors).toBeLessThan(last!.descriptors + 1);
      expect(last!.descriptors - first!.descriptors).toBeLessThan(pooled);
    },
    (seconds * 2 + 60) * 1000 + settleMs,
  );
});
