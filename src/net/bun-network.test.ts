import { afterAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listOpenListeners } from './bun-listener.ts';
import { createBunNetwork, createPrivateNetwork } from './bun-network.ts';
import type { Network, Socket, SocketHandler } from './network.ts';
import { runNetworkSuite } from './network-suite.ts';
import { runTlsSuite } from './tls-suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-net-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let paths = 0;

/** Turns of the event loop, not time: the conditions are events that the kernel delivers. */
async function settle(done: () => boolean): Promise<void> {
  const startMs = performance.now();
  do {
    await new Promise((resolve) => setImmediate(resolve));
    if (performance.now() - startMs > 20_000) throw new Error('never came to be');
  } while (!done());
}

const linux = process.platform === 'linux';
for (const [name, create, suspends] of [
  ['Bun sockets', () => createBunNetwork(), linux],
  ['Bun sockets, without the C library', () => createBunNetwork(null), false],
] as const) {
  runNetworkSuite(name, () => ({
    network: create(),
    unixPath: () => join(folder, `${paths++}.sock`),
    settle,
    suspends,
  }));
  runTlsSuite(name, () => ({ network: create(), settle }));
}

describe('Bun sockets', () => {
  const quiet: SocketHandler = { onOpen() {}, onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

  test('a foreign peer sees a reset as ECONNRESET and an end as FIN', async () => {
    for (const [how, expected] of [
      ['reset', ['error ECONNRESET', 'close']],
      ['end', ['end', 'close']],
    ] as const) {
      const events: string[] = [];
      const accepted: Socket[] = [];
      const listener = createBunNetwork().listen({
        address: { kind: 'ip', host: '127.0.0.1', port: 0 },
        accept: (socket) => {
          accepted.push(socket);
          return quiet;
        },
      });
      const port = listener.address.kind === 'ip' ? listener.address.port : 0;
      const peer = connect(port, '127.0.0.1');
      peer.on('error', (error: Error & { code?: string }) => events.push(`error ${error.code}`));
      peer.on('end', () => events.push('end'));
      peer.on('close', () => events.push('close'));
      peer.resume();
      await settle(() => accepted.length > 0);
      accepted[0]![how]();
      await settle(() => events.includes('close'));
      expect(events).toEqual([...expected]);
      listener.close();
    }
  });

  test('writes outside of a handler are sent without waiting for one', async () => {
    const got: string[] = [];
    const listener = createBunNetwork().listen({
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
      accept: () => ({ ...quiet, onData: (_socket, bytes) => void got.push(String(bytes)) }),
    });
    const opened: Socket[] = [];
    createBunNetwork().connect(listener.address, { ...quiet, onOpen: (socket) => void opened.push(socket) });
    await settle(() => opened.length > 0);
    const [open] = opened as [Socket];
    setTimeout(() => {
      open.writeLatin1('from a ');
      open.writeLatin1('timer');
    }, 0);
    await settle(() => got.length > 0);
    expect(got).toEqual(['from a timer']);
    open.reset();
    listener.close();
  });

  test('an exception in a handler ends the connection and is not swallowed', async () => {
    const script = `
      import { createBunNetwork } from '${import.meta.dir}/bun-network.ts';
      process.on('uncaughtException', (error) => console.log('uncaught', error.message));
      const quiet = { onOpen() {}, onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
      const network = createBunNetwork();
      const listener = network.listen({
        address: { kind: 'ip', host: '127.0.0.1', port: 0 },
        accept: () => ({ ...quiet, onData() { throw new Error('bug: of a handler'); } }),
      });
      network.connect(listener.address, {
        ...quiet,
        onOpen: (socket) => void socket.writeLatin1('x'),
        onClose: (_socket, error) => { console.log('closed', error.code); listener.close(); },
      });
    `;
    const child = Bun.spawn([process.execPath, '-e', script], { stdout: 'pipe' });
    const lines = (await child.stdout.text()).trim().split('\n').sort();
    expect(lines).toEqual(['closed peer-reset', 'uncaught bug: of a handler']);
    expect(await child.exited).toBe(0);
  });

  test('what listens is there for a successor, but what is private', () => {
    const listen = (network: Network) =>
      network.listen({
        address: { kind: 'ip', host: '127.0.0.1', port: 0 },
        accept: () => ({ onOpen() {}, onData() {}, onDrain() {}, onEnd() {}, onClose() {} }),
      });
    const [open, hidden] = [listen(createBunNetwork()), listen(createPrivateNetwork())];
    const offered = listOpenListeners().map(({ address }) => address);
    expect(offered).toContainEqual(open.address);
    expect(offered).not.toContainEqual(hidden.address);
    for (const one of [open, hidden]) one.close();
  });
});
