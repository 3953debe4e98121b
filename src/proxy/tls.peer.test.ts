// TLS of the data path against other people's engines: OpenSSL, curl and Envoy at either end.

import { afterEach, expect, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, createSelfSigned, type TestCertificate } from '../testing/certificates.ts';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, run, startProgram } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import {
  cluster,
  downstreamTls,
  httpListener,
  startTlsProxy,
  type TlsProxy,
  tlsCertificate,
  upstreamTls,
  validation,
} from './testing/tls-proxy.ts';

const dayMs = 86_400_000;
const spiffe = (name: string) => `spiffe://bank/ns/bank/sa/${name}`;
const root = createAuthority('Root');
const other = createAuthority('Other');
const server = root.issue({ dns: ['ledger.bank', 'localhost'], uri: [spiffe('ledger')] });
const web = root.issue({ uri: [spiffe('web')] });
const clients: Readonly<Record<string, TestCertificate | null>> = {
  none: null,
  'wrong authority': other.issue({ uri: [spiffe('web')] }),
  'self-signed': createSelfSigned({ uri: [spiffe('web')] }),
  expired: root.issue({ uri: [spiffe('web')], notAfterMs: Date.now() - dayMs / 2 }),
  'not yet valid': root.issue({ uri: [spiffe('web')], notBeforeMs: Date.now() + dayMs / 2 }),
  'another name': root.issue({ uri: [spiffe('admin')] }),
};

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-tls-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

/** Answers with the request's head. */
function startOrigin(): number {
  const origin = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: (request) => Response.json(Object.fromEntries(request.headers)),
  });
  cleanups.push(() => origin.stop(true));
  return origin.port ?? 0;
}

function start(listeners: readonly object[], clusters: readonly object[]): TlsProxy {
  const started = startTlsProxy({ static_resources: { listeners, clusters } });
  cleanups.push(() => started.proxy.stop());
  return started;
}

function edge(transport: object): { started: TlsProxy; port: number } {
  const started = start(
    [httpListener('edge', 0, 'origin', transport)],
    [cluster('origin', startOrigin(), null)],
  );
  return { started, port: started.portOf('edge') };
}

const material = folderWith({
  'ca.pem': root.pem,
  ...Object.fromEntries(
    Object.entries({ web, ...clients }).flatMap(([name, certificate]) =>
      certificate === null
        ? []
        : [
            [`${name}.pem`, certificate.chainPem],
            [`${name}.key`, certificate.keyPem],
          ],
    ),
  ),
});
// Kept for all tests.
cleanups.length = 0;

function curl(port: number, client: string, ...more: string[]) {
  const own =
    clients[client] === null
      ? []
      : ['--cert', `${material}/${client}.pem`, '--key', `${material}/${client}.key`];
  const url = `https://ledger.bank:${port}/`;
  const where = ['--resolve', `ledger.bank:${port}:127.0.0.1`, '--cacert', `${material}/ca.pem`];
  return run(['curl', '-sS', '--max-time', '10', ...where, ...own, ...more, url]);
}

function openssl(port: number, ...more: string[]) {
  return run(
    ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-CAfile', `${material}/ca.pem`, ...more],
    'Q\n',
  );
}

const mutual = downstreamTls(
  { tls_certificates: [tlsCertificate(server)], validation_context: validation(root, spiffe('web')) },
  { require_client_certificate: true },
);

describeWith(['curl', 'openssl'], 'TLS towards clients', () => {
  test('curl with a certificate is served, and the origin learns that it was TLS', async () => {
    const { started, port } = edge(mutual);
    const { out, err } = await curl(port, 'web');
    expect([err, JSON.parse(out)['x-forwarded-proto']]).toEqual(['', 'https']);
    const { ssl } = started.proxy.view.listeners.get('edge')!.stats;
    expect([ssl.handshakes, [...ssl.versions]]).toEqual([1, [['TLSv1.3', 1]]]);
  });

  test('each wrong certificate is refused, with its reason counted and logged', async () => {
    const { started, port } = edge(mutual);
    for (const client of Object.keys(clients)) {
      const { code } = await curl(port, client);
      expect([client, code === 0]).toEqual([client, false]);
    }
    const { ssl, requests } = started.proxy.view.listeners.get('edge')!.stats;
    expect([ssl.failVerifyNoCert, ssl.failVerifyError, ssl.failVerifySan, requests]).toEqual([1, 4, 1, 0]);
    const refusals = started.lines.filter((line) => line.includes('TLS handshake failed'));
    expect(refusals.length).toBe(6);
    expect(refusals.some((line) => line.includes('CERT_HAS_EXPIRED'))).toBe(true);
  });

  test('who called is told to the origin, not who it claims to be', async () => {
    const sent = ['-H', 'x-forwarded-client-cert: URI=spiffe://bank/ns/bank/sa/admin'];
    for (const [mode, expected] of [
      ['SANITIZE', undefined],
      ['SANITIZE_SET', `By=${spiffe('ledger')};Hash=${web.sha256};URI=${spiffe('web')}`],
      [
        'APPEND_FORWARD',
        `URI=${spiffe('admin')},By=${spiffe('ledger')};Hash=${web.sha256};URI=${spiffe('web')}`,
      ],
      ['FORWARD_ONLY', `URI=${spiffe('admin')}`],
    ] as const) {
      const options = { forward_client_cert_details: mode, set_current_client_cert_details: { uri: true } };
      const listener = httpListener('edge', 0, 'origin', mutual, options);
      const started = start([listener], [cluster('origin', startOrigin(), null)]);
      const { out } = await curl(started.portOf('edge'), 'web', ...sent);
      expect([mode, JSON.parse(out)['x-forwarded-client-cert']]).toEqual([mode, expected]);
    }
  });

  test('what happened is told by Envoy’s names', async () => {
    const { started, port } = edge(mutual);
    await curl(port, 'web');
    await curl(port, 'another name');
    const text = await started.scrape();
    const at = 'envoy_listener_address="127.0.0.1_0"';
    expect(text).toContain(`envoy_listener_ssl_handshake{${at}} 1\n`);
    expect(text).toContain(`envoy_listener_ssl_fail_verify_san{${at}} 1\n`);
    expect(text).toContain(`envoy_listener_ssl_versions{${at},envoy_ssl_version="TLSv1.3"} 1\n`);
    expect(text).toContain(`envoy_listener_ssl_ciphers{${at},envoy_ssl_cipher="`);
    expect(text).not.toContain('envoy_cluster_ssl_handshake');
  });

  test('filter chains of one address are one series', async () => {
    const chains = ['a.example', 'ledger.bank'].map((name) => {
      const [chain] = (httpListener(name, 0, 'origin', mutual) as { filter_chains: object[] }).filter_chains;
      return { ...chain, filter_chain_match: { server_names: [name] } };
    });
    const inspector = {
      name: 'envoy.filters.listener.tls_inspector',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
      },
    };
    const listener = {
      ...httpListener('edge', 0, 'origin', null),
      listener_filters: [inspector],
      filter_chains: chains,
    };
    const started = start([listener], [cluster('origin', startOrigin(), null)]);
    expect((await curl(started.portOf('edge'), 'web')).code).toBe(0);
    const lines = (await started.scrape())
      .split('\n')
      .filter((line) => line.startsWith('envoy_listener_ssl_handshake{'));
    expect(lines).toEqual(['envoy_listener_ssl_handshake{envoy_listener_address="127.0.0.1_0"} 1']);
  });

  test('an optional certificate may be missing, not wrong', async () => {
    const { port } = edge(
      downstreamTls({ tls_certificates: [tlsCertificate(server)], validation_context: validation(root) }),
    );
    expect((await curl(port, 'none')).code).toBe(0);
    expect((await curl(port, 'wrong authority')).code).not.toBe(0);
  });

  test('versions and names: TLS 1.1 never, 1.2 by default, none where only 1.3 is allowed, none without SNI', async () => {
    const common = { tls_certificates: [tlsCertificate(server)] };
    const { port } = edge(downstreamTls(common));
    expect((await openssl(port, '-tls1_2')).out).toContain('Protocol  : TLSv1.2');
    expect((await openssl(port, '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')).out).not.toContain(
      'Server certificate\n',
    );
    const strict = edge(
      downstreamTls(
        { ...common, tls_params: { tls_minimum_protocol_version: 'TLSv1_3' } },
        { require_sni: true },
      ),
    );
    expect((await openssl(strict.port, '-tls1_2')).out).not.toContain('Server certificate\n');
    expect((await openssl(strict.port, '-servername', 'ledger.bank')).out).toContain('TLSv1.3');
    expect((await openssl(strict.port, '-noservername')).out).not.toContain('Server certificate\n');
  });

  test('openssl resumes its session, and not where that is off', async () => {
    const common = { tls_certificates: [tlsCertificate(server)] };
    const on = edge(downstreamTls(common));
    const off = edge(downstreamTls(common, { disable_stateless_session_resumption: true }));
    const session = join(folderWith({}), 'session');
    for (const [port, resumed] of [
      [on.port, true],
      [off.port, false],
    ] as const) {
      await openssl(port, '-tls1_2', '-sess_out', session);
      const again = await openssl(port, '-tls1_2', '-sess_in', session);
      expect(again.out.includes('Reused, TLSv1.2')).toBe(resumed);
    }
    expect(on.started.proxy.view.listeners.get('edge')!.stats.ssl.sessionsReused).toBe(1);
  });

  test('a new certificate file serves new connections; the old ones stay', async () => {
    const folder = folderWith({ 'tls.crt': server.chainPem, 'tls.key': server.keyPem });
    const from = (name: string) => ({ filename: join(folder, name) });
    const certificates = [{ certificate_chain: from('tls.crt'), private_key: from('tls.key') }];
    const { port } = edge(downstreamTls({ tls_certificates: certificates }));
    const serialOf = async () =>
      /serial=(\w+)/.exec(
        (await run(['openssl', 'x509', '-noout', '-serial'], (await openssl(port)).out)).out,
      )?.[1];
    const hex = ({ serial }: TestCertificate) => Buffer.from(serial).toString('hex').toUpperCase();
    await until('the files are read', async () => (await serialOf()) === hex(server));
    const socket = await connectTls(port);
    const next = root.issue({ dns: ['ledger.bank'] });
    // As certificate tools do it: one after the other, so that for a moment they do not fit each other.
    for (const [name, text] of [
      ['tls.key', next.keyPem],
      ['tls.crt', next.chainPem],
    ] as const) {
      writeFileSync(join(folder, 'new'), text);
      renameSync(join(folder, 'new'), join(folder, name));
    }
    await until('the new certificate is served', async () => (await serialOf()) === hex(next));
    expect(await socket.ask('GET / HTTP/1.1\r\nhost: a\r\n\r\n')).toContain('200 OK');
  });
});

/** A client that keeps its connection. */
async function connectTls(port: number) {
  let received = '';
  const socket = await Bun.connect({
    hostname: '127.0.0.1',
    port,
    tls: { ca: root.pem, serverName: 'ledger.bank' },
    socket: {
      data(_socket, bytes) {
        received += bytes.toString('latin1');
      },
    },
  });
  cleanups.push(() => socket.end());
  return {
    async ask(text: string): Promise<string> {
      socket.write(text);
      await until('an answer', () => received.includes('\r\n\r\n'));
      return received;
    },
  };
}

describeWith(['openssl', 'curl'], 'TLS towards upstreams', () => {
  const ours = {
    tls_certificates: [tlsCertificate(web)],
    validation_context: validation(root, spiffe('ledger')),
  };

  /** openssl as a web server that requires a certificate of the root's. */
  async function startServer(certificate: TestCertificate, ...more: string[]): Promise<number> {
    const port = freePort();
    const folder = folderWith({
      'cert.pem': certificate.chainPem,
      'key.pem': certificate.keyPem,
      'ca.pem': root.pem,
    });
    const files = ['-cert', `${folder}/cert.pem`, '-key', `${folder}/key.pem`, '-CAfile', `${folder}/ca.pem`];
    const program = await startProgram({
      command: () => [
        'openssl',
        's_server',
        '-accept',
        `127.0.0.1:${port}`,
        '-www',
        '-quiet',
        ...files,
        ...more,
      ],
      ready: async () => {
        const probe = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } });
        probe.end();
        return true;
      },
    });
    cleanups.push(() => program.stop());
    return port;
  }

  async function askThrough(port: number, common: object, more: object = {}) {
    const transport = upstreamTls(common, { sni: 'ledger.bank', ...more });
    const started = start([httpListener('out', 0, 'ledger', null)], [cluster('ledger', port, transport)]);
    const response = await fetch(`http://127.0.0.1:${started.portOf('out')}/`);
    const body = await response.text();
    return { status: response.status, body, ssl: started.proxy.view.clusters.get('ledger')!.stats.ssl };
  }

  test('openssl s_server takes our certificate, and we its name', async () => {
    const port = await startServer(server, '-Verify', '1', '-verify_return_error');
    const { status, body, ssl } = await askThrough(port, ours);
    expect([status, body.includes('TLSv1.3'), ssl.handshakes]).toEqual([200, true, 1]);
  });

  const wrong: readonly (readonly [string, TestCertificate])[] = [
    ['wrong authority', other.issue({ uri: [spiffe('ledger')] })],
    ['expired', root.issue({ uri: [spiffe('ledger')], notAfterMs: Date.now() - dayMs / 2 })],
    ['another name', root.issue({ uri: [spiffe('web')], dns: ['ledger.bank'] })],
  ];
  for (const [what, certificate] of wrong) {
    test(`nothing is sent to a server with a certificate that is wrong: ${what}`, async () => {
      const { status, ssl } = await askThrough(await startServer(certificate), ours);
      expect([status, ssl.failVerifyError + ssl.failVerifySan > 0, ssl.handshakes]).toEqual([503, true, 0]);
    });
  }

  test('a server that does not take our certificate is a failed handshake, not an answer', async () => {
    const port = await startServer(server, '-Verify', '1', '-verify_return_error');
    const stranger = { ...ours, tls_certificates: [tlsCertificate(other.issue({ uri: [spiffe('web')] }))] };
    expect((await askThrough(port, stranger)).status).toBe(503);
  });

  test('a revoked certificate is refused', async () => {
    const context = { ...validation(root), crl: { inline_string: root.revoke(server) } };
    const { status, ssl } = await askThrough(await startServer(server), {
      ...ours,
      validation_context: context,
    });
    expect([status, ssl.failVerifyError > 0]).toEqual([503, true]);
  });

  test('pins: the key and the certificate', async () => {
    const port = await startServer(server);
    for (const [pin, status] of [
      [{ verify_certificate_spki: [server.spkiSha256] }, 200],
      [{ verify_certificate_hash: [server.sha256] }, 200],
      [{ verify_certificate_spki: [web.spkiSha256] }, 503],
      [{ verify_certificate_hash: [web.sha256] }, 503],
    ] as const)
      expect(
        (await askThrough(port, { ...ours, validation_context: { ...validation(root), ...pin } })).status,
      ).toBe(status);
  });
});

describeWith(['envoy', 'curl'], 'mTLS with Envoy', () => {
  const plainOf = (listeners: readonly object[], clusters: readonly object[]) => ({
    static_resources: { listeners, clusters },
  });
  const ours = (certificate: TestCertificate, peer: string) => ({
    tls_certificates: [tlsCertificate(certificate)],
    validation_context: validation(root, spiffe(peer)),
  });

  test('Envoy calls us', async () => {
    const started = start(
      [
        httpListener(
          'in',
          0,
          'origin',
          downstreamTls(ours(server, 'web'), { require_client_certificate: true }),
        ),
      ],
      [cluster('origin', startOrigin(), null)],
    );
    const port = freePort();
    const transport = upstreamTls(ours(web, 'ledger'), { sni: 'ledger.bank' });
    const envoy = await startEnvoy(
      plainOf(
        [httpListener('out', port, 'ledger', null)],
        [cluster('ledger', started.portOf('in'), transport)],
      ),
    );
    cleanups.push(() => envoy.stop());
    const response = await fetch(`http://127.0.0.1:${port}/`);
    const headers = (await response.json()) as Record<string, string>;
    expect([response.status, headers['x-forwarded-proto']]).toEqual([200, 'http']);
    expect(started.proxy.view.listeners.get('in')!.stats.ssl.handshakes).toBe(1);
  });

  test('we call Envoy', async () => {
    const port = freePort();
    const envoy = await startEnvoy(
      plainOf(
        [
          httpListener(
            'in',
            port,
            'origin',
            downstreamTls(ours(server, 'web'), { require_client_certificate: true }),
          ),
        ],
        [cluster('origin', startOrigin(), null)],
      ),
    );
    cleanups.push(() => envoy.stop());
    for (const [certificate, status] of [
      [web, 200],
      [root.issue({ uri: [spiffe('admin')] }), 503],
    ] as const) {
      const transport = upstreamTls(ours(certificate, 'ledger'), { sni: 'ledger.bank' });
      const started = start([httpListener('out', 0, 'ledger', null)], [cluster('ledger', port, transport)]);
      expect((await fetch(`http://127.0.0.1:${started.portOf('out')}/`)).status).toBe(status);
    }
  });
});
