// Real peers in tests: is one there, a free port for it, and patience until it did something.

import { createServer } from 'node:net';

/** Null: it is there. With CI=true a missing peer fails its tests instead of skipping them. */
export function whyMissing(command: string): string | null {
  if (Bun.which(command) !== null || process.env['CI'] === 'true') return null;
  return `${command} is not installed`;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Asks again every 20 ms; rejects when the time is up. */
export async function waitFor(done: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const until = performance.now() + timeoutMs;
  while (!(await done().catch(() => false))) {
    if (performance.now() > until) throw new Error(`not so within ${timeoutMs} ms`);
    await Bun.sleep(20);
  }
}
