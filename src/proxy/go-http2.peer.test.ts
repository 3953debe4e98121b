// Go on both sides of the proxy: grpc-go with the calls of its own interop suite, and x/net/http2.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith, freePort, run } from '../testing/programs.ts';
import {
  clusterConfig,
  http2Settings,
  httpOptions,
  ip,
  listenerConfig,
  testRetry,
} from './testing/configs.ts';
import { GrpcOverTls } from './testing/grpc-over-tls.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

setDefaultTimeout(180_000);

const folder = mkdtempSync(join(tmpdir(), 'weft-go-http2-'));
const binary = join(folder, 'peer');

/** Whatever a failed test left. */
const children: Bun.Subprocess[] = [];

interface Server {
  readonly port: number;
  /** As Go ends servers: GOAWAY, then what runs. */
  end(): Promise<void>;
}

async function serve(mode: 'grpc-serve' | 'http-serve', ...flags: readonly string[]): Promise<Server> {
  const port = freePort();
  const child = Bun.spawn([binary, '-address', `127.0.0.1:${port}`, ...flags, mode], {
    stdout: 'pipe',
    stderr: 'ignore',
  });
  children.push(child);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  expect(Buffer.from(value ?? []).toString()).toBe('ready\n');
  const end = async () => {
    child.kill(mode === 'grpc-serve' ? 'SIGKILL' : 'SIGTERM');
    await child.exited;
  };
  return { port, end };
}

/** Room for 10,000 streams on 10 connections. */
const streamsMax = 2000;
const limits = { connections: 1024, pending: 20_000, requests: 20_000 };

function parts(http2: typeof http2Settings | null = http2Settings) {
  return {
    listeners: [
      listenerConfig({ address: ip(0), http: httpOptions({ http2: { ...http2Settings, streamsMax } }) }),
    ],
    clusters: [
      clusterConfig({
        http2: http2 === null ? null : { ...http2, streamsMax },
        limits,
        retry: testRetry,
      }),
    ],
  };
}

function portOf(world: RealWorld): number {
  return world.address.kind === 'ip' ? world.address.port : 0;
}

function call(mode: string, port: number, ...flags: readonly string[]) {
  return run([binary, '-address', `127.0.0.1:${port}`, ...flags, mode]);
}

const callsMade = [
  'empty_unary',
  'large_unary',
  'client_streaming',
  'server_streaming',
  'ping_pong',
  'empty_stream',
  'timeout_on_sleeping_server',
  'cancel_after_begin',
  'cancel_after_first_response',
  'custom_metadata',
  'status_code_and_message',
  'special_status_message',
  'unimplemented',
  'binary_metadata',
  'compressed',
  'largest',
  'deadline',
  'many_streams',
];

describeWith(['go'], 'Go on both sides', () => {
  beforeAll(() => {
    const source = fileURLToPath(new URL('../../tools/peers/go-http2', import.meta.url));
    const built = Bun.spawnSync(['go', 'build', '-o', binary, '.'], { cwd: source });
    if (!built.success) throw new Error(built.stderr.toString());
  }, 600_000);
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  test('grpc-go: its interop suite, messages of 100 MB, 10,000 streams at once', async () => {
    const server = await serve('grpc-serve');
    const world = new RealWorld();
    world.serve([server.port], parts());
    const { out, err } = await call('grpc-call', portOf(world));
    expect(`${out}${err}`.trim().split('\n')).toEqual(callsMade);
    // As many as streams that come before the first answer can want, and not one a stream.
    const wanted = 10_000 / http2Settings.streamsMax;
    expect(world.plane.clusters.get('ledger')!.stats.connectionsTotal).toBeLessThan(wanted + 10);
    expectBooksBalance(world.plane);
    await world.stop();
    await server.end();
  });

  test('grpc-go over mutual TLS on both sides: its interop suite, 1,000 streams at once', async () => {
    const secure = new GrpcOverTls();
    const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => join(secure.folder, `${name}.pem`));
    const own = ['-cert', cert!, '-key', key!];
    const server = await serve('grpc-serve', ...own, '-client-ca', ca!);
    const port = secure.serve(server.port);
    const sizes = ['-large', `${4 << 20}`, '-streams', '1000'];
    const { out, err } = await call('grpc-call', port, ...own, '-ca', ca!, ...sizes);
    expect(`${out}${err}`.trim().split('\n')).toEqual(callsMade);
    expectBooksBalance(secure.world.plane);
    await secure.stop();
    await server.end();
  });

  describe('x/net/http2', () => {
    for (const [name, http2] of [
      ['HTTP/2 behind', http2Settings],
      ['HTTP/1.1 behind', null],
    ] as const) {
      test(`${name}: bodies, trailers, early hints, early and cut answers, cancelled requests`, async () => {
        const server = await serve('http-serve');
        const world = new RealWorld();
        world.serve([server.port], parts(http2));
        const { out, err } = await call('http-call', portOf(world));
        expect(`${out}${err}`.trim().split('\n')).toEqual([
          'echo',
          'hints',
          'early',
          'abort',
          'cancelled',
          'together',
        ]);
        expectBooksBalance(world.plane);
        await world.stop();
        await server.end();
      });
    }

    test('servers that end in order, one after another, lose no request', async () => {
      const servers = [await serve('http-serve'), await serve('http-serve')];
      const world = new RealWorld();
      world.serve(
        servers.map(({ port }) => port),
        parts(),
      );
      const asked = call('http-keep', portOf(world), '-for', '6s');
      for (let round = 0; round < 3; round++) {
        await Bun.sleep(800);
        const [old] = servers.splice(0, 1);
        servers.push(await serve('http-serve'));
        // As a control plane would: the new one is known before the old one goes.
        world.serve(
          [...servers, old!].map(({ port }) => port),
          parts(),
        );
        await old!.end();
      }
      const { out } = await asked;
      expect(out).toMatch(/^asked \d{4,} lost 0\n$/);
      for (const server of servers) await server.end();
      await world.stop();
    });
  });
});
