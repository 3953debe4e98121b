// A proxy is replaced under load, twice: every request of clients that keep their connections, plain and over TLS, is
// answered.

import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cluster, downstreamTls, httpListener, tlsCertificate } from '../proxy/testing/tls-proxy.ts';
import { createAuthority } from '../testing/certificates.ts';
import { freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

const main = join(import.meta.dir, 'main.ts');
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Started {
  readonly child: Bun.Subprocess<'ignore', 'ignore', 'pipe'>;
  readonly log: Promise<string>;
}

function startProxy(folder: string, admin: number, baseId: number, epoch: number): Started {
  const flags = ['--admin', `127.0.0.1:${admin}`, '--base-id', `${baseId}`, '--restart-epoch', `${epoch}`];
  const command = [process.execPath, main, 'proxy', '-c', join(folder, 'bootstrap.json'), ...flags];
  const child = Bun.spawn(command, { stdio: ['ignore', 'ignore', 'pipe'] });
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  return { child, log: child.stderr.text() };
}

/** Asks one request after the other, on one connection until it is told to close. */
class Caller {
  answered = 0;
  failures: string[] = [];
  stopped = false;
  private received = '';
  private readonly port: number;
  private readonly ca: string | null;

  constructor(port: number, ca: string | null) {
    this.port = port;
    this.ca = ca;
  }

  async run(): Promise<void> {
    while (!this.stopped) await this.connection();
  }

  private connection(): Promise<void> {
    const over = Promise.withResolvers<void>();
    let waiting = false;
    const ask = (socket: Bun.Socket<undefined>) => {
      this.received = '';
      waiting = true;
      socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    };
    void Bun.connect<undefined>({
      hostname: '127.0.0.1',
      port: this.port,
      ...(this.ca === null ? {} : { tls: { ca: this.ca, serverName: 'a.example' } }),
      socket: {
        open: (socket) => {
          if (this.ca === null) ask(socket);
        },
        handshake: (socket) => ask(socket),
        data: (socket, bytes) => {
          this.received += bytes.toString('latin1');
          if (!this.received.endsWith('ok')) return;
          waiting = false;
          this.answered += 1;
          if (this.stopped || this.received.includes('connection: close')) socket.end();
          else ask(socket);
        },
        end: (socket) => void socket.end(),
        close: () => {
          if (waiting) this.failures.push('closed without an answer');
          over.resolve();
        },
        error: (_socket, error) => void this.failures.push(String(error)),
        connectError: (_socket, error) => {
          this.failures.push(String(error));
          over.resolve();
        },
      },
    });
    return over.promise;
  }
}

describe.skipIf(process.platform !== 'linux')('hot restart', () => {
  test('no request fails over two restarts, plain and TLS', async () => {
    const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
    cleanups.push(() => origin.stop(true));
    const folder = mkdtempSync(join(tmpdir(), 'weft-restart-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const root = createAuthority();
    const certificate = tlsCertificate(root.issue({ dns: ['a.example'] }));
    const [plain, secure, admin, baseId] = [freePort(), freePort(), freePort(), freePort()];
    const listeners = [
      httpListener('plain', plain, 'origin', null),
      httpListener('secure', secure, 'origin', downstreamTls({ tls_certificates: [certificate] })),
    ];
    const bootstrap = {
      static_resources: { listeners, clusters: [cluster('origin', origin.port ?? 0, null)] },
    };
    writeFileSync(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap));
    let current = startProxy(folder, admin, baseId, 0);
    await until('the first proxy serves', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
    const callers = [1, 2, 3].flatMap(() => [new Caller(plain, null), new Caller(secure, root.pem)]);
    const runs = callers.map((caller) => caller.run());
    for (const epoch of [1, 2]) {
      const before = callers.map(({ answered }) => answered);
      await until('all are served', () => callers.every(({ answered }, at) => answered > before[at]! + 20));
      const next = startProxy(folder, admin, baseId, epoch);
      expect(await current.child.exited).toBe(0);
      expect(await current.log).toContain('"listeners handed over","listeners":3');
      current = next;
    }
    const before = callers.map(({ answered }) => answered);
    await until('the last one serves all', () =>
      callers.every(({ answered }, at) => answered > before[at]! + 20),
    );
    for (const caller of callers) caller.stopped = true;
    await Promise.all(runs);
    expect(callers.flatMap(({ failures }) => failures)).toEqual([]);
  }, 60_000);

  test('without a predecessor the start fails and says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-restart-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'bootstrap.json'), '{"static_resources": {}}');
    const { child, log } = startProxy(folder, freePort(), freePort(), 4);
    expect([await child.exited, (await log).includes('--restart-epoch 4')]).toEqual([64, true]);
    expect(await log).toContain('nobody offers it');
  });
});
