// HTTP/2 with other programs: nginx, HAProxy and Envoy behind the proxy, which end their connections again and again;
// Envoy before it; h2spec, curl and Chromium over TLS.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { createAuthority } from '../testing/certificates.ts';
import { type Envoy, startEnvoy } from '../testing/envoy.ts';
import { startNginx } from '../testing/nginx.ts';
import { describeWith, freePort, run, startProgram } from '../testing/programs.ts';
import {
  cluster,
  downstreamTls,
  httpListener,
  startTlsProxy,
  type TlsProxy,
  tlsCertificate,
} from './testing/tls-proxy.ts';

setDefaultTimeout(90_000);

const chromiumName =
  ['chromium', 'chromium-browser', 'google-chrome'].find((name) => Bun.which(name) !== null) ?? 'chromium';
const httpOptions = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** A cluster that is spoken to in HTTP/2. */
function http2Cluster(name: string, port: number): object {
  return {
    ...cluster(name, port, null),
    typed_extension_protocol_options: {
      [httpOptions]: {
        '@type': `type.googleapis.com/${httpOptions}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
  };
}

interface Beside {
  readonly name: string;
  readonly program: string;
  /** Serves HTTP/2 on `port` and passes to `backend` where it does not answer itself. */
  start(port: number, backend: number): Promise<{ stop(): Promise<void> }>;
}

/** After so few requests a connection ends with GOAWAY. */
const requestsMax = 50;

const behind: readonly Beside[] = [
  {
    name: 'nginx',
    program: 'nginx',
    start(port) {
      const ready = freePort();
      const servers = `keepalive_requests ${requestsMax};
server { listen 127.0.0.1:${port} http2; location / { return 200 'fine'; } }
server { listen 127.0.0.1:${ready}; location / { return 200; } }`;
      return startNginx(servers, ready);
    },
  },
  {
    name: 'HAProxy',
    program: 'haproxy',
    start: (port, backend) =>
      startProgram({
        command(folder) {
          const path = join(folder, 'haproxy.cfg');
          writeFileSync(
            path,
            `global
  nbthread 1
defaults
  mode http
  timeout connect 1s
  timeout client 1h
  timeout server 10s
frontend in
  bind 127.0.0.1:${port} proto h2
  default_backend out
backend out
  server s 127.0.0.1:${backend}
`,
          );
          return ['haproxy', '-db', '-f', path];
        },
        ready: async () => (await run(['nghttp', '-n', `http://127.0.0.1:${port}/`])).code === 0,
      }),
  },
  {
    name: 'Envoy',
    program: 'envoy',
    start: (port, backend) =>
      startEnvoy({
        static_resources: {
          listeners: [
            httpListener('in', port, 'backend', null, {
              codec_type: 'HTTP2',
              common_http_protocol_options: { max_requests_per_connection: requestsMax },
            }),
          ],
          clusters: [cluster('backend', backend, null)],
        },
      }),
  },
];

describeWith(
  ['curl', 'h2load', 'h2spec', 'nghttp', ...behind.map(({ program }) => program)],
  'HTTP/2',
  () => {
    const certificate = createAuthority().issue({ dns: ['localhost'], ip: [Uint8Array.of(127, 0, 0, 1)] });
    const started: { stop(): Promise<void> }[] = [];
    let backend: Bun.Server<undefined>;
    let weft: TlsProxy;
    let envoy: Envoy;
    const envoyPort = freePort();

    beforeAll(async () => {
      backend = Bun.serve({
        port: 0,
        hostname: '127.0.0.1',
        // It reads before it answers; one of h2spec's cases wants a body of some length.
        async fetch(request) {
          const body = await request.text();
          const { pathname } = new URL(request.url);
          // An answer that is on its way when h2spec commits its fault would be taken for the answer to that.
          if (pathname === '/considered') await Bun.sleep(50);
          if (pathname === '/page')
            return new Response('<p>page', { headers: { 'content-type': 'text/html' } });
          return new Response(body === '' ? 'hello world' : body);
        },
      });
      const clusters = [cluster('backend', backend.port ?? 0, null)];
      const listeners = [
        httpListener('plain', freePort(), 'backend', null),
        httpListener(
          'secure',
          freePort(),
          'backend',
          downstreamTls({
            tls_certificates: [tlsCertificate(certificate)],
            alpn_protocols: ['h2', 'http/1.1'],
          }),
        ),
      ];
      for (const { name, start } of behind) {
        const port = freePort();
        started.push(await start(port, backend.port ?? 0));
        clusters.push(http2Cluster(name, port));
        listeners.push(httpListener(name, freePort(), name, null));
      }
      weft = startTlsProxy({ static_resources: { listeners, clusters } });
      envoy = await startEnvoy({
        static_resources: {
          listeners: [httpListener('in', envoyPort, 'weft', null)],
          clusters: [http2Cluster('weft', weft.portOf('plain'))],
        },
      });
      started.push(envoy);
    });

    afterAll(async () => {
      await weft.proxy.stop();
      for (const one of started) await one.stop();
      await backend.stop(true);
    });

    const load = (url: string) =>
      run(['h2load', '-c', '2', '-m', '20', '-n', '3000', '-H', ':authority: ledger', url]);
    const succeeded = '3000 succeeded, 0 failed, 0 errored, 0 timeout';

    describe('behind the proxy', () => {
      for (const { name } of behind) {
        test(`${name}: no request is lost where its connections end again and again`, async () => {
          const { out } = await load(`http://127.0.0.1:${weft.portOf(name)}/`);
          expect(out).toContain(succeeded);
          expect(out).toContain('status codes: 3000 2xx');
        });

        test(`${name}: HTTP/1.1 before it, with a body`, async () => {
          const url = `http://127.0.0.1:${weft.portOf(name)}/`;
          const curl = ['curl', '-s', '-m', '10', '--http1.1', '-o', '/dev/null', '-w', '%{http_code}'];
          expect((await run([...curl, url])).out).toBe('200');
          if (name === 'nginx') return;
          const body = 'b'.repeat(500_000);
          const { out } = await run(
            ['curl', '-s', '-m', '10', '-H', 'expect:', '--data-binary', '@-', url],
            body,
          );
          expect(out.length).toBe(body.length);
        });
      }
    });

    test('Envoy before the proxy', async () => {
      const { out } = await load(`http://127.0.0.1:${envoyPort}/`);
      expect(out).toContain('status codes: 3000 2xx');
      expect(
        (await envoy.stats('cluster.weft.upstream_cx_http2_total'))['cluster.weft.upstream_cx_http2_total'],
      ).toBe(1);
    });

    describe('over TLS', () => {
      test('h2spec --strict', async () => {
        const port = weft.portOf('secure');
        const { out } = await run([
          ...['h2spec', '-h', '127.0.0.1', '-p', `${port}`, '-t', '-k', '--strict', '-o', '2'],
          ...['-P', '/considered'],
        ]);
        expect(out).toMatch(/\d+ tests, \d+ passed, 0 skipped, 0 failed/);
      });

      for (const [flag, version] of [
        ['--http2', '2'],
        ['--http1.1', '1.1'],
      ] as const) {
        test(`curl ${flag}: what ALPN agrees on`, async () => {
          const url = `https://127.0.0.1:${weft.portOf('secure')}/`;
          const { out } = await run([
            'curl',
            '-sk',
            '-m',
            '10',
            flag,
            '-w',
            '%{http_version} %{http_code}',
            url,
          ]);
          expect(out).toBe(`hello world${version} 200`);
        });
      }

      test('h2load: many streams', async () => {
        const { out } = await load(`https://127.0.0.1:${weft.portOf('secure')}/`);
        expect(out).toContain(succeeded);
      });
    });

    describeWith([chromiumName], 'Chromium over TLS', () => {
      test('a page and 50 requests at once over one connection of HTTP/2', async () => {
        const browser = await chromium.launch({
          executablePath: Bun.which(chromiumName) ?? '',
          args: ['--no-sandbox', '--ignore-certificate-errors'],
        });
        try {
          const page = await browser.newPage({ ignoreHTTPSErrors: true });
          await page.goto(`https://127.0.0.1:${weft.portOf('secure')}/page`);
          const told = await page.evaluate(async () => {
            const answers = await Promise.all(
              Array.from({ length: 50 }, async (_, at) =>
                (await fetch(`/echo-${at}`, { method: 'POST', body: `${at}` })).text(),
              ),
            );
            const protocols = performance
              .getEntriesByType('resource')
              .map((entry) => (entry as PerformanceResourceTiming).nextHopProtocol);
            return {
              sum: answers.reduce((sum, text) => sum + Number(text), 0),
              protocols: [...new Set(protocols)],
            };
          });
          expect(told).toEqual({ sum: 1225, protocols: ['h2'] });
        } finally {
          await browser.close();
        }
      });
    });
  },
);
