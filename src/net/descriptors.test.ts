import { dlopen } from 'bun:ffi';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeshError } from '../base/index.ts';
import { createBunNetwork } from './bun-network.ts';
import { encodeSocketAddress } from './native/sockaddr.ts';
import type { Address, Socket, SocketHandler } from './network.ts';

const linux = process.platform === 'linux';
const network = createBunNetwork();
const folder = mkdtempSync(join(tmpdir(), 'weft-descriptors-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Open descriptors other than those of the runtime's own making. */
function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

async function settle(done: () => boolean): Promise<void> {
  const startMs = performance.now();
  do {
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - startMs > 10_000) throw new Error('never came to be');
  } while (!done());
}

interface Outcome {
  socket: Socket | null;
  opened: boolean;
  error: MeshError | null;
  closed: boolean;
}

function dial(address: Address): Outcome {
  const outcome: Outcome = { socket: null, opened: false, error: null, closed: false };
  const handler: SocketHandler = {
    onOpen() {
      outcome.opened = true;
    },
    onData() {},
    onDrain() {},
    onEnd() {},
    onClose: (_socket, error) => Object.assign(outcome, { error, closed: true }),
  };
  outcome.socket = network.connect(address, handler);
  return outcome;
}

/**
 * A listener of the kernel that drops every further SYN: nobody accepts, and its queue is full. No program of ours
 * listens like this, so the calls are made by hand.
 */
class DeafListener {
  private readonly system = dlopen('libc.so.6', {
    socket: { args: ['i32', 'i32', 'i32'], returns: 'i32' },
    bind: { args: ['i32', 'ptr', 'u32'], returns: 'i32' },
    listen: { args: ['i32', 'i32'], returns: 'i32' },
    close: { args: ['i32'], returns: 'i32' },
  }).symbols;
  private readonly descriptor: number;
  readonly address: Address;
  private filling: Outcome[] = [];

  constructor(host: string, port: number) {
    this.address = { kind: 'ip', host, port };
    const { family, bytes } = encodeSocketAddress(this.address)!;
    this.descriptor = this.system.socket(family, 1 | 0x80000, 0);
    expect(this.system.bind(this.descriptor, bytes, bytes.length)).toBe(0);
    expect(this.system.listen(this.descriptor, 0)).toBe(0);
  }

  async fill(): Promise<void> {
    this.filling = [dial(this.address), dial(this.address), dial(this.address)];
    await settle(() => this.filling.some(({ opened }) => opened));
  }

  close(): void {
    for (const { socket } of this.filling) socket?.reset();
    this.system.close(this.descriptor);
  }
}

describe.skipIf(!linux)('descriptors after a failed connect', () => {
  const attempts = 40;
  const deaf: DeafListener[] = [];
  const cleanups: (() => void)[] = [];
  beforeAll(() => dial({ kind: 'ip', host: '127.0.0.1', port: 1 }).socket?.reset());
  afterEach(() => {
    for (const listener of deaf.splice(0)) listener.close();
    for (const cleanup of cleanups.splice(0)) cleanup();
  });

  async function freePort(host: string): Promise<number> {
    const server = createServer().listen(0, host);
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  /** The outcome of each attempt, and that no descriptor is left of any. */
  async function expectNoneLeft(address: Address, code: string, abandon = false): Promise<void> {
    const before = countDescriptors();
    const outcomes = Array.from({ length: attempts }, () => dial(address));
    if (abandon) {
      await settle(() => true);
      expect(countDescriptors()).toBe(before + attempts);
      for (const { socket } of outcomes) socket?.reset();
    }
    await settle(() => outcomes.every(({ closed }) => closed));
    await settle(() => countDescriptors() <= before);
    expect(new Set(outcomes.map(({ error }) => error?.code))).toEqual(new Set([code as never]));
    expect(outcomes.some(({ opened }) => opened)).toBe(false);
  }

  for (const host of ['127.0.0.1', '::1']) {
    test(`refused, ${host}`, async () => {
      await expectNoneLeft({ kind: 'ip', host, port: await freePort(host) }, 'connect-refused');
    });

    test(`the SYN is dropped and the attempt abandoned, ${host}`, async () => {
      const listener = new DeafListener(host, await freePort(host));
      deaf.push(listener);
      await listener.fill();
      await expectNoneLeft(listener.address, 'cancelled', true);
    });

    test(`reset by the peer after it was open, ${host}`, async () => {
      const server = createServer((peer) => peer.on('error', () => {}).resetAndDestroy()).listen(0, host);
      cleanups.push(() => server.close());
      await new Promise((resolve) => server.once('listening', resolve));
      const before = countDescriptors();
      const { port } = server.address() as { port: number };
      const outcomes = Array.from({ length: attempts }, () => dial({ kind: 'ip', host, port }));
      await settle(() => outcomes.every(({ closed }) => closed));
      await settle(() => countDescriptors() <= before);
      expect(outcomes.every(({ error }) => error?.code === 'peer-reset')).toBe(true);
    });
  }

  const never: readonly (readonly [name: string, address: Address, code: string])[] = [
    ['a unix path that is missing', { kind: 'unix', path: join(folder, 'none.sock') }, 'connect-refused'],
    ['an abstract name that nobody has', { kind: 'unix', path: '\0weft-nobody' }, 'connect-refused'],
    ['a unix path that is too long', { kind: 'unix', path: `/${'x'.repeat(108)}` }, 'connect-failed'],
    ['a name where an address belongs', { kind: 'ip', host: 'ledger.bank', port: 80 }, 'connect-failed'],
    ['no route to it', { kind: 'ip', host: 'ff02::1', port: 80 }, 'connect-failed'],
  ];
  for (const [name, address, code] of never) test(name, () => expectNoneLeft(address, code));
});
