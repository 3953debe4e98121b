// Parameters of TLS against openssl, beside Envoy: which ciphers of each version are taken, and in which order they are
// preferred; keys behind a password, signature algorithms, other names, sessions; and what name is sent to an endpoint.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type TLSSocket } from 'node:tls';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { clusterAt, routesOf, sides, startSides } from './testing/side-by-side.ts';
import { cluster, downstreamTls, httpListener, startTlsProxy, upstreamTls } from './testing/tls-proxy.ts';

setDefaultTimeout(120_000);

const envoyAndOpenssl = ['envoy', 'openssl'] as const;
const folder = mkdtempSync(join(tmpdir(), 'weft-tls-parameters-'));
const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

const at = (name: string) => join(folder, name);
const text = (name: string) => readFileSync(at(name), 'utf8');

async function openssl(...flags: readonly string[]): Promise<void> {
  const { code, err } = await run(['openssl', ...flags]);
  if (code !== 0) throw new Error(err);
}

const keyKinds = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
} as const;

/** `<name>.pem` and `<name>.key`, self-signed. */
async function makeCertificate(name: string, kind: keyof typeof keyKinds, san: string): Promise<void> {
  const files = ['-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${san}`];
  await openssl('req', '-x509', '-nodes', ...keyKinds[kind], '-days', '2', ...files, ...subject);
}

const pair = (name: string, more: object = {}) => ({
  certificate_chain: { inline_string: text(`${name}.pem`) },
  private_key: { inline_string: text(`${name}.key`) },
  ...more,
});

interface Ports {
  readonly envoy: number;
  readonly weft: number;
}

/** Both proxies with this listener; `transport` is made once certificates exist. */
async function startBoth(
  transport: () => object,
  clusters: (origin: number) => readonly object[],
): Promise<Ports> {
  const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
  cleanups.push(() => origin.stop(true));
  const ports = { envoy: freePort(), weft: freePort() };
  const bootstrapFor = (port: number) => ({
    static_resources: {
      listeners: [httpListener('in', port, 'a', transport())],
      clusters: clusters(origin.port!),
    },
  });
  const envoy = await startEnvoy(bootstrapFor(ports.envoy));
  const weft = startTlsProxy(bootstrapFor(ports.weft));
  cleanups.push(
    () => envoy.stop(),
    () => weft.proxy.stop(),
  );
  return ports;
}

const toOrigin = (origin: number) => [cluster('a', origin, null)];

async function client(port: number, flags: readonly string[], input = ''): Promise<string> {
  const { out, err } = await run(['openssl', 's_client', '-connect', `127.0.0.1:${port}`, ...flags], input);
  return `${out}\n${err}`;
}

const anyLevel = '@SECLEVEL=0';

/** As testssl does it: offers all, and leaves out what was chosen, until nothing is. In the server's order. */
async function acceptedCiphers(port: number, version: string): Promise<readonly string[]> {
  const accepted: string[] = [];
  const modern = version === '-tls1_3';
  const suites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
  for (;;) {
    const left = modern
      ? suites.filter((suite) => !accepted.includes(suite))
      : accepted.map((name) => `!${name}`);
    if (modern && left.length === 0) return accepted;
    const offer = modern
      ? ['-ciphersuites', left.join(':')]
      : ['-cipher', ['ALL', 'COMPLEMENTOFALL', ...left].join(':') + anyLevel];
    const said = await client(port, [version, ...offer]);
    const chosen = /Cipher is (\S+)/.exec(said)?.[1];
    if (chosen === undefined || chosen === '(NONE)' || accepted.includes(chosen)) return accepted;
    accepted.push(chosen);
  }
}

describeWith(envoyAndOpenssl, 'ciphers by version', () => {
  const versions = ['-tls1', '-tls1_1', '-tls1_2', '-tls1_3'];
  const settings: readonly (readonly [name: string, parameters: object])[] = [
    ['as they are', {}],
    ['from TLS 1.0 on', { tls_minimum_protocol_version: 'TLSv1_0' }],
    [
      'TLS 1.2 alone, with a list',
      {
        tls_maximum_protocol_version: 'TLSv1_2',
        cipher_suites: ['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES256-SHA', 'AES128-SHA'],
      },
    ],
  ];
  for (const [name, tls_params] of settings)
    test(name, async () => {
      for (const kind of ['ec', 'rsa'] as const)
        await makeCertificate(`cipher-${kind}`, kind, 'DNS:a.example');
      const certificates = () => [pair('cipher-ec'), pair('cipher-rsa')];
      const ports = await startBoth(
        () => downstreamTls({ tls_certificates: certificates(), tls_params }),
        toOrigin,
      );
      const table = async (port: number) =>
        Object.fromEntries(
          await Promise.all(versions.map(async (version) => [version, await acceptedCiphers(port, version)])),
        );
      const [weft, envoy] = [await table(ports.weft), await table(ports.envoy)];
      expect(weft).toEqual(envoy);
      expect(weft['-tls1_2'].length).toBeGreaterThan(1);
    });
});

describeWith(envoyAndOpenssl, 'what openssl meets at both', () => {
  /** What a client gets, in a word. */
  async function outcome(port: number, flags: readonly string[]): Promise<string> {
    const said = await client(port, flags, 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    return said.includes('HTTP/1.1 200') ? 'served' : 'refused';
  }

  test('a key behind a password', async () => {
    await makeCertificate('locked', 'ec', 'DNS:a.example');
    await openssl(
      'pkcs8',
      '-topk8',
      '-in',
      at('locked.key'),
      '-passout',
      'pass:hush',
      '-out',
      at('locked.p8'),
    );
    const certificate = {
      ...pair('locked'),
      private_key: { inline_string: text('locked.p8') },
      password: { inline_string: 'hush' },
    };
    const ports = await startBoth(() => downstreamTls({ tls_certificates: [certificate] }), toOrigin);
    const flags = ['-quiet', '-CAfile', at('locked.pem'), '-verify_return_error'];
    for (const port of [ports.envoy, ports.weft]) expect(await outcome(port, flags)).toBe('served');
  });

  test('signature algorithms', async () => {
    await makeCertificate('signed', 'rsa', 'DNS:a.example');
    const tls_params = { signature_algorithms: ['rsa_pss_rsae_sha256', 'rsa_pkcs1_sha384'] };
    const ports = await startBoth(
      () => downstreamTls({ tls_certificates: [pair('signed')], tls_params }),
      toOrigin,
    );
    const cases: readonly (readonly [version: string, algorithm: string])[] = [
      ['-tls1_3', 'rsa_pss_rsae_sha256'],
      ['-tls1_3', 'rsa_pss_rsae_sha384'],
      ['-tls1_3', 'rsa_pss_rsae_sha512'],
      ['-tls1_2', 'rsa_pss_rsae_sha256'],
      ['-tls1_2', 'RSA+SHA384'],
      ['-tls1_2', 'RSA+SHA256'],
    ];
    const table = (port: number) =>
      Promise.all(
        cases.map(async ([version, name]) => [
          version,
          name,
          await outcome(port, ['-quiet', version, '-sigalgs', name]),
        ]),
      );
    const weft = await table(ports.weft);
    expect(weft).toEqual(await table(ports.envoy));
    expect(new Set(weft.map(([, , result]) => result)).size).toBe(2);
  });

  test('other names of clients', async () => {
    await makeCertificate('server', 'ec', 'DNS:a.example');
    const kind = '1.3.6.1.4.1.311.20.2.3';
    const people: Readonly<Record<string, string>> = {
      named: `otherName:${kind};UTF8:ada@bank.example`,
      somebody: `otherName:${kind};UTF8:eve@bank.example`,
      otherwise: 'otherName:1.2.3.4;UTF8:ada@bank.example',
      mailed: 'email:ada@bank.example',
    };
    for (const [name, san] of Object.entries(people)) await makeCertificate(name, 'ec', san);
    const trusted = Object.keys(people)
      .map((name) => text(`${name}.pem`))
      .join('');
    const matcher = { san_type: 'OTHER_NAME', oid: kind, matcher: { exact: 'ada@bank.example' } };
    const transport = () =>
      downstreamTls(
        {
          tls_certificates: [pair('server')],
          validation_context: {
            trusted_ca: { inline_string: trusted },
            match_typed_subject_alt_names: [matcher],
          },
        },
        { require_client_certificate: true },
      );
    const ports = await startBoth(transport, toOrigin);
    const table = async (port: number) =>
      Object.fromEntries(
        await Promise.all(
          Object.keys(people).map(async (name) => [
            name,
            await outcome(port, ['-quiet', '-cert', at(`${name}.pem`), '-key', at(`${name}.key`)]),
          ]),
        ),
      );
    const expected = { named: 'served', somebody: 'refused', otherwise: 'refused', mailed: 'refused' };
    expect(await table(ports.envoy)).toEqual(expected);
    expect(await table(ports.weft)).toEqual(expected);
  });

  test('how long a session lasts', async () => {
    await makeCertificate('lasting', 'ec', 'DNS:a.example');
    const transport = (more: object) => () => downstreamTls({ tls_certificates: [pair('lasting')] }, more);
    const hint = async (port: number) => /lifetime hint: (\d+)/.exec(await client(port, ['-tls1_2']))?.[1];
    for (const [more, seconds] of [
      [{}, '7200'],
      [{ session_timeout: '600s' }, '600'],
    ] as const) {
      const ports = await startBoth(transport(more), toOrigin);
      expect([await hint(ports.envoy), await hint(ports.weft)]).toEqual([seconds, seconds]);
    }
  });
});

describeWith(envoyAndOpenssl, 'the name that is sent to an endpoint', () => {
  const seen: (string | false | null)[] = [];
  let port = 0;
  beforeAll(async () => {
    await makeCertificate('origin', 'ec', 'DNS:one.example');
    const server = createServer(
      { key: text('origin.key'), cert: text('origin.pem') },
      (socket: TLSSocket) => {
        seen.push(socket.servername);
        socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok');
      },
    );
    const listening = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', () => listening.resolve());
    await listening.promise;
    cleanups.push(() => server.close());
    const address = server.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });

  const cases: readonly (readonly [
    name: string,
    more: object,
    hostname: string,
    sni: string | false,
    status: number,
  ])[] = [
    ['the configured one', { sni: 'set.example' }, 'one.example', 'set.example', 200],
    ['the endpoint’s', { sni: 'set.example', auto_host_sni: true }, 'one.example', 'one.example', 200],
    [
      'the configured one of an endpoint without',
      { sni: 'set.example', auto_host_sni: true },
      '',
      'set.example',
      200,
    ],
    [
      'and has to be in the certificate',
      { auto_host_sni: true, auto_sni_san_validation: true },
      'one.example',
      'one.example',
      200,
    ],
    [
      'where it is not',
      { auto_host_sni: true, auto_sni_san_validation: true },
      'two.example',
      'two.example',
      503,
    ],
  ];
  for (const [name, more, hostname, sni, status] of cases)
    test(name, async () => {
      const transport = () =>
        upstreamTls({ validation_context: { trusted_ca: { inline_string: text('origin.pem') } } }, more);
      const socket_address = { address: '127.0.0.1', port_value: port };
      const endpoint = { address: { socket_address }, ...(hostname === '' ? {} : { hostname }) };
      const upstream = {
        name: 'a',
        transport_socket: transport(),
        load_assignment: { cluster_name: 'a', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
      };
      const ports = { envoy: freePort(), weft: freePort() };
      const bootstrapFor = (at: number) => ({
        static_resources: { listeners: [httpListener('in', at, 'a', null)], clusters: [upstream] },
      });
      const envoy = await startEnvoy(bootstrapFor(ports.envoy));
      const weft = startTlsProxy(bootstrapFor(ports.weft));
      cleanups.push(
        () => envoy.stop(),
        () => weft.proxy.stop(),
      );
      for (const at of [ports.envoy, ports.weft]) {
        seen.length = 0;
        const response = await fetch(`http://127.0.0.1:${at}/`);
        expect([response.status, seen[0]]).toEqual([status, status === 200 ? sni : seen[0]]);
      }
    });

  test('the one that a request is for', async () => {
    const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
    const trusting = { validation_context: { trusted_ca: { inline_string: text('origin.pem') } } };
    const clusterOf = (name: string, fields: object) => ({
      ...clusterAt(name, port),
      transport_socket: upstreamTls(trusting, { sni: 'set.example' }),
      typed_extension_protocol_options: {
        [options]: {
          '@type': `type.googleapis.com/${options}`,
          upstream_http_protocol_options: fields,
          explicit_http_config: { http_protocol_options: {} },
        },
      },
    });
    const verified = { auto_sni: true, auto_san_validation: true };
    const clusters: Readonly<Record<string, object>> = {
      asked: { auto_sni: true },
      verified,
      'verified alone': { auto_san_validation: true },
      named: { ...verified, override_auto_sni_header: 'X-Name' },
      rewritten: verified,
    };
    const routes = (cluster: string) =>
      routesOf({
        match: { prefix: '/' },
        route: { cluster, ...(cluster === 'rewritten' ? { host_rewrite_literal: 'one.example' } : {}) },
      });
    const both = await startSides(
      Object.fromEntries(Object.keys(clusters).map((name) => [name, { route_config: routes(name) }])),
      Object.entries(clusters).map(([name, fields]) => clusterOf(name, fields)),
    );
    cleanups.push(() => both.stop());
    const asks: readonly Record<string, string>[] = [
      { host: 'one.example:99' },
      { host: 'One.Example' },
      { host: 'two.example' },
      { host: '127.0.0.1' },
      { host: '[::1]:8' },
      { host: 'two.example', 'x-name': 'one.example' },
      { host: 'one.example', 'x-name': '' },
    ];
    for (const name of Object.keys(clusters)) {
      const outcomes = [];
      for (const side of sides) {
        const all = [];
        for (const headers of asks) {
          seen.length = 0;
          const { status } = await fetch(`http://127.0.0.1:${both.port(side, name)}/`, { headers });
          // A server that is not believed may not have been told who was meant.
          all.push([headers, status, status === 200 ? seen[0] : null]);
        }
        outcomes.push(all);
      }
      expect([name, outcomes[1]]).toEqual([name, outcomes[0]]);
    }
  });

  test('the system’s authorities do not know this one', async () => {
    const at = freePort();
    const transport = upstreamTls({ validation_context: { system_root_certs: {} } });
    const weft = startTlsProxy({
      static_resources: {
        listeners: [httpListener('in', at, 'a', null)],
        clusters: [cluster('a', port, transport)],
      },
    });
    cleanups.push(() => weft.proxy.stop());
    expect((await fetch(`http://127.0.0.1:${at}/`)).status).toBe(503);
    expect(await weft.scrape()).toMatch(/cluster_ssl_fail_verify_error\{[^}]*\} [1-9]/);
  });
});
