import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { describeWith, freePort, type Program, run, startProgram } from '../testing/programs.ts';
import {
  clusterConfig,
  http2Settings,
  httpOptions,
  ip,
  listenerConfig,
  route,
  routeConfig,
  type SnapshotParts,
} from './testing/configs.ts';
import { GrpcOverTls } from './testing/grpc-over-tls.ts';
import { grpcClientText, grpcServerText } from './testing/python-grpc.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

const deadText = `
import grpc, sys
channel = grpc.insecure_channel('127.0.0.1:' + sys.argv[1], options=[('grpc.default_authority', 'ledger')])
try:
    channel.unary_unary('/bank.Ledger/Echo')(b'x', timeout=5)
except grpc.RpcError as error:
    print(error.code().name, error.details())
`;

function python(text: string, port: number, ...more: readonly string[]) {
  return run(['python3', '-c', text, `${port}`, ...more]);
}

const steppedText = `
import grpc, sys
channel = grpc.insecure_channel('127.0.0.1:' + sys.argv[1], options=[('grpc.default_authority', 'ledger')])
call = channel.stream_stream('/bank.Ledger/Both')(line.strip().encode() for line in iter(sys.stdin.readline, ''))
try:
    for message in call: print(message.decode(), flush=True)
except grpc.RpcError: pass
print(call.code().name, call.details(), flush=True)
`;

/** A stream of both directions that says something when it is told to. */
class SteppedStream {
  private readonly child: Bun.Subprocess<'pipe', 'pipe', 'inherit'>;
  private readonly lines: AsyncIterator<string>;

  constructor(port: number) {
    this.child = Bun.spawn(['python3', '-c', steppedText, `${port}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.lines = createInterface(Readable.fromWeb(this.child.stdout as never))[Symbol.asyncIterator]();
  }

  /** What came back; how the stream ended when it did. */
  async step(message: string): Promise<string> {
    this.child.stdin.write(`${message}\n`);
    await this.child.stdin.flush();
    return await this.read();
  }

  async end(): Promise<string> {
    await this.child.stdin.end();
    return await this.read();
  }

  private async read(): Promise<string> {
    return ((await this.lines.next()).value ?? 'no more').trim();
  }
}

const callsMade = [
  'unary hello',
  'large 8000000',
  'down 1000',
  'up 100000',
  'both 500',
  'fail UNAVAILABLE denied PERMISSION_DENIED slow DEADLINE_EXCEEDED',
  'deadline True',
  'many 500',
];

const hasGrpc = Bun.spawnSync(['python3', '-c', 'import grpc']).exitCode === 0;

describeWith(hasGrpc ? ['python3'] : ['python3', 'grpcio of Python'], 'grpcio on both sides', () => {
  let world: RealWorld;
  let server: Program;
  let port: number;
  const serverPort = freePort();
  const secure = new GrpcOverTls();
  const securePort = freePort();

  beforeAll(async () => {
    server = await startProgram({
      command(folder) {
        writeFileSync(join(folder, 'server.py'), grpcServerText);
        return ['python3', join(folder, 'server.py'), `${serverPort}`, `${securePort}`, secure.folder];
      },
      ready: async () =>
        (
          await python(
            "import grpc, sys; grpc.channel_ready_future(grpc.insecure_channel('127.0.0.1:' + sys.argv[1])).result(1)",
            serverPort,
          )
        ).code === 0,
    });
    world = new RealWorld();
    world.serve([serverPort], {
      listeners: [listenerConfig({ address: ip(0), http: httpOptions() })],
      clusters: [clusterConfig({ http2: http2Settings })],
    });
    port = world.address.kind === 'ip' ? world.address.port : 0;
  });

  afterAll(async () => {
    await world.stop();
    await secure.stop();
    await server.stop();
  });

  test('calls of all kinds, large ones, statuses, deadlines, many at once', async () => {
    const { out, err } = await python(grpcClientText, port);
    expect(`${out}${err}`.trim().split('\n')).toEqual(callsMade);
    const { stats } = world.plane.listeners.get('outbound')!;
    // A failed call is counted as one, whatever its HTTP status.
    expect(stats.responses[5]).toBeGreaterThanOrEqual(1);
    expect(stats.responses[4]).toBeGreaterThanOrEqual(1);
    expectBooksBalance(world.plane);
  }, 30_000);

  test('the same over mutual TLS on both sides', async () => {
    const { out, err } = await python(grpcClientText, secure.serve(securePort), secure.folder);
    expect(`${out}${err}`.trim().split('\n')).toEqual(callsMade);
    expectBooksBalance(secure.world.plane);
  }, 30_000);

  test('what the proxy answers itself is a status of gRPC', async () => {
    const dead = new RealWorld();
    dead.serve([freePort()], { clusters: [clusterConfig({ http2: http2Settings })] });
    const { out } = await python(deadText, dead.address.kind === 'ip' ? dead.address.port : 0);
    expect(out.trim()).toBe('UNAVAILABLE upstream connect error: connection refused');
    await dead.stop();
  }, 20_000);

  test('a stream lives through every change of the configuration', async () => {
    const listeners = (http = httpOptions()) => [listenerConfig({ address: ip(changedPort), http })];
    const changedPort = freePort();
    const clusters = [clusterConfig({ http2: http2Settings })];
    const changing = new RealWorld();
    const base = { listeners: listeners(), clusters };
    changing.serve([serverPort], base);
    const stream = new SteppedStream(changedPort);
    expect(await stream.step('opened')).toBe('opened');
    const changes: readonly (readonly [string, readonly number[], SnapshotParts])[] = [
      ['an endpoint more', [serverPort, freePort()], base],
      [
        'other routes',
        [serverPort],
        {
          ...base,
          routes: [routeConfig([route({ timeouts: { requestMs: 50, attemptMs: null, idleMs: null } })])],
        },
      ],
      [
        'another cluster of that name',
        [serverPort],
        { ...base, clusters: [{ ...clusters[0]!, connectTimeoutMs: 77 }] },
      ],
      [
        'another listener at that address',
        [serverPort],
        { clusters, listeners: listeners(httpOptions({ idleTimeoutMs: 5000 })) },
      ],
      ['its endpoint gone', [freePort()], base],
      ['its route and cluster gone', [], { listeners: listeners(), clusters: [], routes: [routeConfig([])] }],
      ['its listener gone', [], { listeners: [], clusters: [], routes: [] }],
    ];
    for (const [at, [name, ports, parts]] of changes.entries()) {
      changing.serve(ports, { ...parts, version: `${at + 2}` });
      expect(await stream.step(name)).toBe(name);
    }
    expect(await stream.end()).toBe('OK');
    await changing.stop();
  }, 30_000);
});
