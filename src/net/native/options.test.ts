import { describe, expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { openConnecting } from './connect.ts';
import { libc } from './libc.ts';

const level = { socket: 1, tcp: 6 };
const rows: readonly (readonly [name: string, level: number, option: number, value: number])[] = [
  ['SO_KEEPALIVE', level.socket, 9, 1],
  ['TCP_KEEPIDLE', level.tcp, 4, 31],
  ['TCP_KEEPINTVL', level.tcp, 5, 7],
  ['TCP_KEEPCNT', level.tcp, 6, 4],
  ['TCP_USER_TIMEOUT', level.tcp, 18, 12_345],
];

describe.skipIf(process.platform !== 'linux')('options of a connection', () => {
  test('the kernel holds what was asked for', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const system = libc()!;
    const keepAlive = { idleSeconds: 31, intervalSeconds: 7, probes: 4 };
    const options = { keepAlive, userTimeoutMs: 12_345 };
    const descriptor = openConnecting(system, { kind: 'ip', host: '127.0.0.1', port }, options);
    if (typeof descriptor !== 'number') throw descriptor;
    for (const [name, at, option, value] of rows) {
      const answer = new Int32Array(1);
      const length = new Uint8Array(new Uint32Array([4]).buffer);
      expect(system.getsockopt(descriptor, at, option, new Uint8Array(answer.buffer), length)).toBe(0);
      expect([name, answer[0]]).toEqual([name, value]);
    }
    system.close(descriptor);
    server.close();
  });

  test('a source that this machine does not have is an error that says so', () => {
    const source = { kind: 'ip', host: '192.0.2.7', port: 0 } as const;
    const failed = openConnecting(libc()!, { kind: 'ip', host: '127.0.0.1', port: 1 }, { source });
    expect(String(failed)).toContain('bind: EADDRNOTAVAIL');
  });
});
