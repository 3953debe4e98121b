// grpc-js under Node on both sides of the proxy: every kind of call, 100 MB, metadata, deadlines, cancellation, 10,000
// streams at once.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { fileURLToPath } from 'node:url';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { clusterConfig, http2Settings, httpOptions, ip, listenerConfig } from './testing/configs.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

setDefaultTimeout(240_000);

/** It opens one connection and waits for room on it. */
const clientStreamsMax = 20_000;
const streamsMax = 2000;

describeWith(['node'], 'grpc-js on both sides', () => {
  const program = ['node', fileURLToPath(new URL('../../tools/peers/grpc-js.mjs', import.meta.url))];
  const world = new RealWorld();
  let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;

  beforeAll(async () => {
    const port = freePort();
    server = Bun.spawn([...program, 'serve', `${port}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { value } = await server.stdout.getReader().read();
    expect(Buffer.from(value ?? []).toString()).toBe('ready\n');
    world.serve([port], {
      listeners: [
        listenerConfig({
          address: ip(0),
          http: httpOptions({ http2: { ...http2Settings, streamsMax: clientStreamsMax } }),
        }),
      ],
      clusters: [
        clusterConfig({
          http2: { ...http2Settings, streamsMax },
          limits: { connections: 1024, pending: 20_000, requests: 20_000 },
          // Ten thousand heads in a turn of a busy machine are no reason to give a connection up.
          connectTimeoutMs: 10_000,
        }),
      ],
    });
  });

  afterAll(async () => {
    server?.kill('SIGKILL');
    await server?.exited;
    await world.stop();
  });

  test('calls of all kinds, large ones, statuses, deadlines, cancellation, metadata, many at once', async () => {
    const port = world.address.kind === 'ip' ? world.address.port : 0;
    const { out, err } = await run([...program, 'call', `${port}`]);
    expect(`${out}${err}`.trim().split('\n')).toEqual([
      'unary hello',
      'large 100000000',
      'down 1000',
      'up 100000',
      'both 500',
      'fail 9 no: 100 % ✓',
      'deadline 4',
      'cancel heard',
      'metadata a value true',
      'unimplemented 12',
      'together 10000',
    ]);
    expectBooksBalance(world.plane);
  });
});
