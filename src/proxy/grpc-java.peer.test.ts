// grpc-java on both sides of the proxy: every kind of call, 100 MB, metadata, deadlines, cancellation, 10,000 streams.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { clusterConfig, http2Settings, httpOptions, ip, listenerConfig } from './testing/configs.ts';
import { GrpcOverTls } from './testing/grpc-over-tls.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

setDefaultTimeout(240_000);

const source = fileURLToPath(new URL('../../tools/peers/grpc-java', import.meta.url));
/** grpc-java opens one connection and waits for room on it. */
const clientStreamsMax = 20_000;
const streamsMax = 2000;

function callsMade(large: number, together: number): readonly string[] {
  return [
    'unary hello',
    'compressed 1000000',
    `large ${large}`,
    'down 1000',
    'up 100000',
    'both 500',
    'fail FAILED_PRECONDITION no: 100 % ✓',
    'deadline DEADLINE_EXCEEDED',
    'cancel heard',
    'metadata a value true',
    'unimplemented UNIMPLEMENTED',
    `together ${together}`,
  ];
}

describeWith(['java', 'javac', 'mvn'], 'grpc-java on both sides', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-grpc-java-'));
  const classPath = `${join(folder, 'classes')}:${join(folder, 'jars', '*')}`;
  const java = ['java', '-Xmx1500m', '-cp', classPath, 'Peer'];
  const world = new RealWorld();
  const secure = new GrpcOverTls();
  let securedPort: number;
  let server: Bun.Subprocess<'ignore', 'pipe', 'inherit'>;

  beforeAll(async () => {
    const jars = join(folder, 'jars');
    const fetched = await run([
      ...['mvn', '-q', '-B', '-f', join(source, 'pom.xml')],
      ...['dependency:copy-dependencies', `-DoutputDirectory=${jars}`],
    ]);
    if (fetched.code !== 0) throw new Error(`mvn: ${fetched.out}${fetched.err}`);
    const compiled = await run([
      ...['javac', '-d', join(folder, 'classes'), '-cp', join(jars, '*')],
      join(source, 'Peer.java'),
    ]);
    if (compiled.code !== 0) throw new Error(`javac: ${compiled.err}`);
    const port = freePort();
    const securePort = freePort();
    server = Bun.spawn([...java, 'serve', `${port}`, secure.folder, `${securePort}`], {
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
        }),
      ],
    });
  }, 600_000);

  afterAll(async () => {
    server?.kill('SIGKILL');
    await server?.exited;
    await world.stop();
    await secure.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('calls of all kinds, large ones, statuses, deadlines, cancellation, metadata, many at once, TLS', async () => {
    const port = world.address.kind === 'ip' ? world.address.port : 0;
    const { out, err } = await run([...java, 'call', `${port}`, secure.folder, `${securedPort}`]);
    expect(`${out}${err}`.trim().split('\n')).toEqual([
      ...callsMade(100_000_000, 10_000),
      // Over mutual TLS.
      ...callsMade(1_000_000, 1000),
    ]);
    expectBooksBalance(world.plane);
    expectBooksBalance(secure.world.plane);
  });
});
