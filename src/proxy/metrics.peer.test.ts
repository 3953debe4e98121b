// Envoy's published dashboards work unchanged: the names and labels that they ask for, under the same traffic, from
// Envoy and from Weft. What an Envoy does not have fails too, so that the list stays Envoy's and not ours.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';

setDefaultTimeout(60_000);

/** What the common dashboards ask for (global view, per cluster, per listener); `value`: must be the same number. */
const asked: readonly (readonly [name: string, compare: 'value' | 'name'])[] = [
  ['envoy_server_live', 'value'],
  ['envoy_server_uptime', 'name'],
  ['envoy_server_state', 'value'],
  ['envoy_server_concurrency', 'value'],
  ['envoy_server_total_connections', 'name'],
  ['envoy_server_memory_allocated', 'name'],
  ['envoy_server_memory_heap_size', 'name'],
  ['envoy_server_memory_physical_size', 'name'],
  ['envoy_cluster_manager_active_clusters', 'value'],
  ['envoy_cluster_manager_warming_clusters', 'value'],
  ['envoy_listener_manager_total_listeners_active', 'value'],
  ['envoy_cluster_membership_total', 'value'],
  ['envoy_cluster_membership_healthy', 'value'],
  ['envoy_cluster_upstream_cx_total', 'name'],
  ['envoy_cluster_upstream_cx_active', 'name'],
  ['envoy_cluster_upstream_cx_connect_fail', 'value'],
  ['envoy_cluster_upstream_cx_connect_timeout', 'value'],
  ['envoy_cluster_upstream_cx_overflow', 'value'],
  ['envoy_cluster_upstream_cx_rx_bytes_total', 'name'],
  ['envoy_cluster_upstream_cx_tx_bytes_total', 'name'],
  ['envoy_cluster_upstream_cx_connect_ms_bucket', 'name'],
  ['envoy_cluster_upstream_cx_connect_ms_count', 'name'],
  ['envoy_cluster_upstream_rq', 'value'],
  ['envoy_cluster_upstream_rq_xx', 'value'],
  ['envoy_cluster_upstream_rq_completed', 'value'],
  // Envoy counts what a connection took, Weft every attempt: one that found no connection is one of them.
  ['envoy_cluster_upstream_rq_total', 'name'],
  ['envoy_cluster_upstream_rq_active', 'value'],
  ['envoy_cluster_upstream_rq_timeout', 'value'],
  ['envoy_cluster_upstream_rq_retry', 'value'],
  ['envoy_cluster_upstream_rq_pending_overflow', 'value'],
  ['envoy_cluster_upstream_rq_active_overflow', 'value'],
  ['envoy_cluster_upstream_rq_time_bucket', 'name'],
  ['envoy_cluster_upstream_rq_time_count', 'name'],
  ['envoy_cluster_circuit_breakers_default_cx_open', 'value'],
  ['envoy_cluster_circuit_breakers_default_rq_open', 'value'],
  ['envoy_cluster_circuit_breakers_default_rq_pending_open', 'value'],
  ...(['vcluster', 'route'] as const).flatMap((kind) => [
    ...(['completed', 'total', 'timeout', 'retry', 'retry_limit_exceeded', 'xx'] as const).map(
      (name) => [`envoy_vhost_${kind}_upstream_rq_${name}`, 'value'] as const,
    ),
    [`envoy_vhost_${kind}_upstream_rq`, 'value'] as const,
    [`envoy_vhost_${kind}_upstream_rq_time_count`, 'name'] as const,
  ]),
  ['envoy_http_downstream_rq_total', 'value'],
  ['envoy_http_downstream_rq_xx', 'value'],
  ['envoy_http_downstream_rq_active', 'value'],
  ['envoy_http_downstream_rq_time_bucket', 'name'],
  ['envoy_http_downstream_cx_total', 'name'],
  ['envoy_http_downstream_cx_active', 'name'],
  ['envoy_http_downstream_cx_rx_bytes_total', 'name'],
  ['envoy_http_downstream_cx_tx_bytes_total', 'name'],
];

const hcm = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const router = 'envoy.extensions.filters.http.router.v3.Router';

/** Series of a name: labels without the buckets' bound, to the value. Status classes that never came are left out. */
function seriesOf(text: string, name: string, prefix: string): ReadonlyMap<string, number> {
  const series = new Map<string, number>();
  for (const line of text.split('\n')) {
    const found = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (found?.[1] !== name) continue;
    const labels = [...(found[2] ?? '').matchAll(/([a-z_]+)="([^"]*)"/g)].map(
      ([, key, value]) => [key, value] as const,
    );
    // Envoy's own admin interface is an HTTP connection manager too.
    if (labels.some(([key, value]) => key === 'envoy_http_conn_manager_prefix' && value !== prefix)) continue;
    const value = Number(found[3]);
    const sparse =
      // Ours of virtual hosts are there from their first request on.
      /^envoy_vhost_|_(bucket|count)$/.test(name) ||
      labels.some(([key]) => key === 'envoy_response_code_class');
    if (sparse && value === 0) continue;
    const key = labels.filter(([label]) => label !== 'le').map(([label, text]) => `${label}=${text}`);
    series.set(key.sort().join(), value);
  }
  return series;
}

describeWith(['envoy'], 'metrics beside Envoy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-metrics-'));
  const ports = { envoy: freePort(), weft: freePort() };
  const dead = freePort();
  let backend: Bun.Server<undefined>;
  let envoy: Envoy;
  let weft: Bun.Subprocess;
  let texts = { envoy: '', weft: '' };
  let pages = { envoy: '', weft: '' };
  let listeners = { envoy: '', weft: '' };

  function cluster(name: string, port: number, fields: object = {}, policy: object = {}): object {
    const endpoints = [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }];
    return {
      name,
      type: 'STATIC',
      connect_timeout: '1s',
      load_assignment: { cluster_name: name, endpoints, policy },
      ...fields,
    };
  }

  /** Clusters that take no request, each for a reason of its own. */
  const refusing: readonly (readonly [name: string, fields: object, policy: object])[] = [
    ['full', { circuit_breakers: { thresholds: [{ max_requests: 0 }] } }, {}],
    ['crowded', { circuit_breakers: { thresholds: [{ max_pending_requests: 0 }] } }, {}],
    ['dropped', {}, { drop_overloads: [{ category: 'all', drop_percentage: { numerator: 100 } }] }],
  ];

  function bootstrap(port: number): object {
    const routes = [
      {
        match: { prefix: '/503' },
        route: { cluster: 'shop/backend:80', retry_policy: { retry_on: '5xx', num_retries: 1 } },
        stat_prefix: 'failing',
      },
      { match: { prefix: '/dead' }, route: { cluster: 'shop/dead:80' } },
      {
        match: { prefix: '/slow' },
        route: { cluster: 'shop/backend:80', timeout: '0.2s' },
        stat_prefix: 'slow_route',
      },
      ...refusing.map(([name]) => ({ match: { prefix: `/${name}` }, route: { cluster: `shop/${name}:80` } })),
      { match: { prefix: '/' }, route: { cluster: 'shop/backend:80' } },
    ];
    const path = (match: object) => ({ name: ':path', string_match: match });
    const virtualClusters = [
      {
        name: 'slow',
        headers: [path({ prefix: '/slow' }), { name: ':method', string_match: { exact: 'GET' } }],
      },
      { name: 'wrong', headers: [path({ safe_regex: { regex: '/[45]0.' } })] },
      { name: 'shadowed', headers: [path({ prefix: '/404' })] },
      ...refusing.map(([name]) => ({ name, headers: [path({ prefix: `/${name}` })] })),
    ];
    const config = {
      '@type': `type.googleapis.com/${hcm}`,
      stat_prefix: 'edge',
      http_filters: [{ name: 'router', typed_config: { '@type': `type.googleapis.com/${router}` } }],
      route_config: {
        name: 'r',
        virtual_hosts: [{ name: 'all', domains: ['*'], routes, virtual_clusters: virtualClusters }],
      },
    };
    return {
      static_resources: {
        listeners: [
          {
            name: 'edge',
            address: socketAddress(port),
            stat_prefix: 'front',
            filter_chains: [{ filters: [{ name: 'http', typed_config: config }] }],
          },
        ],
        clusters: [
          cluster('shop/backend:80', backend.port ?? 0),
          cluster('shop/dead:80', dead),
          ...refusing.map(([name, fields, policy]) =>
            cluster(`shop/${name}:80`, backend.port ?? 0, fields, policy),
          ),
        ],
      },
    };
  }

  beforeAll(async () => {
    backend = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      async fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === '/slow')
          await new Promise((resolve) => request.signal.addEventListener('abort', resolve));
        return new Response('body', { status: pathname === '/' ? 200 : Number(pathname.slice(1)) || 200 });
      },
    });
    envoy = await startEnvoy({ ...bootstrap(ports.envoy), stats_flush_interval: '0.1s' });
    const admin = freePort();
    const path = join(folder, 'weft.json');
    writeFileSync(
      path,
      JSON.stringify({ ...bootstrap(ports.weft), admin: { address: socketAddress(admin) } }),
    );
    weft = Bun.spawn([join(import.meta.dir, '../../bin/weft'), 'proxy', '-c', path, '--log-level', 'error'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await until('ready', async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok);
    for (const port of [ports.envoy, ports.weft]) {
      const refused = refusing.map(([name]) => `/${name}`);
      const paths = ['/', '/', '/', '/404', '/503', '/503', '/slow', '/dead', ...refused, ...refused];
      for (const target of paths) await (await fetch(`http://127.0.0.1:${port}${target}`)).text();
    }
    const scrape = async (port: number) => (await fetch(`http://127.0.0.1:${port}/stats/prometheus`)).text();
    // Envoy shows a histogram when it was flushed.
    await until('its histograms', async () =>
      (await scrape(envoy.adminPort)).includes(
        'envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="edge"} 14',
      ),
    );
    texts = { envoy: await scrape(envoy.adminPort), weft: await scrape(admin) };
    const page = async (port: number) =>
      (
        await fetch(
          `http://127.0.0.1:${port}/stats?filter=^vhost.*rq_(.xx|...|total|completed|timeout|retry)$`,
        )
      ).text();
    pages = { envoy: await page(envoy.adminPort), weft: await page(admin) };
    const ask = `stats?filter=${encodeURIComponent('^listener.*downstream_cx_total$')}`;
    const list = async (port: number) => (await fetch(`http://127.0.0.1:${port}/${ask}`)).text();
    listeners = { envoy: await list(envoy.adminPort), weft: await list(admin) };
  });

  afterAll(async () => {
    weft.kill('SIGKILL');
    await envoy.stop();
    await backend.stop(true);
    rmSync(folder, { recursive: true, force: true });
  });

  test('/stats: virtual clusters and routes stand under the same names, with the same values', () => {
    const counted = (text: string) =>
      text
        .split('\n')
        .filter((line) => line !== '' && !/: 0$|vcluster\.other/.test(line))
        .sort();
    expect(counted(pages.envoy).length).toBeGreaterThan(10);
    expect(counted(pages.weft)).toEqual(counted(pages.envoy));
  });

  test('a listener’s stat_prefix names its statistics', () => {
    const connections = 'listener.front.downstream_cx_total';
    const named = (text: string) =>
      text.split('\n').flatMap((line) => line.match(/^listener\.front\.downstream[^:]*/) ?? []);
    expect(named(listeners.envoy)).toEqual([connections]);
    expect(named(listeners.weft)).toEqual([connections]);
  });

  for (const [name, compare] of asked) {
    test(`${name}: ${compare === 'value' ? 'the same series and values' : 'the same series'}`, () => {
      // Envoy dials for a request before it looks at the limit, and a limit of none is open in Weft from the start.
      const ofLimits = /circuit_breakers|cx_connect_ms/.test(name);
      const compared = (text: string) =>
        new Map(
          [...seriesOf(text, name, 'edge')].filter(([key]) => !ofLimits || !/shop\/(full|crowded)/.test(key)),
        );
      const [expected, found] = [compared(texts.envoy), compared(texts.weft)];
      expect(expected.size).toBeGreaterThan(0);
      // Envoy leaves out the histograms of a cluster that had no value; Weft has them at zero.
      const histogram = /_(bucket|count)$/.test(name);
      const kept = [...found.keys()].filter((key) => !histogram || expected.has(key));
      expect(kept.sort()).toEqual([...expected.keys()].sort());
      if (compare === 'value') expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
    });
  }
});
