// A proxy is replaced under a load that does not wait for it: every request is answered, plain, over TLS and through a
// tunnel.

import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

const main = join(import.meta.dir, 'main.ts');
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Started {
  readonly child: Bun.Subprocess<'ignore', 'ignore', 'pipe'>;
  readonly log: Promise<string>;
}

function startProxy(
  folder: string,
  admin: number,
  baseId: number,
  epoch: number,
  more: readonly string[] = [],
): Started {
  const flags = [
    ...more,
    '--admin',
    `127.0.0.1:${admin}`,
    '--base-id',
    `${baseId}`,
    '--restart-epoch',
    `${epoch}`,
  ];
  const command = [process.execPath, main, 'proxy', '-c', join(folder, 'bootstrap.json'), ...flags];
  const child = Bun.spawn(command, { stdio: ['ignore', 'ignore', 'pipe'] });
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  return { child, log: child.stderr.text() };
}

type Kind = 'plain' | 'secure' | 'tunnel';
type ClientSocket = Bun.Socket<ClientState>;

interface ClientState {
  received: string;
  /** When the request under way was sent; -1: none is. */
  sentMs: number;
}

/** Of one client: a machine that cannot keep up gets a queue here, as behind any pool, not ever more handshakes. */
const connectionsMax = 300;

/**
 * Sends at a fixed rate, however slow the answers are, on whichever connection has waited longest; each request once.
 * Connections are kept until they are told to close, but for those through the tunnel: nobody can tell them, so they
 * carry one request each.
 */
class PacedClient {
  sent = 0;
  answered = 0;
  connections = 0;
  readonly failures: string[] = [];
  private readonly idle: ClientSocket[] = [];
  private open = 0;
  private waiting = 0;
  private readonly startedMs = performance.now();
  private readonly kind: Kind;
  private readonly port: number;
  private readonly ca: string;

  constructor(kind: Kind, port: number, ca: string) {
    this.kind = kind;
    this.port = port;
    this.ca = ca;
  }

  get done(): boolean {
    return this.answered + this.failures.length >= this.sent;
  }

  send(): void {
    this.sent += 1;
    this.waiting += 1;
    this.serveWaiting();
  }

  close(): void {
    for (const socket of this.idle) socket.end();
  }

  private serveWaiting(): void {
    while (this.waiting > 0 && (this.idle.length > 0 || this.open < connectionsMax)) {
      this.waiting -= 1;
      const socket = this.idle.shift();
      if (socket === undefined) this.connect();
      else this.ask(socket);
    }
  }

  private fail(what: string): void {
    const seconds = Math.round((performance.now() - this.startedMs) / 1000);
    this.failures.push(`${seconds} s: ${this.kind}: ${what}`);
  }

  private ask(socket: ClientSocket): void {
    socket.data = { received: '', sentMs: Date.now() };
    socket.write(`GET / HTTP/1.1\r\nhost: a\r\n${this.kind === 'tunnel' ? 'connection: close\r\n' : ''}\r\n`);
  }

  private connect(): void {
    this.connections += 1;
    this.open += 1;
    void Bun.connect<ClientState>({
      hostname: '127.0.0.1',
      port: this.port,
      data: { received: '', sentMs: Date.now() },
      ...(this.kind === 'secure' ? { tls: { ca: this.ca, serverName: 'a.example' } } : {}),
      socket: {
        open: (socket) => {
          if (this.kind !== 'secure') this.ask(socket);
        },
        handshake: (socket) => this.ask(socket),
        data: (socket, bytes) => this.receive(socket, bytes),
        end: (socket) => void socket.end(),
        close: (socket) => this.closed(socket),
        error: (_socket, error) => this.fail(String(error)),
        connectError: (_socket, error) => {
          this.fail(String(error));
          this.open -= 1;
        },
      },
    });
  }

  private receive(socket: ClientSocket, bytes: Buffer): void {
    socket.data.received += bytes.toString('latin1');
    if (!socket.data.received.endsWith('ok')) return;
    if (!socket.data.received.startsWith('HTTP/1.1 200')) this.fail(socket.data.received);
    else this.answered += 1;
    socket.data.sentMs = -1;
    if (this.kind === 'tunnel' || /connection: close/i.test(socket.data.received)) socket.end();
    else {
      this.idle.push(socket);
      // What else has come is heard of first: this connection's end may be among it.
      setImmediate(() => this.serveWaiting());
    }
  }

  private closed(socket: ClientSocket): void {
    const at = this.idle.indexOf(socket);
    if (at >= 0) this.idle.splice(at, 1);
    if (socket.data.sentMs >= 0) this.fail('closed without an answer');
    this.open -= 1;
    setImmediate(() => this.serveWaiting());
  }
}

/** Its log, once it has ended in order; it has had its 30 s by then, and more. */
async function endOf({ child, log }: Started): Promise<string> {
  const late = Bun.sleep(120_000).then(() => 'late' as const);
  const code = await Promise.race([child.exited, late]);
  if (code === 'late') child.kill('SIGKILL');
  if (code !== 0) throw new Error(`a predecessor ended: ${code}\n${await log}`);
  return log;
}

/** At so many requests a second together; returns when all were sent and answered. */
async function load(clients: readonly PacedClient[], rate: number, total: number): Promise<void> {
  const started = performance.now();
  let sent = 0;
  while (sent < total) {
    // What ended meanwhile is heard of first: a client that was held up must not write into a closed connection.
    await new Promise((resolve) => setImmediate(resolve));
    const due = Math.min(total, Math.floor(((performance.now() - started) / 1000) * rate));
    for (; sent < due; sent++) clients[sent % clients.length]!.send();
    await Bun.sleep(5);
  }
  await until('all are answered', () => clients.every(({ done }) => done), 300_000);
  for (const client of clients) client.close();
}

/**
 * The whole proof takes two minutes: WEFT_RESTART_REQUESTS=100000, ten restarts at 1,000 a second (WEFT_RESTART_RATE,
 * for a machine that is busy with other things).
 */
const requests = Number(process.env['WEFT_RESTART_REQUESTS'] ?? 6_000);
const restarts = requests >= 100_000 ? 10 : 2;
const rate = Number(process.env['WEFT_RESTART_RATE'] ?? 1_000);

/** By what was said, each with its number and the time of the first, in seconds since the start of the load. */
function countFailures(clients: readonly PacedClient[]): Readonly<Record<string, string>> {
  const texts = clients.flatMap(({ failures }) => failures);
  const kinds = [...new Set(texts.map((text) => text.replace(/^\d+ s: /, '')))];
  return Object.fromEntries(
    kinds.map((kind) => {
      const those = texts.filter((text) => text.endsWith(kind));
      return [kind, `${those.length}, the first after ${those[0]?.split(':')[0]}`];
    }),
  );
}

function anyFailed(clients: readonly PacedClient[]): boolean {
  return clients.some(({ failures }) => failures.length > 0);
}

async function restartUnderLoad(
  restarts: number,
  requests: number,
  threads: (epoch: number) => number,
): Promise<void> {
  const concurrency = (epoch: number) => ['--concurrency', `${threads(epoch)}`];
  const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
  cleanups.push(() => origin.stop(true));
  const folder = mkdtempSync(join(tmpdir(), 'weft-restart-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const root = createAuthority();
  const certificate = tlsCertificate(root.issue({ dns: ['a.example'] }));
  const [plain, secure, tunnel, admin, baseId] = [1, 2, 3, 4, 5].map(freePort) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const listeners = [
    httpListener('plain', plain, 'origin', null),
    httpListener('secure', secure, 'origin', downstreamTls({ tls_certificates: [certificate] })),
    tcpListener('tunnel', tunnel, 'origin'),
  ];
  const bootstrap = {
    static_resources: { listeners, clusters: [cluster('origin', origin.port ?? 0, null)] },
  };
  writeFileSync(join(folder, 'bootstrap.json'), JSON.stringify(bootstrap));
  let current = startProxy(folder, admin, baseId, 0, concurrency(0));
  await until('the first proxy serves', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
  const clients = [
    new PacedClient('plain', plain, root.pem),
    new PacedClient('secure', secure, root.pem),
    new PacedClient('tunnel', tunnel, root.pem),
  ];
  const running = load(clients, rate, requests);
  const logs: string[] = [];
  let cut = 0;
  const step = requests / (restarts + 1);
  for (let epoch = 1; epoch <= restarts; epoch++) {
    const answered = () => clients.reduce((total, client) => total + client.answered, 0);
    await until(
      'its share of the load is over',
      () => answered() >= step * epoch || anyFailed(clients),
      300_000,
    );
    const flags = ['--drain-strategy', epoch % 2 === 0 ? 'gradual' : 'immediate'];
    const next = startProxy(folder, admin, baseId, epoch, [
      ...flags,
      ...concurrency(epoch),
      '--parent-shutdown-time-s',
      '30',
    ]);
    const log = await endOf(current);
    logs.push(log);
    // As many queues of each of the three listeners as there ever were threads, and the admin interface.
    const queues = Math.max(...Array.from({ length: epoch }, (_, at) => threads(at)));
    expect(log).toContain(`"listeners handed over","listeners":${3 * queues + 1}`);
    cut += Number(/"cutConnections":(\d+)/.exec(log)?.[1]);
    current = next;
  }
  await running;
  if (anyFailed(clients)) {
    current.child.kill('SIGKILL');
    logs.push(await current.log);
    console.log(logs.join('---\n'));
  }
  expect(countFailures(clients)).toEqual({});
  expect(clients.reduce((total, { answered }) => total + answered, 0)).toBe(requests);
  const counts = clients.map(({ answered, connections }) => `${answered} on ${connections}`);
  console.log(`hot restart: plain, TLS, tunnel: ${counts.join(', ')} connections; ${cut} cut`);
}

describe.skipIf(process.platform !== 'linux')('hot restart', () => {
  test(`no request of ${requests} fails over ${restarts} restarts: plain, TLS, and through a tunnel`, async () => {
    await restartUnderLoad(restarts, requests, () => 1);
  }, 600_000);

  test('nor does one where the number of threads changes', async () => {
    await restartUnderLoad(3, 3_000, (epoch) => [2, 1, 2, 3][epoch]!);
  }, 600_000);

  test('without a predecessor the start fails and says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-restart-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'bootstrap.json'), '{"static_resources": {}}');
    const { child, log } = startProxy(folder, freePort(), freePort(), 4);
    expect([await child.exited, (await log).includes('--restart-epoch 4')]).toEqual([64, true]);
    expect(await log).toContain('nobody offers it');
  });
});
