import { afterAll, beforeAll, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWith, freePort, type Program, run, startProgram } from '../testing/programs.ts';
import { clusterConfig, http2Settings, httpOptions, ip, listenerConfig } from './testing/configs.ts';
import { RealWorld } from './testing/real.ts';
import { expectBooksBalance } from './testing/world.ts';

/** Methods of every kind whose messages are bytes, so that nothing has to be generated. */
const serverText = `
import grpc, sys, time
from concurrent import futures
class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        name = call.method.split('/')[-1]
        def unary(request, context):
            if name == 'Fail': context.abort(grpc.StatusCode.UNAVAILABLE, 'down')
            if name == 'Denied': context.abort(grpc.StatusCode.PERMISSION_DENIED, 'no')
            if name == 'Slow': time.sleep(2)
            if name == 'Deadline': return str(int(context.time_remaining() * 1000)).encode()
            return request
        def stream_out(request, context):
            for index in range(int(request)): yield str(index).encode()
        def stream_in(requests, context):
            return str(sum(len(request) for request in requests)).encode()
        def both(requests, context):
            for request in requests: yield request
        if name == 'Down': return grpc.unary_stream_rpc_method_handler(stream_out)
        if name == 'Up': return grpc.stream_unary_rpc_method_handler(stream_in)
        if name == 'Both': return grpc.stream_stream_rpc_method_handler(both)
        return grpc.unary_unary_rpc_method_handler(unary)
server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[Handler()], options=[('grpc.max_receive_message_length', -1)])
server.add_insecure_port('127.0.0.1:' + sys.argv[1])
server.start()
server.wait_for_termination()
`;

const clientText = `
import grpc, sys
channel = grpc.insecure_channel('127.0.0.1:' + sys.argv[1], options=[('grpc.default_authority', 'ledger'), ('grpc.max_receive_message_length', -1)])
unary = lambda name, data, timeout=10: channel.unary_unary('/bank.Ledger/' + name)(data, timeout=timeout)
def code(name, timeout=10):
    try:
        unary(name, b'x', timeout)
        return 'OK'
    except grpc.RpcError as error:
        return error.code().name
print('unary', unary('Echo', b'hello').decode())
print('large', len(unary('Echo', bytes(8000000))))
print('down', len(list(channel.unary_stream('/bank.Ledger/Down')(b'1000', timeout=10))))
print('up', channel.stream_unary('/bank.Ledger/Up')(iter([b'x' * 1000] * 100), timeout=10).decode())
print('both', len(list(channel.stream_stream('/bank.Ledger/Both')(iter([b'm'] * 500), timeout=10))))
print('fail', code('Fail'), 'denied', code('Denied'), 'slow', code('Slow', 0.3))
# The client itself rounds up.
print('deadline', 0 < int(unary('Deadline', b'', 5)) <= 5100)
futures = [channel.unary_unary('/bank.Ledger/Echo').future(b'x', timeout=10) for _ in range(500)]
print('many', sum(len(future.result()) for future in futures))
`;

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
        writeFileSync(join(folder, 'server.py'), serverText);
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
    const { out, err } = await python(clientText, port);
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
