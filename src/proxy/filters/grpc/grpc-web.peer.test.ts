// gRPC-Web behind CORS and counted by method, before a server on grpcio, beside Envoy under the same bootstrap: what a
// browser would read is the same, and what is counted of it.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, startEnvoy } from '../../../testing/envoy.ts';
import { describeWith, freePort, type Program, run, startProgram } from '../../../testing/programs.ts';
import { until } from '../../../testing/until.ts';
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
const filterType = (type: string) => `type.googleapis.com/envoy.extensions.filters.http.${type}`;
const filter = (name: string, type: string, fields: object = {}) => ({
  name,
  typed_config: { '@type': filterType(type), ...fields },
});

/** A page of this origin may call. */
const pageOrigin = 'https://bank.example';
const policy = {
  allow_origin_string_match: [{ exact: pageOrigin }],
  allow_methods: 'POST',
  allow_headers: 'content-type, x-grpc-web',
  expose_headers: 'grpc-status, grpc-message',
  max_age: '600',
};

/** A service, and how its calls are counted. Envoy takes dots for borders of its own names, unless told not to. */
const counted = {
  'the methods of a list': [
    'Ledger',
    {
      individual_method_stats_allowlist: {
        services: [{ name: 'Ledger', method_names: ['Echo', 'Down'] }],
      },
    },
  ],
  'all methods': [
    'bank.Ledger',
    {
      replace_dots_in_grpc_service_name: true,
      stats_for_all_methods: true,
      enable_upstream_stats: true,
      emit_filter_state: true,
    },
  ],
} as const;

const state = 'envoy.filters.http.grpc_stats';
const commands = [`%FILTER_STATE(${state})%`, `%FILTER_STATE(${state}:PLAIN):2%`, '%FILTER_STATE(other)%'];

/** What formats read of the filter's state, as text and as JSON. */
function logsTo(path: string): readonly object[] {
  const text_format_source = { inline_string: `${commands.join(' ')}\n` };
  const json_format = Object.fromEntries(commands.map((command, at) => [`${at}`, command]));
  return [{ text_format_source }, { json_format }].map((log_format) => ({
    name: 'log',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
      path,
      log_format,
    },
  }));
}

function bootstrap(listenerPort: number, serverPort: number, grpcStats: object, log: string): object {
  const http_filters = [
    filter('cors', 'cors.v3.Cors'),
    filter('web', 'grpc_web.v3.GrpcWeb'),
    filter('counts', 'grpc_stats.v3.FilterConfig', grpcStats),
    filter('router', 'router.v3.Router'),
  ];
  const listener = httpListener('web', listenerPort, 'server', null, { access_log: logsTo(log) }) as {
    filter_chains: { filters: { typed_config: object }[] }[];
  };
  const route = {
    match: { prefix: '/' },
    route: { cluster: 'server' },
    typed_per_filter_config: { cors: { '@type': filterType('cors.v3.CorsPolicy'), ...policy } },
  };
  const route_config = { virtual_hosts: [{ name: 'web', domains: ['*'], routes: [route] }] };
  Object.assign(listener.filter_chains[0]!.filters[0]!.typed_config, { http_filters, route_config });
  const http2 = {
    '@type': `type.googleapis.com/${options}`,
    explicit_http_config: { http2_protocol_options: {} },
  };
  const clusters = [
    { ...cluster('server', serverPort, null), typed_extension_protocol_options: { [options]: http2 } },
  ];
  return { static_resources: { listeners: [listener], clusters }, stats_flush_interval: '0.2s' };
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

const corsFields = [
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
  'access-control-expose-headers',
  'access-control-max-age',
];

async function askFirst(port: number, path: string, from: string) {
  const response = await fetch(`http://127.0.0.1:${port}/${path}`, {
    method: 'OPTIONS',
    headers: {
      origin: from,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type,x-grpc-web',
    },
  });
  return { status: response.status, fields: corsFields.map((name) => response.headers.get(name)) };
}

async function ask(port: number, path: string, text: boolean, from = pageOrigin) {
  const type = `application/grpc-web${text ? '-text' : ''}+proto`;
  const response = await fetch(`http://127.0.0.1:${port}/${path}`, {
    method: 'POST',
    headers: { 'content-type': type, accept: type, 'x-grpc-web': '1', origin: from },
    body: text ? framed.toString('base64') : framed,
  });
  const body = Buffer.from(await response.arrayBuffer());
  const parts = body.toString('latin1').split(/(?<==)(?!=)/);
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    grpcStatus: response.headers.get('grpc-status'),
    grpcMessage: response.headers.get('grpc-message'),
    cors: corsFields.map((name) => response.headers.get(name)),
    frames: framesOf(text ? Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))) : body),
  };
}

/**
 * Series of grpc_stats that counted something, as `name value labels`. (Envoy's gRPC-Web filter counts besides, with
 * the method in the metric's name; here that is grpc_stats' part alone.)
 */
async function countedBy(adminPort: number): Promise<readonly string[]> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats/prometheus`)).text();
  return [...text.matchAll(/^(envoy_cluster_grpc_(?!web|\w+_(?:bucket|sum)\{)\w+)\{(.*)\} ([1-9]\d*)$/gm)]
    .map(
      ([, name = '', labels = '', value = '']) =>
        `${name} ${value} ${labels.split(',').toSorted().join(' ')}`,
    )
    .toSorted();
}

describeWith(hasGrpc ? ['envoy', 'python3'] : ['grpcio of Python'], 'gRPC-Web beside Envoy', () => {
  const port = freePort();
  let server: Program;

  beforeAll(async () => {
    server = await startProgram({
      command(folder) {
        writeFileSync(join(folder, 'server.py'), serverText);
        return ['python3', join(folder, 'server.py'), `${port}`];
      },
      ready: async () => (await run(['python3', '-c', readyText, `${port}`])).code === 0,
    });
  });
  afterAll(() => server.stop());

  describe.each(Object.entries(counted))('%s counted', (_name, [service, stats]) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-grpc-web-'));
    const logOf = (name: string) => join(folder, name);
    const envoyPort = freePort();
    let envoy: Envoy;
    let weft: TlsProxy;

    beforeAll(async () => {
      envoy = await startEnvoy(bootstrap(envoyPort, port, stats, logOf('envoy')));
      weft = startTlsProxy(bootstrap(freePort(), port, stats, logOf('weft')));
    });
    afterAll(async () => {
      await weft.proxy.stop();
      await envoy.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    for (const text of [false, true])
      for (const method of ['Echo', 'Fail', 'Down', 'Breaks', 'Unknown'])
        test(`${method} as ${text ? 'text' : 'bytes'}`, async () => {
          const theirs = await ask(envoyPort, `${service}/${method}`, text);
          if (method === 'Down') expect(theirs.frames.length).toBe(4);
          expect(theirs.cors).toContain('grpc-status, grpc-message');
          expect(await ask(weft.portOf('web'), `${service}/${method}`, text)).toEqual(theirs);
        });

    test('a page of another origin', async () => {
      const theirs = await ask(envoyPort, `${service}/Echo`, false, 'https://thief.example');
      expect(theirs.cors).toEqual(corsFields.map(() => null));
      expect(await ask(weft.portOf('web'), `${service}/Echo`, false, 'https://thief.example')).toEqual(
        theirs,
      );
    });

    test.each([pageOrigin, 'https://thief.example'])('asked first by %s', async (from) => {
      const theirs = await askFirst(envoyPort, `${service}/Echo`, from);
      expect(await askFirst(weft.portOf('web'), `${service}/Echo`, from)).toEqual(theirs);
    });

    test('formats read the same of it', async () => {
      const told = (name: string) => readFileSync(logOf(name), 'utf8').trim().split('\n');
      await until('all is written', () => told('weft').length === 26 && told('envoy').length === 26);
      expect(told('weft')).toEqual(told('envoy'));
    });

    test('the same is counted of it', async () => {
      // Envoy's histograms are told from the next flush on.
      const timed = { enable_upstream_stats: false, ...stats }.enable_upstream_stats;
      let theirs: readonly string[] = [];
      await until('Envoy has told of them', async () => {
        theirs = await countedBy(envoy.adminPort);
        return !timed || theirs.some((line) => line.startsWith('envoy_cluster_grpc_upstream_rq_time_count'));
      });
      expect(theirs.length).toBeGreaterThan(5);
      expect(await countedBy(weft.adminPort)).toEqual(theirs);
    });
  });
});
