// grpc-js under Node on both sides of the proxy: every kind of call, 100 MB, metadata, deadlines, cancellation, 10,000
// streams at once.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { fileURLToPath } from 'node:url';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { clusterConfig, http2Settings, httpOptions, ip, listenerConfig } from './testing/configs.ts';
import { GrpcOverTls } from './testing/grpc-over-tls.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

setDefaultTimeout(240_000);

/** It opens one connection and waits for room on it. */
const clientStreamsMax = 20_000;
const streamsMax = 2000;

function callsMade(large: number, together: number): readonly string[] {
  return [
    'unary hello',
    `large ${large}`,
    'down 1000',
    'up 100000',
    'both 500',
    'fail 9 no: 100 % ✓',
    'deadline 4',
    'cancel heard',
    'metadata a value true',
    'unimplemented 12',
    `together ${together}`,
  ];
}

describeWith(['node'], 'grpc-js on both sides', () => {
  const program = ['node', fileURLToPath(new URL('../../tools/peers/grpc-js.mjs', import.meta.url))];
  const world = new RealWorld();
  const secure = new GrpcOverTls();
  let securedPort: number;
  let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;

  beforeAll(async () => {
    const port = freePort();
    const securePort = freePort();
    server = Bun.spawn([...program, 'serve', `${port}`, secure.folder, `${securePort}`], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { value } = await server.stdout.getReader().read();
    expect(Buffer.from(value ?? []).toString()).toBe('ready\n');
    securedPort = secure.serve(securePort);
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
    await secure.stop();
  });

  test('calls of all kinds, large ones, statuses, deadlines, cancellation, metadata, many at once, TLS', async () => {
    const port = world.address.kind === 'ip' ? world.address.port : 0;
    const { out, err } = await run([...program, 'call', `${port}`, secure.folder, `${securedPort}`]);
    expect(`${out}${err}`.trim().split('\n')).toEqual([
      ...callsMade(100_000_000, 10_000),
      // Over mutual TLS.
      ...callsMade(1_000_000, 1000),
    ]);
    expectBooksBalance(world.plane);
    expectBooksBalance(secure.world.plane);
  });
});
