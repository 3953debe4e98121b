// What ALPN decides, beside Envoy. A listener: a client that offers nothing that is spoken here is served all the same,
// without an agreement. A cluster with `auto_config`: the version that its server agrees to.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { createAuthority } from '../testing/certificates.ts';
import { startNginx } from '../testing/nginx.ts';
import { describeWith, freePort, freePorts, type Program } from '../testing/programs.ts';
import { BesideEnvoy, type Case, cluster, typed } from './testing/beside-envoy.ts';
import { downstreamTls, tlsCertificate, upstreamTls } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const authority = createAuthority();
const certificate = authority.issue({ dns: ['a.example'] });
const spoken = [[], ['http/1.1'], ['h2', 'http/1.1'], ['h2']] as const;
const offered = [[], ['http/1.1'], ['h2'], ['x', 'http/1.1'], ['x']] as const;

/** What was agreed on, or that there was no connection. */
function agree(port: number, protocols: readonly string[]): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect(
    {
      host: '127.0.0.1',
      port,
      servername: 'a.example',
      rejectUnauthorized: false,
      ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
    },
    () => {
      resolve(`agreed on ${socket.alpnProtocol || 'nothing'}`);
      socket.destroy();
    },
  );
  socket.on('error', () => resolve('failed'));
  socket.on('close', () => resolve('closed'));
  return promise;
}

describeWith(['envoy'], 'protocols that a client offers', () => {
  const cases = spoken.map(
    (alpn_protocols): Case => ({
      name: alpn_protocols.join(),
      asks: [],
      chain: {
        transport_socket: downstreamTls({ tls_certificates: [tlsCertificate(certificate)], alpn_protocols }),
      },
    }),
  );
  const beside = new BesideEnvoy({ cases });
  beforeAll(() => beside.start());
  afterAll(() => beside.stop());

  for (const [index, { name }] of cases.entries())
    test(`where ${name || 'nothing'} is spoken`, async () => {
      for (const protocols of offered) {
        const envoy = await agree(beside.envoyPort(index), protocols);
        const weft = await agree(beside.weftPort(index), protocols);
        expect({ protocols, told: weft }).toEqual({ protocols, told: envoy });
      }
    });
});

describeWith(['envoy', 'nginx'], 'auto_config by what the server agrees to', () => {
  const servers = ['http2', 'http1', 'no-alpn'] as const;
  const ports = freePorts(servers.length);
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const cases = servers.map(
    (name): Case => ({
      name,
      asks: [{ times: 2 }],
      routes: [{ match: { prefix: '/' }, route: { cluster: name } }],
    }),
  );
  const beside = new BesideEnvoy({
    cases,
    clusters: () =>
      servers.map((name, at) =>
        cluster(name, ports[at] ?? 0, {
          transport_socket: upstreamTls({}),
          typed_extension_protocol_options: { [options]: typed(options, { auto_config: {} }) },
        }),
      ),
  });
  let nginx: Program | undefined;
  let plain: Bun.Server<undefined>;
  beforeAll(async () => {
    const ready = freePort();
    const [chain, key] = ['chain', 'key'].map((name) => join(tmpdir(), `weft-alpn-${ready}-${name}.pem`));
    writeFileSync(chain!, certificate.chainPem);
    writeFileSync(key!, certificate.keyPem);
    const secure = `ssl_certificate ${chain}; ssl_certificate_key ${key};`;
    const answer = 'location / { return 200 "$server_protocol by $ssl_alpn_protocol"; }';
    nginx = await startNginx(
      `server { listen 127.0.0.1:${ready}; location / { return 200; } }
       server { listen 127.0.0.1:${ports[0]} ssl http2; ${secure} ${answer} }
       server { listen 127.0.0.1:${ports[1]} ssl; ${secure} ${answer} }`,
      ready,
    );
    plain = Bun.serve({
      port: ports[2] ?? 0,
      hostname: '127.0.0.1',
      tls: { cert: certificate.chainPem, key: certificate.keyPem },
      fetch: () => new Response('without ALPN'),
    });
    await beside.start();
  });
  afterAll(async () => {
    await beside.stop();
    await nginx?.stop();
    await plain.stop(true);
  });

  test.each([
    ['http2', 'HTTP/2.0 by h2'],
    ['http1', 'HTTP/1.1 by http/1.1'],
    ['no-alpn', 'without ALPN'],
  ] as const)('%s', async (name, said) => {
    const { envoy, weft } = await beside.play(servers.indexOf(name));
    const bodies = [envoy, weft].map((told) => told.map(({ answer }) => Object(answer).body));
    expect(bodies).toEqual([
      [said, said],
      [said, said],
    ]);
  });
});
