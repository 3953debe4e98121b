// The PROXY header that endpoints are sent: the same clients through Envoy and through Weft, over HTTP and through a
// tunnel, in both versions, over TLS too; and nginx reads what Weft sends.

import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createAuthority } from '../testing/certificates.ts';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, startProgram } from '../testing/programs.ts';
import { encodeProxyHeader, parseProxyHeader } from '../wire/proxy-protocol/index.ts';
import {
  cluster,
  httpListener,
  startTlsProxy,
  tcpListener,
  upstreamTls,
  validation,
} from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const root = createAuthority();
const certificate = root.issue({ dns: ['a.example'] });

interface Heard {
  readonly version: number;
  readonly source: string;
  readonly destination: string;
  readonly tlvs: readonly string[];
}

/** An origin that reads a PROXY header, then speaks HTTP. */
async function startOrigin(): Promise<{ port: number; heard: Heard[] }> {
  const heard: Heard[] = [];
  const answer = (socket: Socket) =>
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  const server = createServer((socket) => {
    let received = Buffer.alloc(0);
    const read = (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      const result = parseProxyHeader(received);
      if (result.kind === 'more') return;
      socket.removeListener('data', read);
      if (result.kind !== 'header') {
        socket.destroy();
        return;
      }
      const { ends, tlvs, version } = result.header;
      const place = (end: { kind: string; host?: string; port?: number } | undefined) =>
        end === undefined ? '' : `${end.host}`;
      heard.push({
        version,
        source: ends === null ? '' : place(ends.source as never),
        destination: ends === null ? '' : place(ends.destination as never),
        tlvs: tlvs.map(({ type, value }) => `${type}=${Buffer.from(value).toString('latin1')}`),
      });
      const rest = received.subarray(result.consumed);
      if (rest.length > 0) socket.unshift(rest);
      answer(socket);
    };
    socket.on('data', read).on('error', () => {});
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  cleanups.push(() => server.close());
  return { port: (server.address() as { port: number }).port, heard };
}

const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.extensions.${name}` });

function headerTransport(config: object, inner: object | null): object {
  const plain = { name: 'raw', typed_config: type('transport_sockets.raw_buffer.v3.RawBuffer') };
  const typed_config = {
    ...type('transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport'),
    config,
    transport_socket: inner ?? plain,
  };
  return { name: 'envoy.transport_sockets.upstream_proxy_protocol', typed_config };
}

interface Case {
  readonly name: string;
  readonly config: object;
  readonly tunnel: boolean;
  /** The listener reads a PROXY header, and this one is sent to it. */
  readonly sent: Uint8Array | null;
}

const passed = { match_type: 'INCLUDE', tlv_type: [0x05, 0xe0] };
const sent = encodeProxyHeader(
  {
    source: { kind: 'ip', host: '10.9.8.7', port: 1234 },
    destination: { kind: 'ip', host: '10.1.1.1', port: 80 },
  },
  [
    { type: 0x05, value: Buffer.from('unique') },
    { type: 0xe0, value: Buffer.from('own') },
    { type: 0xe1, value: Buffer.from('other') },
  ],
);

const cases: readonly Case[] = [
  { name: 'version 1', config: { version: 'V1' }, tunnel: false, sent: null },
  { name: 'version 2', config: { version: 'V2' }, tunnel: false, sent: null },
  { name: 'version 2 through a tunnel', config: { version: 'V2' }, tunnel: true, sent: null },
  {
    name: 'of a client behind another header, with what may be passed on',
    config: { version: 'V2', pass_through_tlvs: { match_type: 'INCLUDE_ALL' } },

    tunnel: true,
    sent,
  },
  {
    name: 'the same over HTTP, some of it',
    config: { version: 'V2', pass_through_tlvs: { match_type: 'INCLUDE', tlv_type: [0xe0] } },

    tunnel: false,
    sent,
  },
];

function bootstrap(one: Case, port: number, origin: number): object {
  const listener = (
    one.tunnel ? tcpListener : (...[a, b, c]: [string, number, string]) => httpListener(a, b, c, null)
  )('in', port, 'a');
  const reader = {
    ...type('filters.listener.proxy_protocol.v3.ProxyProtocol'),
    pass_through_tlvs: passed,
  };
  const filters = one.sent === null ? {} : { listener_filters: [{ name: 'p', typed_config: reader }] };
  return {
    static_resources: {
      listeners: [{ ...listener, ...filters }],
      clusters: [cluster('a', origin, headerTransport(one.config, null))],
    },
  };
}

/** Two clients, the first with two requests on its connection. */
async function call(port: number, header: Uint8Array | null): Promise<void> {
  for (const requests of [2, 1]) {
    let received = '';
    const closed = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        data(socket, bytes) {
          received += bytes.toString('latin1');
          const answers = received.split('\r\n\r\nok').length - 1;
          if (answers >= requests) socket.end();
          else if (received.endsWith('\r\n\r\nok')) socket.write(request);
        },
        close: () => closed.resolve(),
        error: () => closed.resolve(),
      },
    });
    if (header !== null) socket.write(header);
    socket.write(request);
    await closed.promise;
    expect(received.match(/200 OK/g)).toHaveLength(requests);
  }
}
const request = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

describeWith(['envoy'], 'the PROXY header of endpoints', () => {
  for (const one of cases)
    test(one.name, async () => {
      const origins = { envoy: await startOrigin(), weft: await startOrigin() };
      const ports = { envoy: freePort(), weft: freePort() };
      const envoy = await startEnvoy(bootstrap(one, ports.envoy, origins.envoy.port));
      const weft = startTlsProxy(bootstrap(one, ports.weft, origins.weft.port));
      cleanups.push(
        () => envoy.stop(),
        () => weft.proxy.stop(),
      );
      await call(ports.envoy, one.sent);
      await call(ports.weft, one.sent);
      expect(origins.weft.heard).toEqual(origins.envoy.heard);
      // One connection for each client: nobody else's requests are on it.
      expect(origins.weft.heard.length).toBe(
        one.sent === null || one.tunnel ? 2 : origins.envoy.heard.length,
      );
    });
});

describeWith(['nginx'], 'nginx behind it', () => {
  const secure = upstreamTls({ validation_context: validation(root) }, { sni: 'a.example' });
  const kinds: readonly (readonly [name: string, version: string, inner: object | null])[] = [
    ['version 1', 'V1', null],
    ['version 2', 'V2', null],
    ['version 1 before TLS', 'V1', secure],
    ['version 2 before TLS', 'V2', secure],
  ];
  for (const [name, version, inner] of kinds)
    test(name, async () => {
      const port = freePort();
      const program = await startProgram({
        command(folder) {
          writeFileSync(join(folder, 'cert.pem'), certificate.chainPem);
          writeFileSync(join(folder, 'key.pem'), certificate.keyPem);
          const keys = `ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;`;
          const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
            .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
            .join(' ');
          const config = `daemon off; pid ${folder}/pid; error_log ${folder}/error; worker_processes 1; events {}
            http { access_log off; ${temporary} server {
            listen 127.0.0.1:${port} ${inner === null ? '' : 'ssl'} proxy_protocol; ${inner === null ? '' : `ssl_protocols TLSv1.3; ${keys}`}
            location / { return 200 "$proxy_protocol_addr $ssl_protocol"; } } }`;
          writeFileSync(join(folder, 'nginx.conf'), config);
          return ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf')];
        },
        ready: async () => {
          (await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })).end();
          return true;
        },
      });
      cleanups.push(() => program.stop());
      const own = freePort();
      const { proxy } = startTlsProxy({
        static_resources: {
          listeners: [httpListener('in', own, 'a', null)],
          clusters: [cluster('a', port, headerTransport({ version }, inner))],
        },
      });
      cleanups.push(() => proxy.stop());
      const expected = inner === null ? '127.0.0.1 ' : '127.0.0.1 TLSv1.3';
      expect(await (await fetch(`http://127.0.0.1:${own}/`)).text()).toBe(expected);
    });
});
