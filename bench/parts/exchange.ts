// What the data path itself costs: real listeners, codecs, exchange, pools and balancing over sockets that are plain
// objects, so that neither kernel nor neighbours are measured. Usage: `npm run bench -- exchange`; once without and
// once with an access log.

import { fail, type Log, silentLog } from '../../src/base/index.ts';
import {
  type Address,
  createSystemClock,
  createSystemRandom,
  type ListenOptions,
  type Network,
  type Socket,
  type SocketHandler,
  type TurnWriter,
} from '../../src/net/index.ts';
import { DataPlane } from '../../src/proxy/index.ts';
import {
  clusterConfig,
  endpointConfig,
  httpOptions,
  ip,
  listenerConfig,
  logTo,
  route,
  routeConfig,
  snapshot,
  testRetry,
} from '../../src/proxy/testing/configs.ts';

const connectionCount = 64;
const requestsPerRound = 40_000;

const requestText = [
  'GET /accounts/12345/balance HTTP/1.1',
  'Host: ledger',
  'user-agent: payments/1.0',
  'accept: application/json',
  'accept-encoding: gzip',
  'content-type: application/json',
  'authorization: Bearer 0123456789abcdef0123456789abcdef',
  'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  'x-account-id: 12345678',
  '',
  '',
].join('\r\n');

const body = '{"account":"12345678","balance":{"amount":"1234.56","currency":"GBP"}}';
const responseText = [
  'HTTP/1.1 200 OK',
  'Server: nginx/1.22.1',
  'Date: Mon, 23 Nov 2026 19:17:24 GMT',
  'Content-Type: application/json',
  `Content-Length: ${body.length}`,
  'Connection: keep-alive',
  '',
  body,
].join('\r\n');

const request = Buffer.from(requestText, 'latin1');
const response = Buffer.from(responseText, 'latin1');

/** Gathers as a real socket does, and pays for making the bytes flat. */
class PlainSocket implements Socket {
  readonly remote: Address;
  readonly local: Address;
  queuedBytes = 0;
  readonly secure = null;
  handler: SocketHandler | null = null;
  private text = '';
  private readonly written: PlainSocket[] | null;

  constructor(address: Address, written: PlainSocket[] | null) {
    this.remote = address;
    this.local = address;
    this.written = written;
  }

  release(): void {}

  originalDestination(): Address | null {
    return null;
  }

  setHandler(): void {}
  startTlsServer(): void {}
  startTlsClient(): void {}

  unreadBytes(): number {
    return 0;
  }

  unsentBytes(): number {
    return this.queuedBytes;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.writeLatin1(Buffer.prototype.latin1Slice.call(bytes, start, end));
  }

  send(bytes: Uint8Array, start: number, end: number): boolean {
    return this.write(bytes, start, end);
  }

  writeLatin1(text: string): boolean {
    if (this.text === '' && this.written !== null) this.written.push(this);
    this.text += text;
    return true;
  }

  /** Stands for the system call. */
  flush(): void {
    kernel.write(this.text, 0, 'latin1');
    this.text = '';
  }

  flushLater(writer: TurnWriter): void {
    queueMicrotask(() => writer.onTurnEnd());
  }

  pause(): void {}
  resume(): void {}
  end(): void {}

  reset(): void {
    queueMicrotask(() => this.handler?.onClose(this, null));
  }
}

const kernel = Buffer.alloc(64 * 1024);

class PlainNetwork implements Network {
  createTlsContext() {
    return fail('no TLS here');
  }
  readonly opening: PlainSocket[] = [];
  readonly written: PlainSocket[] = [];
  private accept: ListenOptions['accept'] | null = null;

  listen(options: ListenOptions) {
    this.accept = options.accept;
    return { address: options.address, suspend() {}, resume() {}, close() {} };
  }

  connect(address: Address, handler: SocketHandler): Socket {
    const socket = new PlainSocket(address, this.written);
    socket.handler = handler;
    this.opening.push(socket);
    return socket;
  }

  dial(): PlainSocket {
    const socket = new PlainSocket(ip(50_000), null);
    socket.handler = this.accept!(socket);
    socket.handler.onOpen(socket);
    return socket;
  }

  /** Every request that was sent is answered, in the order of an event loop's turn. */
  answer(): void {
    for (const socket of this.opening.splice(0)) socket.handler!.onOpen(socket);
    for (const socket of this.written) {
      socket.flush();
      socket.handler!.onData(socket, response);
    }
    this.written.length = 0;
  }
}

function createPlane(network: Network, logged: boolean): DataPlane {
  const resolver = { resolve: () => Promise.reject(new Error('no names here')) };
  const sink = {
    write: (_bytes: Uint8Array, handler: { onWritten(error: null): void }) =>
      setImmediate(() => handler.onWritten(null)),
    reopen() {},
    close() {},
  };
  const log: Log = silentLog;
  const plane = new DataPlane({
    clock: createSystemClock(),
    random: createSystemRandom(),
    network,
    resolver,
    log,
    peer: 'bank/payments',
    createLogSink: () => sink,
  });
  const timeouts = { requestMs: 15_000, attemptMs: null, idleMs: null };
  const accounts = route({
    name: 'accounts',
    match: { path: { kind: 'prefix', value: '/accounts/', ignoreCase: false }, headers: [], query: [] },
    timeouts,
  });
  plane.apply(
    snapshot({
      listeners: [listenerConfig({ http: httpOptions(logged ? logTo('none') : {}) })],
      routes: [routeConfig([accounts, route({ timeouts })])],
      clusters: [
        clusterConfig({
          balance: { kind: 'latency-aware', decayMs: 10_000, defaultRttMs: 30 },
          retry: testRetry,
          retryLimit: {
            kind: 'window',
            percent: 20,
            intervalMs: 10_000,
            minRetries: { count: 10, intervalMs: 1_000 },
          },
          outlier: {
            consecutiveFailures: 5,
            successRate: null,
            intervalMs: 10_000,
            baseEjectionMs: 10_000,
            maxEjectionMs: 300_000,
            maxEjectedPercent: 50,
          },
        }),
      ],
      endpoints: { ledger: [endpointConfig(1), endpointConfig(2), endpointConfig(3)] },
    }),
  );
  return plane;
}

export async function benchExchange(quick: boolean): Promise<void> {
  for (const withLog of [false, true]) await measure(withLog, quick ? 1 : 12);
}

async function measure(withLog: boolean, rounds: number): Promise<void> {
  const network = new PlainNetwork();
  const plane = createPlane(network, withLog);
  const clients = Array.from({ length: connectionCount }, () => network.dial());
  const perRequestUs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = process.cpuUsage();
    for (let sent = 0; sent < requestsPerRound; sent += connectionCount) {
      for (const client of clients) client.handler!.onData(client, request);
      network.answer();
      for (const client of clients) client.flush();
    }
    const used = process.cpuUsage(before);
    perRequestUs.push((used.user + used.system) / requestsPerRound);
    // Timers and the access log's sink have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const stats = plane.clusters.get('ledger')!.stats;
  const sorted = perRequestUs.toSorted((a, b) => a - b);
  console.log(
    `data path${withLog ? ', access log' : ''}: best ${sorted[0]!.toFixed(2)}, median ${sorted[sorted.length >> 1]!.toFixed(2)} us of CPU a request (${stats.responses[2]} answered 200 of ${stats.requests})`,
  );
  await plane.stop();
}
