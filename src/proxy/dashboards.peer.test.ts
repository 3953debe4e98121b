// Published dashboards work unchanged: a real Prometheus scrapes an Envoy, another one our proxy, under the same
// traffic, and every query of theirs finds with us what it finds with Envoy.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from '../testing/certificates.ts';
import { type Envoy, socketAddress, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort, type Program, startProgram } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { dashboards } from './testing/dashboard-queries.ts';

setDefaultTimeout(60_000);

interface Answer {
  readonly status: string;
  readonly data: { readonly result: readonly { readonly metric: Readonly<Record<string, string>> }[] };
}

interface Ports {
  readonly http: number;
  readonly tcp: number;
  readonly tls: number;
}

const network = 'type.googleapis.com/envoy.extensions.filters.network';
const router = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';
const certificate = createAuthority().issue({ commonName: 'edge', dns: ['edge.test'] });

function startPrometheus(target: number): Promise<Program & { port: number }> {
  const port = freePort();
  const config = {
    global: { scrape_interval: '200ms', scrape_timeout: '200ms' },
    scrape_configs: [
      {
        job_name: 'proxy',
        metrics_path: '/stats/prometheus',
        static_configs: [{ targets: [`127.0.0.1:${target}`] }],
      },
    ],
  };
  return startProgram({
    command(folder) {
      const path = join(folder, 'prometheus.json');
      writeFileSync(path, JSON.stringify(config));
      return [
        'prometheus',
        `--config.file=${path}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ];
    },
    ready: async () => (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok,
  }).then((program) => ({ ...program, port }));
}

/** What a query finds, as the labels of each series, without those that the scrape adds. */
async function ask(port: number, query: string): Promise<readonly string[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { status, data } = (await answer.json()) as Answer;
  expect([query, status]).toEqual([query, 'success']);
  return data.result
    .map(({ metric }) => {
      const { instance: _instance, job: _job, ...labels } = metric;
      const text = JSON.stringify(Object.entries(labels).sort());
      // Envoy's own admin interface is an HTTP connection manager and a listener too.
      return text.includes('"admin"') ? '' : text;
    })
    .filter((labels) => labels !== '')
    .sort();
}

describeWith(['envoy', 'prometheus'], 'published dashboards', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-dashboards-'));
  const ports = (): Ports => ({ http: freePort(), tcp: freePort(), tls: freePort() });
  const [theirs, own] = [ports(), ports()];
  const dead = freePort();
  const programs: Program[] = [];
  const scraped = { envoy: 0, weft: 0 };
  let backend: Bun.Server<undefined>;
  let envoy: Envoy;

  const cluster = (name: string, port: number) => ({
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
    },
  });

  function bootstrap({ http, tcp, tls }: Ports) {
    const routes = [
      { match: { prefix: '/dead' }, route: { cluster: 'dead' } },
      { match: { prefix: '/slow' }, route: { cluster: 'backend', timeout: '0.1s' } },
      { match: { prefix: '/' }, route: { cluster: 'backend' } },
    ];
    const manager = (prefix: string) => ({
      name: 'http',
      typed_config: {
        '@type': `${network}.http_connection_manager.v3.HttpConnectionManager`,
        stat_prefix: prefix,
        http_filters: [{ name: 'router', typed_config: { '@type': router } }],
        route_config: { name: 'r', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
      },
    });
    const tunnel = {
      name: 'tcp',
      typed_config: {
        '@type': `${network}.tcp_proxy.v3.TcpProxy`,
        stat_prefix: 'tunnel',
        cluster: 'backend',
      },
    };
    const secured = {
      name: 'tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
        common_tls_context: {
          tls_certificates: [
            {
              certificate_chain: { inline_string: certificate.chainPem },
              private_key: { inline_string: certificate.keyPem },
            },
          ],
        },
      },
    };
    const listener = (name: string, port: number, filter: object, more: object = {}) => ({
      name,
      address: socketAddress(port),
      filter_chains: [{ filters: [filter], ...more }],
    });
    return {
      static_resources: {
        listeners: [
          listener('http', http, manager('http-edge')),
          listener('tcp', tcp, tunnel),
          listener('tls', tls, manager('https-edge'), { transport_socket: secured }),
        ],
        clusters: [cluster('backend', backend.port ?? 0), cluster('dead', dead)],
      },
    };
  }

  async function startWeft(): Promise<number> {
    const admin = freePort();
    const path = join(folder, 'weft.json');
    writeFileSync(path, JSON.stringify({ ...bootstrap(own), admin: { address: socketAddress(admin) } }));
    programs.push(
      await startProgram({
        command: () => [join(import.meta.dir, '../../bin/weft'), 'proxy', '-c', path, '--log-level', 'error'],
        ready: async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok,
      }),
    );
    return admin;
  }

  async function traffic({ http, tcp, tls }: Ports): Promise<void> {
    const paths = ['/', '/301', '/404', '/503', '/slow', '/dead'];
    for (const path of paths) {
      const answer = await fetch(`http://127.0.0.1:${http}${path}`, { redirect: 'manual' });
      await answer.text();
    }
    await (await fetch(`http://127.0.0.1:${tcp}/`)).text();
    await (await fetch(`https://127.0.0.1:${tls}/`, { tls: { rejectUnauthorized: false } })).text();
  }

  beforeAll(async () => {
    backend = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === '/slow')
          await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
        return new Response('body', { status: Number(pathname.slice(1)) || 200 });
      },
    });
    envoy = await startEnvoy({ ...bootstrap(theirs), stats_flush_interval: '0.1s' });
    const scrapers = [await startPrometheus(envoy.adminPort), await startPrometheus(await startWeft())];
    programs.push(...scrapers);
    [scraped.envoy, scraped.weft] = scrapers.map(({ port }) => port) as [number, number];
    // Prometheus takes some seconds to look at its targets for the first time.
    for (const port of Object.values(scraped))
      await until('it is scraped', async () => (await ask(port, 'envoy_server_live')).length > 0);
    const last = 'rate(envoy_cluster_upstream_rq{envoy_response_code="504"}[5m]) > 0';
    for (const port of Object.values(scraped))
      await until('both have seen the traffic', async () => {
        // A rate needs two scrapes with a value between them, and classes of answers appear with the first of them.
        await traffic(theirs);
        await traffic(own);
        await Bun.sleep(300);
        return (await ask(port, last)).length > 0;
      });
  });

  afterAll(async () => {
    for (const program of programs) await program.stop();
    await envoy?.stop();
    await backend?.stop(true);
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { source, queries } of dashboards)
    describe(source, () => {
      for (const query of queries)
        test(query, async () => {
          const expected = [...(await ask(scraped.envoy, query))];
          const found = await ask(scraped.weft, query);
          expect(found.filter((labels) => expected.includes(labels))).toEqual(expected);
        });
    });
});
