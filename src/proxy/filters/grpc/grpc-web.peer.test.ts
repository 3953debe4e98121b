// gRPC-Web before a server on grpcio, beside Envoy under the same bootstrap: what a browser would read is the same.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Envoy, startEnvoy } from '../../../testing/envoy.ts';
import { describeWith, freePort, type Program, run, startProgram } from '../../../testing/programs.ts';
import { cluster, httpListener, startTlsProxy, type TlsProxy } from '../../testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const serverText = `
import grpc, sys
from concurrent import futures
class Handler(grpc.GenericRpcHandler):
    def service(self, call):
        name = call.method.split('/')[-1]
        def unary(request, context):
            if name == 'Fail': context.abort(grpc.StatusCode.NOT_FOUND, 'no such account')
            context.set_trailing_metadata((('x-trailing', 'value'),))
            return request
        def down(request, context):
            for index in range(3): yield request
            if name == 'Breaks': context.abort(grpc.StatusCode.INTERNAL, 'broke')
        if name == 'Unknown': return None
        if name in ('Down', 'Breaks'): return grpc.unary_stream_rpc_method_handler(down)
        return grpc.unary_unary_rpc_method_handler(unary)
server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Handler()])
server.add_insecure_port('127.0.0.1:' + sys.argv[1])
server.start()
server.wait_for_termination()
`;
const readyText =
  "import grpc, sys; grpc.channel_ready_future(grpc.insecure_channel('127.0.0.1:' + sys.argv[1])).result(1)";
const hasGrpc = Bun.spawnSync(['python3', '-c', 'import grpc']).exitCode === 0;
const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const filter = (name: string, type: string) => ({
  name,
  typed_config: { '@type': `type.googleapis.com/envoy.extensions.filters.http.${type}` },
});

function bootstrap(listenerPort: number, serverPort: number): object {
  const http_filters = [filter('web', 'grpc_web.v3.GrpcWeb'), filter('router', 'router.v3.Router')];
  const listener = httpListener('web', listenerPort, 'server', null, {}) as {
    filter_chains: { filters: { typed_config: object }[] }[];
  };
  Object.assign(listener.filter_chains[0]!.filters[0]!.typed_config, { http_filters });
  const http2 = {
    '@type': `type.googleapis.com/${options}`,
    explicit_http_config: { http2_protocol_options: {} },
  };
  const clusters = [
    { ...cluster('server', serverPort, null), typed_extension_protocol_options: { [options]: http2 } },
  ];
  return { static_resources: { listeners: [listener], clusters } };
}

const framed = Buffer.concat([Uint8Array.of(0, 0, 0, 0, 5), Buffer.from('hello')]);

/** Frames of a body, trailers with their lines in order. */
function framesOf(bytes: Buffer): readonly string[] {
  const frames: string[] = [];
  for (let at = 0; at + 5 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    const text = bytes.toString('latin1', at + 5, at + 5 + length);
    const lines = text.split('\r\n').filter((line) => line !== '' && !/^(date|x-envoy)/.test(line));
    frames.push(bytes[at]! < 0x80 ? `message ${text}` : `trailers ${lines.toSorted().join(', ')}`);
    at += 5 + length;
  }
  return frames;
}

async function ask(port: number, method: string, text: boolean) {
  const type = `application/grpc-web${text ? '-text' : ''}+proto`;
  const response = await fetch(`http://127.0.0.1:${port}/bank.Ledger/${method}`, {
    method: 'POST',
    headers: { 'content-type': type, accept: type, 'x-grpc-web': '1' },
    body: text ? framed.toString('base64') : framed,
  });
  const body = Buffer.from(await response.arrayBuffer());
  const parts = body.toString('latin1').split(/(?<==)(?!=)/);
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    grpcStatus: response.headers.get('grpc-status'),
    grpcMessage: response.headers.get('grpc-message'),
    frames: framesOf(text ? Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))) : body),
  };
}

describeWith(hasGrpc ? ['envoy', 'python3'] : ['grpcio of Python'], 'gRPC-Web beside Envoy', () => {
  const envoyPort = freePort();
  let server: Program;
  let envoy: Envoy;
  let weft: TlsProxy;

  beforeAll(async () => {
    const port = freePort();
    server = await startProgram({
      command(folder) {
        writeFileSync(join(folder, 'server.py'), serverText);
        return ['python3', join(folder, 'server.py'), `${port}`];
      },
      ready: async () => (await run(['python3', '-c', readyText, `${port}`])).code === 0,
    });
    envoy = await startEnvoy(bootstrap(envoyPort, port));
    weft = startTlsProxy(bootstrap(freePort(), port));
  });

  afterAll(async () => {
    await weft.proxy.stop();
    await envoy.stop();
    await server.stop();
  });

  for (const text of [false, true])
    for (const method of ['Echo', 'Fail', 'Down', 'Breaks', 'Unknown'])
      test(`${method} as ${text ? 'text' : 'bytes'}`, async () => {
        const theirs = await ask(envoyPort, method, text);
        if (method === 'Down') expect(theirs.frames.length).toBe(4);
        expect(await ask(weft.portOf('web'), method, text)).toEqual(theirs);
      });
});
