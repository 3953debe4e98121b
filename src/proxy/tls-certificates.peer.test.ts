// Several certificates on one filter chain: which one openssl is shown by Envoy and by Weft, for each name it asks for
// and each kind of key it takes; and what versions, ciphers and old habits of TLS are refused.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { cluster, downstreamTls, httpListener, startTlsProxy } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const kinds: Readonly<Record<string, readonly string[]>> = {
  ec: ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
  rsa: ['-newkey', 'rsa:2048'],
};

/** In the order of the configuration. */
const certificates = [
  ['first-rsa', 'rsa', 'DNS:a.example'],
  ['a-ec', 'ec', 'DNS:a.example'],
  ['b-rsa', 'rsa', 'DNS:b.example'],
  ['wild-ec', 'ec', 'DNS:*.wild.example'],
  ['common-rsa', 'rsa', ''],
] as const;

const rsaOnly = ['-sigalgs', 'rsa_pss_rsae_sha256:rsa_pkcs1_sha256'];
const clients: readonly (readonly [name: string, flags: readonly string[]])[] = [
  ['TLS 1.3', ['-tls1_3']],
  ['TLS 1.3, RSA alone', ['-tls1_3', ...rsaOnly]],
  ['TLS 1.2', ['-tls1_2']],
  ['TLS 1.2, RSA suites alone', ['-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256']],
];
const names = [
  'a.example',
  'b.example',
  'x.wild.example',
  'x.y.wild.example',
  'common-rsa',
  'other.example',
  null,
];

describeWith(['envoy', 'openssl'], 'several certificates', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-certificates-'));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const ports: Record<string, { readonly envoy: number; readonly weft: number }> = {};

  beforeAll(async () => {
    const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
    cleanups.push(() => origin.stop(true));
    const written: object[] = [];
    for (const [name, kind, san] of certificates) {
      const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
      const subject = ['-subj', `/CN=${name}`, ...(san === '' ? [] : ['-addext', `subjectAltName=${san}`])];
      const flags = ['req', '-x509', '-nodes', ...kinds[kind]!, '-days', '2', '-keyout', key, '-out', cert];
      const { code, err } = await run(['openssl', ...flags, ...subject]);
      expect([code, code === 0 ? '' : err]).toEqual([0, '']);
      written.push({
        certificate_chain: { inline_string: readFileSync(cert, 'utf8') },
        private_key: { inline_string: readFileSync(key, 'utf8') },
      });
    }
    for (const [variant, more] of Object.entries({
      usual: {},
      scan: { full_scan_certs_on_sni_mismatch: true },
    })) {
      const at = { envoy: freePort(), weft: freePort() };
      ports[variant] = at;
      const bootstrapFor = (port: number) => ({
        static_resources: {
          listeners: [httpListener('in', port, 'a', downstreamTls({ tls_certificates: written }, more))],
          clusters: [cluster('a', origin.port!, null)],
        },
      });
      const envoy = await startEnvoy(bootstrapFor(at.envoy));
      const weft = startTlsProxy(bootstrapFor(at.weft));
      cleanups.push(
        () => envoy.stop(),
        () => weft.proxy.stop(),
      );
    }
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  async function client(port: number, flags: readonly string[]): Promise<string> {
    const { out, err } = await run(['openssl', 's_client', '-connect', `127.0.0.1:${port}`, ...flags], '');
    return `${out}\n${err}`;
  }

  /** The common name of what is shown, or 'none'. */
  async function shown(port: number, name: string | null, flags: readonly string[]): Promise<string> {
    const asked = name === null ? ['-noservername'] : ['-servername', name];
    const said = await client(port, [...flags, ...asked]);
    return /subject=\s*CN\s*=\s*(\S+)/.exec(said)?.[1] ?? 'none';
  }

  for (const variant of ['usual', 'scan'])
    for (const [kind, flags] of clients)
      test(`${variant}: ${kind}`, async () => {
        const { envoy, weft } = ports[variant]!;
        const table = async (port: number) =>
          Object.fromEntries(
            await Promise.all(names.map(async (name) => [`${name}`, await shown(port, name, flags)])),
          );
        expect(await table(weft)).toEqual(await table(envoy));
      });

  test('a client that takes ECDSA is shown it, another RSA, for the same name', async () => {
    const { weft } = ports['usual']!;
    expect(await shown(weft, 'a.example', ['-tls1_3'])).toBe('a-ec');
    expect(await shown(weft, 'a.example', ['-tls1_3', ...rsaOnly])).toBe('first-rsa');
  });

  describe('what is refused, and is not offered', () => {
    const refused: readonly (readonly [name: string, flags: readonly string[], proof: RegExp])[] = [
      ['TLS 1.1', ['-tls1_1', '-cipher', 'ALL@SECLEVEL=0'], /alert|no protocols available|wrong version/i],
      ['TLS 1.0', ['-tls1', '-cipher', 'ALL@SECLEVEL=0'], /alert|no protocols available|wrong version/i],
      ['no encryption', ['-tls1_2', '-cipher', 'NULL@SECLEVEL=0'], /alert|no cipher/i],
      ['no authentication', ['-tls1_2', '-cipher', 'aNULL@SECLEVEL=0'], /alert|no cipher/i],
      [
        'RC4, DES, export and MD5',
        ['-tls1_2', '-cipher', 'RC4:DES:EXPORT:MD5@SECLEVEL=0'],
        /alert|no cipher|error/i,
      ],
    ];
    for (const [name, flags, proof] of refused)
      test(name, async () => {
        const said = await client(ports['usual']!.weft, flags);
        expect(said).toMatch(proof);
        expect(said).toMatch(/Cipher is \(NONE\)|no cipher|error/i);
      });

    test('compression, and renegotiation without its guard', async () => {
      const said = await client(ports['usual']!.weft, ['-tls1_2', '-servername', 'b.example']);
      expect(said).toContain('Compression: NONE');
      expect(said).toContain('Secure Renegotiation IS supported');
    });

    test('renegotiation that a client begins', async () => {
      const { weft } = ports['usual']!;
      const child = Bun.spawn(
        ['openssl', 's_client', '-connect', `127.0.0.1:${weft}`, '-tls1_2', '-servername', 'b.example'],
        { stdin: 'pipe', stdout: 'pipe', stderr: 'pipe' },
      );
      let said = '';
      const outputs = [child.stdout, child.stderr].map(async (output) => {
        for await (const bytes of output) said += Buffer.from(bytes).toString();
      });
      child.stdin.write('R\n');
      await child.stdin.flush();
      await until('it is told no', () =>
        /RENEGOTIATING.*(no renegotiation|alert|write:errno|unexpected)/is.test(said),
      ).catch(() => {});
      child.stdin.end();
      await Promise.all([child.exited, ...outputs]);
      expect(said).toContain('RENEGOTIATING');
      expect(said).toMatch(/no renegotiation|alert|write:errno|unexpected/i);
    });
  });
});
