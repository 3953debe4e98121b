// A TCP proxy whose endpoints are proxies themselves (tunneling_config), beside Envoy: what the next proxy is asked,
// and what comes back through it; over HTTP/1.1 to a server that writes down what it hears, over HTTP/2 to an Envoy
// that ends CONNECT.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { connect, createServer, type Server } from 'node:net';
import { describeWith } from '../testing/programs.ts';
import { BesideEnvoy, type Case, cluster, typed } from './testing/beside-envoy.ts';

setDefaultTimeout(60_000);

const tunnel = (to: string, tunneling: object, fields: object = {}) => [
  {
    name: 'tcp',
    typed_config: typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: 'tunnel',
      cluster: to,
      tunneling_config: tunneling,
      ...fields,
    }),
  },
];
const hostname = 'db.example:5432';
const headers_to_add = [
  { header: { key: 'x-client', value: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%' } },
  { header: { key: 'x-fixed', value: 'one' } },
];
const bytes = 'hello through the tunnel';
const asks = [{ bytes, times: 2 }];
const cases: readonly Case[] = [
  {
    name: 'ends CONNECT',
    asks: [],
    manager: {
      http2_protocol_options: { allow_connect: true },
      upgrade_configs: [{ upgrade_type: 'CONNECT' }],
    },
    routes: [
      {
        match: { connect_matcher: {} },
        route: { cluster: 'echo', upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
      },
    ],
  },
  { name: 'CONNECT over HTTP/1.1', network: tunnel('plain', { hostname }), asks },
  { name: 'CONNECT with fields', network: tunnel('plain', { hostname, headers_to_add }), asks },
  {
    name: 'CONNECT to what a format makes',
    network: tunnel('plain', { hostname: '%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%:1' }),
    asks,
  },
  {
    name: 'POST over HTTP/1.1',
    network: tunnel('plain', { hostname, use_post: true, post_path: '/tunnel', headers_to_add }),
    asks,
  },
  { name: 'refused', network: tunnel('refusing', { hostname }), asks },
  {
    name: 'refused, and tried again',
    network: tunnel('refusing', { hostname }, { max_connect_attempts: 3 }),
    asks: [{ bytes }],
  },
  { name: 'CONNECT over HTTP/2', network: tunnel('multiplexed', { hostname }), asks },
];

const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** Notes what precedes the tunnel, answers with `status`, and sends back what comes through. */
function createProxy(status: string, heard: string[]): Server {
  return createServer({ allowHalfOpen: true }, (socket) => {
    let head = '';
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    socket.on('data', (piece) => {
      if (head.includes('\r\n\r\n')) {
        // The end of a POST's body is all that says so.
        if (piece.toString() === '0\r\n\r\n') socket.end();
        else socket.write(piece);
        return;
      }
      head += piece.toString('latin1');
      const at = head.indexOf('\r\n\r\n');
      if (at < 0) return;
      heard.push(head.slice(0, at));
      socket.write(`HTTP/1.1 ${status}\r\n\r\n${head.slice(at + 4)}`);
      if (!status.startsWith('200')) socket.end();
    });
  });
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

/** Ends when all came back: Envoy forgets what a client said that ends before the tunnel is there. */
function speak(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (piece) => {
      received += piece.toString('latin1');
      if (received.length >= text.length) socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(received));
  });
}

describeWith(['envoy'], 'bytes inside HTTP', () => {
  const heard: string[] = [];
  const servers = [
    createProxy('200 OK', heard),
    createProxy('403 Forbidden\r\ncontent-length: 0', heard),
    createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)),
  ];
  const ports: number[] = [];
  const beside: BesideEnvoy = new BesideEnvoy({
    cases,
    clusters: () => [
      cluster('plain', ports[0] ?? 0),
      cluster('refusing', ports[1] ?? 0),
      cluster('echo', ports[2] ?? 0),
      cluster('multiplexed', beside.envoyPort(0), {
        typed_extension_protocol_options: {
          [options]: typed(options, { explicit_http_config: { http2_protocol_options: {} } }),
        },
      }),
    ],
  });
  beforeAll(async () => {
    for (const server of servers) ports.push(await listen(server));
    await beside.start();
  });
  afterAll(async () => {
    await beside.stop();
    for (const server of servers) server.close();
  });

  /** Names in Envoy's case and order differ by nature; the request line does not. */
  const normal = (head: string) => {
    const [line = '', ...fields] = head.split('\r\n');
    return [line, ...fields.map((field) => field.toLowerCase()).sort()];
  };

  for (const [index, { name, asks: asked }] of cases.entries())
    if (asked.length > 0)
      test(name, async () => {
        const play = async (port: number) => {
          heard.length = 0;
          const answers: string[] = [];
          for (const one of asked)
            for (let time = 0; time < (one.times ?? 1); time++)
              answers.push(await speak(port, one.bytes ?? ''));
          return { answers, heard: heard.map(normal) };
        };
        const envoy = await play(beside.envoyPort(index));
        expect(await play(beside.weftPort(index))).toEqual(envoy);
        if (!name.startsWith('refused')) expect(envoy.answers.join()).toContain(bytes);
      });
});
