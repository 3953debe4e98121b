// A server and a client of gRPC in Python (grpcio), for whoever stands between them.

/**
 * Methods of every kind whose messages are bytes, so that nothing has to be generated. `argv[2]` and `argv[3]`, where
 * given: another port, with mutual TLS by the `ca.pem`, `cert.pem` and `key.pem` of a folder.
 */
export const grpcServerText = `
import grpc, sys, time
from concurrent import futures
seen = {}
class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        name = call.method.split('/')[-1]
        def unary(request, context):
            if name == 'Fail': context.abort(grpc.StatusCode.UNAVAILABLE, 'down')
            if name == 'Denied': context.abort(grpc.StatusCode.PERMISSION_DENIED, 'no')
            if name == 'Slow': time.sleep(2)
            if name == 'Flaky':
                key = dict(context.invocation_metadata()).get('x-key')
                seen[key] = seen.get(key, 0) + 1
                if seen[key] == 1: context.abort(grpc.StatusCode.UNAVAILABLE, 'not yet')
                return str(seen[key]).encode()
            if name == 'Deadline': return str(int(context.time_remaining() * 1000)).encode()
            return request
        def stream_out(request, context):
            for index in range(int(request)): yield str(index).encode()
        def stream_in(requests, context):
            return str(sum(len(request) for request in requests)).encode()
        def both(requests, context):
            for request in requests: yield request
        def late(requests, context):
            for request in requests:
                time.sleep(float(request))
                yield request
        if name == 'Down': return grpc.unary_stream_rpc_method_handler(stream_out)
        if name == 'Up': return grpc.stream_unary_rpc_method_handler(stream_in)
        if name == 'Late': return grpc.stream_stream_rpc_method_handler(late)
        if name == 'Both': return grpc.stream_stream_rpc_method_handler(both)
        return grpc.unary_unary_rpc_method_handler(unary)
server = grpc.server(futures.ThreadPoolExecutor(16), handlers=[Handler()], options=[('grpc.max_receive_message_length', -1)])
server.add_insecure_port('127.0.0.1:' + sys.argv[1])
if len(sys.argv) > 2:
    ca, cert, key = (open(f'{sys.argv[3]}/{name}.pem', 'rb').read() for name in ('ca', 'cert', 'key'))
    server.add_secure_port('127.0.0.1:' + sys.argv[2], grpc.ssl_server_credentials([(key, cert)], ca, True))
server.start()
server.wait_for_termination()
`;

/**
 * Prints an outcome a line; `argv[1]` is the port of whoever leads to `ledger`; `argv[2]`, where given, the folder of
 * what mutual TLS needs.
 */
export const grpcClientText = `
import grpc, sys
address = '127.0.0.1:' + sys.argv[1]
options = [('grpc.default_authority', 'ledger'), ('grpc.max_receive_message_length', -1)]
if len(sys.argv) > 2:
    ca, cert, key = (open(f'{sys.argv[2]}/{name}.pem', 'rb').read() for name in ('ca', 'cert', 'key'))
    options.append(('grpc.ssl_target_name_override', 'ledger'))
    channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(ca, key, cert), options)
else:
    channel = grpc.insecure_channel(address, options)
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

/**
 * What a mesh does for calls: one that fails at first is made again where it says that it may be, and a stream whose
 * head takes its time lives. `argv[2]`: seconds between its messages, commas between.
 */
export const grpcCareText = `
import grpc, sys
channel = grpc.insecure_channel('127.0.0.1:' + sys.argv[1], options=[('grpc.default_authority', 'ledger'), ('grpc.enable_retries', 0)])
late = channel.stream_stream('/bank.Ledger/Late')(iter(wait.encode() for wait in sys.argv[2].split(',')))
def flaky(key, more=()):
    try:
        return channel.unary_unary('/bank.Ledger/Flaky')(b'', timeout=10, metadata=(('x-key', key + sys.argv[1]),) + more).decode()
    except grpc.RpcError as error:
        return error.code().name
print('unmarked', flaky('a'), flaky('a'))
print('marked', flaky('b', (('idempotency-key', '1'),)))
print('late', b' '.join(late).decode())
`;
