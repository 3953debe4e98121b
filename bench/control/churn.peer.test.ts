// The churn of `npm run bench -- control` in short: fifty changes of endpoints a second, and at the end every proxy on
// grpc-go holds what the model says; nothing is lost, nothing is stale.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '../../src/testing/programs.ts';
import { Child } from './child.ts';
import { buildPeer, controlCommand } from './programs.ts';
import { measureChurn } from './subject.ts';

setDefaultTimeout(120_000);

const folder = mkdtempSync(join(tmpdir(), 'weft-churn-'));
const clients = join(folder, 'clients');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const [services, streams] = [60, 40];
const change = (number: number, salt: number): string => `slice ${number} ${salt}`;

async function play(flags: readonly string[], check: (server: Child, client: Child) => Promise<void>) {
  const server = new Child(controlCommand(services, 10));
  const children = [server];
  try {
    const [, port] = await server.hear('port');
    const client = new Child([
      ...[clients, '-address', `127.0.0.1:${port}`, '-streams', `${streams}`, '-connections', '4'],
      ...['-clusters', `${services}`, ...flags],
    ]);
    children.push(client);
    await client.hear('complete');
    await check(server, client);
    expect(client.linesOf('broken')).toEqual([]);
  } finally {
    for (const child of children) await child.stop();
  }
}

describeWith(['go'], 'every proxy holds the model after churn', () => {
  beforeAll(() => buildPeer('./clients', clients));

  test.each([
    ['incrementally', []],
    ['by virtual hosts', ['-vhds']],
    ['in state of the world', ['-sotw']],
  ])('%s', async (_name, flags) => {
    await play(flags, async (server, client) => {
      const { changes, right } = await measureChurn(server, client, { change, churnSeconds: 1 });
      expect({ changes, right }).toEqual({ changes: 50, right: true });
    });
  });

  test('what was held before a change is not what the model says after it', async () => {
    await play([], async (server, client) => {
      const [, , , held] = await client.ask('check', 'held');
      expect((await server.ask('digest', 'digest'))[1]).toBe(held);
      server.say(change(3, 7));
      while ((await server.ask('digest', 'digest'))[1] === held) await Bun.sleep(5);
    });
  });
});
