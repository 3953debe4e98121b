// Listening sockets as the kernel and other programs see them: ss tells what they have, and connects what may.

import { afterEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, run } from '../../testing/programs.ts';
import { createBunNetwork } from '../bun-network.ts';
import type { Address, Listener, ListenSocketOptions, SocketHandler } from '../network.ts';

const quiet: SocketHandler = { onOpen() {}, onData() {}, onDrain() {}, onEnd() {}, onClose() {} };
const plain: ListenSocketOptions = {
  ipv6Only: false,
  backlog: null,
  freebind: false,
  transparent: false,
  fastOpenQueue: null,
  multipath: false,
  mode: null,
  options: [],
};
const listeners: Listener[] = [];
const folder = mkdtempSync(join(tmpdir(), 'weft-listen-'));
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
});

function listen(address: Address, options: Partial<ListenSocketOptions>): Address {
  const listener = createBunNetwork().listen({
    address,
    socket: { ...plain, ...options },
    accept: () => quiet,
  });
  listeners.push(listener);
  return listener.address;
}

function portOf(address: Address): number {
  return address.kind === 'ip' ? address.port : 0;
}

async function connects(host: string, port: number): Promise<boolean> {
  try {
    (await Bun.connect({ hostname: host, port, socket: { data() {} } })).end();
    return true;
  } catch {
    return false;
  }
}

const hasMultipath = existsSync('/proc/sys/net/mptcp/enabled');
const any: Address = { kind: 'ip', host: '127.0.0.1', port: 0 };

describe.skipIf(process.platform !== 'linux')('a listening socket', () => {
  test('IPv6 alone takes no IPv4, dual stack takes both', async () => {
    const alone = portOf(listen({ kind: 'ip', host: '::', port: 0 }, { ipv6Only: true }));
    const both = portOf(listen({ kind: 'ip', host: '::', port: 0 }, { ipv6Only: false }));
    expect([await connects('::1', alone), await connects('127.0.0.1', alone)]).toEqual([true, false]);
    expect([await connects('::1', both), await connects('127.0.0.1', both)]).toEqual([true, true]);
  });

  test('an address that the machine does not have: only with freebind', () => {
    const foreign: Address = { kind: 'ip', host: '192.0.2.7', port: 0 };
    expect(() => listen(foreign, {})).toThrow(/not available|EADDRNOTAVAIL/);
    expect(portOf(listen(foreign, { freebind: true }))).toBeGreaterThan(0);
  });

  test('a unix socket has its mode, and takes the place of one that nobody listens on any more', () => {
    const path = join(folder, 'a.sock');
    writeFileSync(path, '');
    listen({ kind: 'unix', path }, { mode: 0o640 });
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  test('an option that the system refuses is named', () => {
    const options = [{ level: 1, name: 9_999, value: 1, state: 'prebind' as const }];
    expect(() => listen(any, { options })).toThrow(/setsockopt\(1, 9999\)/);
  });
});

describeWith(['ss'], 'as ss shows it', () => {
  test('backlog, and an option by its number (SO_MARK needs rights, TCP_USER_TIMEOUT none)', async () => {
    const userTimeout = { level: 6, name: 18, value: 4_321, state: 'listening' as const };
    const port = portOf(listen(any, { backlog: 37, options: [userTimeout], fastOpenQueue: 5 }));
    const { out } = await run(['ss', '-Hlnt', `sport = :${port}`]);
    expect(out.trim().split(/\s+/).slice(0, 3)).toEqual(['LISTEN', '0', '37']);
  });

  test.skipIf(!hasMultipath)('several paths: clients with one and with several', async () => {
    const port = portOf(listen(any, { multipath: true }));
    expect((await run(['ss', '-HlntM', `sport = :${port}`])).out).toContain(`:${port}`);
    expect((await run(['ss', '-HlntM', `sport = :${portOf(listen(any, {}))}`])).out).not.toContain('mptcp');
    expect(await connects('127.0.0.1', port)).toBe(true);
    const several = `import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(('127.0.0.1', ${port}))`;
    expect((await run(['python3', '-c', several])).err).toBe('');
  });
});

afterEach(() => {
  if (listeners.length === 0) rmSync(join(folder, 'a.sock'), { force: true });
});
