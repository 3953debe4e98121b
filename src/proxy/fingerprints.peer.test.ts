// Fingerprints of TLS clients in the access log: the same of each client at Envoy and at Weft.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../testing/certificates.ts';
import { startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { cluster, downstreamTls, httpListener, startTlsProxy, tlsCertificate } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const type = (name: string) => ({ '@type': `type.googleapis.com/envoy.extensions.${name}` });

describeWith(['envoy', 'openssl', 'curl', 'python3', 'node'], 'fingerprints of hellos', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-fingerprints-'));
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const ports = { envoy: freePort(), weft: freePort() };
  const logs = { envoy: join(folder, 'envoy.log'), weft: join(folder, 'weft.log') };

  beforeAll(async () => {
    const origin = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
    cleanups.push(() => origin.stop(true));
    const certificate = tlsCertificate(createAuthority().issue({ dns: ['a.example'] }));
    const bootstrapFor = (side: 'envoy' | 'weft') => {
      const text = '%TLS_JA3_FINGERPRINT% %TLS_JA4_FINGERPRINT%\n';
      const access_log = [
        {
          name: 'file',
          typed_config: {
            ...type('access_loggers.file.v3.FileAccessLog'),
            path: logs[side],
            log_format: { text_format_source: { inline_string: text } },
          },
        },
      ];
      const transport = downstreamTls({
        tls_certificates: [certificate],
        alpn_protocols: ['h2', 'http/1.1'],
      });
      const inspector = {
        ...type('filters.listener.tls_inspector.v3.TlsInspector'),
        enable_ja3_fingerprinting: true,
        enable_ja4_fingerprinting: true,
      };
      const listener = {
        ...httpListener('in', ports[side], 'origin', transport, { access_log }),
        listener_filters: [{ name: 'tls', typed_config: inspector }],
      };
      return {
        static_resources: { listeners: [listener], clusters: [cluster('origin', origin.port!, null)] },
      };
    };
    const envoy = await startEnvoy(bootstrapFor('envoy'));
    const weft = startTlsProxy(bootstrapFor('weft'));
    cleanups.push(
      () => envoy.stop(),
      () => weft.proxy.stop(),
    );
  });
  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  const request = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
  const openssl =
    (...flags: readonly string[]) =>
    (port: number) =>
      [['openssl', 's_client', '-quiet', '-connect', `127.0.0.1:${port}`, ...flags], request] as const;
  const clients: Readonly<Record<string, (port: number) => readonly [readonly string[], string]>> = {
    'openssl, TLS 1.3': openssl('-servername', 'a.example', '-alpn', 'http/1.1'),
    'openssl, TLS 1.2, without a name': openssl('-tls1_2', '-noservername'),
    'openssl, few suites and signatures': openssl(
      '-ciphersuites',
      'TLS_AES_128_GCM_SHA256',
      '-sigalgs',
      'ECDSA+SHA256',
    ),
    curl: (port) => [['curl', '-sk', '-o', '/dev/null', `https://127.0.0.1:${port}/`], ''],
    Python: (port) => [
      [
        'python3',
        '-c',
        `import ssl, urllib.request as u; u.urlopen('https://localhost:${port}/', context=ssl._create_unverified_context()).read()`,
      ],
      '',
    ],
    Node: (port) => [
      [
        'node',
        '-e',
        `require('https').get({port:${port},host:'127.0.0.1',servername:'a.example',rejectUnauthorized:false},r=>{r.resume();r.on('end',()=>process.exit())})`,
      ],
      '',
    ],
  };
  const lines = (side: 'envoy' | 'weft') => readFileSync(logs[side], 'utf8').split('\n').filter(Boolean);
  const seen = new Set<string>();
  for (const [name, command] of Object.entries(clients))
    test(name, async () => {
      const line = async (side: 'envoy' | 'weft') => {
        const before = await Promise.resolve()
          .then(() => lines(side).length)
          .catch(() => 0);
        const [words, input] = command(ports[side]);
        await run(words, input);
        await until('it is logged', () => lines(side).length > before);
        return lines(side).at(-1);
      };
      const weft = await line('weft');
      expect(weft).toBe(await line('envoy'));
      expect(weft).toMatch(/^[0-9a-f]{32} t1[23][di]\d{4}\w\w_[0-9a-f]{12}_[0-9a-f]{12}$/);
      seen.add(weft ?? '');
    });

  test('no two of them are alike', () => expect(seen.size).toBe(Object.keys(clients).length));
});
