// A thousand clients that begin TLS at once do not stop those who are in: between any two answers to an open connection
// only so many handshakes run. Counted, not timed: the machine may be busy with other things.

import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../testing/certificates.ts';
import { freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { cluster, downstreamTls, httpListener, tlsCertificate } from './testing/tls-proxy.ts';

setDefaultTimeout(120_000);

const main = join(import.meta.dir, '../cli/main.ts');
const clients = 1_000;
const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** What a client says first; a server answers it with all that costs it much. */
async function captureHello(): Promise<Buffer> {
  const heard = Promise.withResolvers<Buffer>();
  const listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data(socket, bytes) {
        heard.resolve(Buffer.from(bytes));
        socket.terminate();
      },
    },
  });
  const client = Bun.connect({
    hostname: '127.0.0.1',
    port: listener.port,
    tls: { serverName: 'a.example', rejectUnauthorized: false },
    socket: { data() {}, error() {}, close() {} },
  });
  await client.catch(() => null);
  const hello = await heard.promise;
  listener.stop(true);
  return hello;
}

async function startProxy(port: number): Promise<void> {
  const root = createAuthority();
  const certificate = tlsCertificate(root.issue({ dns: ['a.example'] }));
  const folder = mkdtempSync(join(tmpdir(), 'weft-storm-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
  cleanups.push(() => origin.stop(true));
  const bootstrap = {
    static_resources: {
      listeners: [httpListener('in', port, 'origin', downstreamTls({ tls_certificates: [certificate] }))],
      clusters: [cluster('origin', origin.port ?? 0, null)],
    },
  };
  writeFileSync(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap));
  const admin = freePort();
  const flags = ['-c', join(folder, 'bootstrap.json'), '--admin', `127.0.0.1:${admin}`, '-l', 'error'];
  const child = Bun.spawn([process.execPath, main, 'proxy', ...flags], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  await until('it serves', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
}

/** Asks again with each answer. */
class Resident {
  answers = 0;
  private asking = false;
  private socket: Bun.Socket<undefined> | null = null;

  async connect(port: number): Promise<void> {
    const secure = Promise.withResolvers<void>();
    this.socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      tls: { serverName: 'a.example', rejectUnauthorized: false },
      socket: {
        data: (socket, bytes) => {
          if (!bytes.toString('latin1').endsWith('ok')) return;
          this.answers += 1;
          if (this.asking) socket.write(request);
        },
        handshake: () => secure.resolve(),
        error() {},
      },
    });
    cleanups.push(() => this.socket?.terminate());
    await secure.promise;
  }

  ask(on: boolean): void {
    this.asking = on;
    if (on) this.socket?.write(request);
  }
}

const request = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

describe.skipIf(process.platform !== 'linux')('a storm of handshakes', () => {
  test(`of ${clients} leaves room for those who are in`, async () => {
    const port = freePort();
    await startProxy(port);
    const hello = await captureHello();
    const resident = new Resident();
    await resident.connect(port);
    resident.ask(true);
    await until('it is answered', () => resident.answers > 10);
    let met = 0;
    const socket: Bun.SocketHandler<{ met: boolean }> = {
      data(socket) {
        if (!socket.data.met) met += 1;
        socket.data.met = true;
      },
      error() {},
    };
    const storm = await Promise.all(
      Array.from({ length: clients }, () =>
        Bun.connect({ hostname: '127.0.0.1', port, data: { met: false }, socket }),
      ),
    );
    cleanups.push(() => {
      for (const one of storm) one.terminate();
    });
    const before = resident.answers;
    for (const one of storm) one.write(hello);
    await until('all have met their server', () => met === clients, 60_000);
    const meanwhile = resident.answers - before;
    resident.ask(false);
    console.log(`storm: ${meanwhile} answers to an open connection while ${clients} handshakes ran`);
    // Eight a turn make 125 turns, some of which pass before the resident has asked again: 50 answers were usual.
    expect(meanwhile).toBeGreaterThan(8);
  });
});
