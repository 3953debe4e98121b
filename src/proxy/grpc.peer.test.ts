import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, freePort, type Program, run, startProgram } from '../testing/programs.ts';
import { clusterConfig, http2Settings, httpOptions, ip, listenerConfig } from './testing/configs.ts';
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

function python(text: string, port: number) {
  return run(['python3', '-c', text, `${port}`]);
}

const hasGrpc = Bun.spawnSync(['python3', '-c', 'import grpc']).exitCode === 0;

describeWith(hasGrpc ? ['python3'] : ['python3', 'grpcio of Python'], 'grpcio on both sides', () => {
  let world: RealWorld;
  let server: Program;
  let port: number;

  beforeAll(async () => {
    const serverPort = freePort();
    server = await startProgram({
      command(folder) {
        writeFileSync(join(folder, 'server.py'), grpcServerText);
        return ['python3', join(folder, 'server.py'), `${serverPort}`];
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
    await server.stop();
  });

  test('calls of all kinds, large ones, statuses, deadlines, many at once', async () => {
    const { out, err } = await python(grpcClientText, port);
    expect(`${out}${err}`.trim().split('\n')).toEqual([
      'unary hello',
      'large 8000000',
      'down 1000',
      'up 100000',
      'both 500',
      'fail UNAVAILABLE denied PERMISSION_DENIED slow DEADLINE_EXCEEDED',
      'deadline True',
      'many 500',
    ]);
    const { stats } = world.plane.listeners.get('outbound')!;
    // A failed call is counted as one, whatever its HTTP status.
    expect(stats.responses[5]).toBeGreaterThanOrEqual(1);
    expect(stats.responses[4]).toBeGreaterThanOrEqual(1);
    expectBooksBalance(world.plane);
  }, 30_000);

  test('what the proxy answers itself is a status of gRPC', async () => {
    const dead = new RealWorld();
    dead.serve([freePort()], { clusters: [clusterConfig({ http2: http2Settings })] });
    const { out } = await python(deadText, dead.address.kind === 'ip' ? dead.address.port : 0);
    expect(out.trim()).toBe('UNAVAILABLE upstream connect error: connection refused');
    await dead.stop();
  }, 20_000);
});
