// However an endpoint fails, nothing of the failed attempts stays with the process.

import { afterEach, beforeEach, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { describeWith, freePort, type Program, startProgram } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { clusterConfig } from './testing/configs.ts';
import type { Respond } from './testing/peers.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

const requests = 100;

/** Listens with a queue of one that it fills itself: the kernel drops every further SYN. */
const deaf = `
import socket, sys, time
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen(0)
filling = []
for _ in range(4):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(("127.0.0.1", int(sys.argv[1])))
    filling.append(client)
time.sleep(0.2)
open(sys.argv[2] + "/ready", "w").close()
time.sleep(60)
`;

function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

let world: RealWorld;
let program: Program | null = null;

beforeEach(() => {
  world = new RealWorld();
});

afterEach(async () => {
  await world.stop();
  await program?.stop();
  program = null;
});

/** A first request takes the runtime's own descriptors; after that the count must come back. */
async function expectNoneLeft(port: number, connectTimeoutMs = 100): Promise<void> {
  world.serve([port], { clusters: [clusterConfig({ connectTimeoutMs })] });
  const ask = async (): Promise<void> => {
    const client = world.client().get('/');
    await until('an answer', () => client.statuses.length > 0 || client.closed !== null);
    client.socket.reset();
    await until('its end', () => client.closed !== null);
  };
  await ask();
  await until(
    'the first one’s end',
    () => world.plane.listeners.get('outbound')!.stats.connectionsActive === 0,
  );
  const before = countDescriptors();
  await Promise.all(Array.from({ length: requests }, ask));
  const { stats } = world.plane.clusters.get('ledger')!;
  await until(
    'the last connection’s end',
    () => stats.connectionsActive === 0 || stats.connectFailures === 0,
  );
  await until('the descriptors’ return', () => countDescriptors() <= before);
  expectBooksBalance(world.plane);
}

describeWith(['python3'], 'an endpoint that drops SYN', () => {
  test('leaves no descriptor after its timeouts', async () => {
    const port = freePort();
    program = await startProgram({
      command: (folder) => ['python3', '-c', deaf, `${port}`, folder],
      ready: async () => true,
    });
    const { folder } = program;
    await until('its queue is full', () => Bun.file(`${folder}/ready`).exists());
    await expectNoneLeft(port);
    expect(world.plane.clusters.get('ledger')!.stats.connectTimeouts).toBe(requests + 1);
  });
});

describeWith([], 'descriptors', () => {
  test('none is left by refused connections', async () => {
    await expectNoneLeft(freePort());
  });

  const kinds: readonly (readonly [name: string, respond: Respond])[] = [
    ['resets', (connection) => connection.socket.reset()],
    ['ends at once', (connection) => connection.socket.end()],
    ['answers and closes', (connection) => connection.reply(200, '', ['connection: close'])],
    ['answers garbage', (connection) => connection.send('garbage\r\n\r\n')],
  ];
  for (const [name, respond] of kinds)
    test(`none is left by an endpoint that ${name}`, () => expectNoneLeft(world.origin(respond).port));
});
