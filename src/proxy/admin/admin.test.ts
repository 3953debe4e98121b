// The admin interface of a whole proxy in memory, with a control plane that sends good and bad resources.

import { describe, expect, test } from 'bun:test';
import { createMemoryStore } from '../../net/index.ts';
import { typeUrls } from '../../xds/index.ts';
import {
  clusterJson,
  endpointsJson,
  listenerJson,
  resourceOf,
  routesJson,
} from '../config/testing/resources.ts';
import { ip } from '../testing/configs.ts';
import { TestClient } from '../testing/peers.ts';
import { adminPort, bootstrapOf, readinessPort, WholeProxy } from '../testing/whole-proxy.ts';
import { adminLimits } from './limits.ts';
import { adminPages } from './routes.ts';

const bootstrap = bootstrapOf(
  await Bun.file(`${import.meta.dir}/../config/testdata/sidecar-ads.yaml`).text(),
);

const listenPort = 15_001;

function resources(clusters: readonly string[] = ['a']) {
  return [
    resourceOf(typeUrls.listener, 'out', listenerJson('out', 'r', listenPort)),
    resourceOf(typeUrls.route, 'r', routesJson('r', clusters)),
    ...clusters.flatMap((name) => [
      resourceOf(typeUrls.cluster, name, clusterJson(name)),
      resourceOf(typeUrls.endpoint, name, endpointsJson(name, 9000)),
    ]),
  ];
}

function serving(): WholeProxy {
  const world = new WholeProxy({ bootstrap });
  world.publish(resources());
  return world;
}

describe('readiness', () => {
  test('no before the configuration is complete, yes after', () => {
    const world = new WholeProxy({ bootstrap });
    expect(world.ask('GET', '/ready')).toStartWith('HTTP/1.1 503');
    world.publish(resources());
    expect(world.ask('GET', '/ready')).toStartWith('HTTP/1.1 200');
    expect(world.body('/ready')).toBe('LIVE\n');
  });

  test('the readiness port answers /ready and metrics, nothing else', () => {
    const world = serving();
    expect(world.ask('GET', '/ready', readinessPort)).toStartWith('HTTP/1.1 200');
    expect(world.ask('GET', '/stats/prometheus', readinessPort)).toStartWith('HTTP/1.1 200');
    for (const path of ['/config_dump', '/quitquitquit']) {
      expect(world.ask('GET', path, readinessPort)).toStartWith('HTTP/1.1 404');
    }
  });

  test('health may be failed and mended by hand; traffic goes on', () => {
    const world = serving();
    world.ask('POST', '/healthcheck/fail');
    expect(world.ask('GET', '/ready')).toStartWith('HTTP/1.1 503');
    expect(world.ask('GET', '/a', listenPort)).toStartWith('HTTP/1.1 200');
    world.ask('POST', '/healthcheck/ok');
    expect(world.ask('GET', '/ready')).toStartWith('HTTP/1.1 200');
  });
});

describe('methods', () => {
  const world = serving();
  for (const { path, method } of adminPages) {
    test(`${path} is ${method} alone`, () => {
      const wrong = method === 'GET' ? 'POST' : 'GET';
      expect(world.ask(wrong, path)).toStartWith('HTTP/1.1 405');
    });
  }

  test('a page of another origin may change nothing', () => {
    expect(world.ask('POST', '/quitquitquit', 15_000, ['origin: http://evil.example'])).toStartWith(
      'HTTP/1.1 403',
    );
    expect(world.quits).toBe(0);
  });

  test('HEAD has the length and no body', () => {
    const answer = world.ask('HEAD', '/ready');
    expect(answer).toContain('content-length: 5\r\n');
    expect(answer).toEndWith('\r\n\r\n');
  });

  test('unknown pages list the known ones', () => {
    expect(world.ask('GET', '/nope')).toStartWith('HTTP/1.1 404');
    expect(world.body('/')).toContain('/config_dump');
  });
});

describe('pages', () => {
  test('/clusters in text and JSON', () => {
    const world = serving();
    world.ask('GET', '/a', listenPort);
    const text = world.body('/clusters');
    expect(text).toContain('a::127.0.0.1:9000::rq_success::1\n');
    expect(text).toContain('a::127.0.0.1:9000::health_flags::healthy\n');
    expect(text).toContain('a::default_priority::max_connections::1024\n');
    expect(world.json('/clusters?format=json')).toMatchObject({
      cluster_statuses: [
        {
          name: 'a',
          added_via_api: true,
          host_statuses: [
            {
              address: { socket_address: { address: '127.0.0.1', port_value: 9000 } },
              health_status: { eds_health_status: 'HEALTHY' },
              weft: { state: 'healthy' },
            },
          ],
        },
      ],
    });
  });

  test('/config_dump shows what is in force and why something was refused', () => {
    const world = serving();
    const bad = { ...(clusterJson('a') as object), lbPolicy: 'CLUSTER_PROVIDED' };
    world.publish([
      ...resources().filter(({ typeUrl }) => typeUrl !== typeUrls.cluster),
      resourceOf(typeUrls.cluster, 'a', bad, '2'),
    ]);
    const dump = world.json('/config_dump?include_eds') as { configs: Record<string, unknown>[] };
    const section = (type: string) => dump.configs.find((config) => String(config['@type']).endsWith(type));
    expect(section('BootstrapConfigDump')).toMatchObject({
      bootstrap: { node: { id: 'sidecar~ledger-0.bank' } },
    });
    expect(section('ClustersConfigDump')).toMatchObject({
      dynamic_active_clusters: [
        {
          name: 'a',
          cluster: { '@type': typeUrls.cluster, name: 'a', type: 'EDS', connect_timeout: '1s' },
          client_status: 'NACKED',
          error_state: { details: expect.stringContaining('a: lb_policy: must be CLUSTER_PROVIDED') },
        },
      ],
    });
    expect(section('ListenersConfigDump')).toMatchObject({
      dynamic_listeners: [{ name: 'out', active_state: { listener: { name: 'out' } } }],
    });
    expect(section('EndpointsConfigDump')).toMatchObject({ dynamic_endpoint_configs: [{ name: 'a' }] });
  });

  test('/listeners and /server_info', () => {
    const world = serving();
    expect(world.body('/listeners')).toBe(`out::127.0.0.1:${listenPort}\n`);
    expect(world.json('/listeners?format=json')).toMatchObject({ listener_statuses: [{ name: 'out' }] });
    expect(world.json('/server_info')).toMatchObject({
      version: 'weft/1.2.3',
      state: 'LIVE',
      node: { id: 'sidecar~ledger-0.bank' },
      weft: { config_origin: 'control-plane', control_plane_connected: true },
    });
  });

  test('/logging changes the level, and refuses one that does not exist', () => {
    const world = serving();
    expect(world.ask('POST', '/logging?level=loud')).toStartWith('HTTP/1.1 400');
    expect(world.ask('POST', '/logging?level=off')).toContain('active level: off');
    expect(world.ask('POST', '/logging?level=debug')).toContain('active level: debug');
  });

  test('/stats filters by a regular expression', () => {
    const world = serving();
    expect(world.body('/stats?filter=membership_total')).toBe('cluster.a.membership_total: 1\n');
    expect(world.json('/stats?format=json&filter=^cluster.a.membership_total$')).toEqual({
      stats: [{ name: 'cluster.a.membership_total', value: 1 }],
    });
    expect(world.body('/stats?type=Gauges&filter=^cluster.a.upstream_rq_(total|active)$')).toBe(
      'cluster.a.upstream_rq_active: 0\n',
    );
    expect(world.body('/stats?usedonly&filter=^cluster.a.upstream_rq_timeout$')).toBe('');
    expect(world.body('/stats?format=prometheus&filter=membership_total')).toContain(
      'envoy_cluster_membership_total{envoy_cluster_name="a"} 1\n',
    );
    expect(world.ask('GET', '/stats?format=xml')).toStartWith('HTTP/1.1 400');
    expect(world.ask('GET', '/stats?type=xml')).toStartWith('HTTP/1.1 400');
    expect(world.ask('GET', '/stats?filter=(')).toStartWith('HTTP/1.1 400');
  });

  test('pages that Envoy’s tools ask for', () => {
    const world = serving();
    expect(world.json('/certs')).toEqual({ certificates: [] });
    expect(world.json('/init_dump')).toMatchObject({ unready_targets_dumps: [{ name: 'clusters' }, {}] });
    expect(world.json('/runtime')).toEqual({ layers: [], entries: {} });
    expect(world.body('/hot_restart_version')).toBe('weft 1.2.3\n');
    expect(world.body('/help')).toContain('/server_info');
    expect(world.ask('GET', '/contention')).toStartWith('HTTP/1.1 200');
    expect(world.ask('GET', '/memory')).toStartWith('HTTP/1.1 404');
  });

  test('/quitquitquit and /drain_listeners', () => {
    const world = serving();
    world.ask('POST', '/drain_listeners');
    expect(world.body('/ready')).toBe('DRAINING\ndraining\n');
    world.ask('POST', '/quitquitquit');
    expect(world.quits).toBe(1);
  });
});

describe('/stats/prometheus', () => {
  test('what remains under each limit of a cluster, and that no breaker is open', () => {
    const text = serving().body('/stats/prometheus');
    const of = (name: string) => `envoy_cluster_circuit_breakers_default_${name}{envoy_cluster_name="a"}`;
    for (const [name, left] of [
      ['cx', 1024],
      ['rq', 1024],
      ['pending', 1024],
      ['retries', 3],
    ] as const)
      expect(text).toContain(`${of(`remaining_${name}`)} ${left}\n`);
    for (const name of ['cx', 'rq', 'rq_pending', 'rq_retry'])
      expect(text).toContain(`${of(`${name}_open`)} 0\n`);
  });

  test('Envoy’s names and our own, with values', () => {
    const world = serving();
    world.ask('GET', '/a', listenPort);
    const text = world.body('/stats/prometheus');
    for (const line of [
      'envoy_cluster_upstream_rq_total{envoy_cluster_name="a"} 1',
      'envoy_cluster_upstream_rq_xx{envoy_cluster_name="a",envoy_response_code_class="2"} 1',
      'envoy_cluster_upstream_rq_time_count{envoy_cluster_name="a"} 1',
      'envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="out"} 1',
      'weft_endpoints{cluster="a",service="a",state="healthy"} 1',
      'weft_control_plane_connected 1',
      'weft_metrics_folded_total 0',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).toMatch(/^weft_request_duration_seconds_count\{listener="out",.*code="2xx"\} 1$/m);
    expect(text).toMatch(/^weft_retry_budget_remaining\{cluster="a",service="a"\} [\d.]+$/m);
  });

  test('every line is a sample or a comment, every family is described once, no series comes twice', () => {
    const world = serving();
    world.ask('GET', '/a', listenPort);
    const lines = world.body('/stats/prometheus').trimEnd().split('\n');
    const sample = /^[a-z_][a-z0-9_]*(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\.)*",?)*\})? (?:[\d.e+-]+|NaN|[+-]Inf)$/;
    for (const line of lines) if (!line.startsWith('# ')) expect(line).toMatch(sample);
    const types = lines.filter((line) => line.startsWith('# TYPE '));
    expect(new Set(types).size).toBe(types.length);
    const series = lines
      .filter((line) => !line.startsWith('#'))
      .map((line) => line.slice(0, line.lastIndexOf(' ')));
    expect(new Set(series).size).toBe(series.length);
  });

  test('a scrape of 200 clusters holds all of them and folds none', () => {
    const names = Array.from({ length: 200 }, (_, index) => `bank/service-${index}:80`);
    const world = new WholeProxy({ bootstrap });
    world.publish(resources(names));
    const text = world.body('/stats/prometheus');
    const counted = text.match(/^envoy_cluster_membership_total/gm) ?? [];
    expect(counted.length).toBe(200);
    expect(text).toContain('weft_metrics_folded_total 0\n');
  });
});

describe('limits', () => {
  test('a silent connection ends after a while', () => {
    const world = serving();
    const client = new TestClient(world.network, ip(adminPort));
    world.clock.advanceBy(1_000);
    expect(client.opened && client.closed === null).toBe(true);
    world.clock.advanceBy(adminLimits.idleMs);
    expect(client.ended || client.closed !== null).toBe(true);
  });

  test('a request that never ends is cut off', () => {
    const world = serving();
    const client = new TestClient(world.network, ip(adminPort)).send('GET /ready HTT');
    world.clock.advanceBy(adminLimits.idleMs + 1_000);
    expect(client.closed).not.toBeNull();
  });

  test('connections beyond the limit are closed, the others stay', () => {
    const world = serving();
    const clients = Array.from(
      { length: adminLimits.connectionsMax + 3 },
      () => new TestClient(world.network, ip(adminPort)),
    );
    world.clock.advanceBy(1_000);
    expect(clients.filter((client) => client.closed === null).length).toBe(adminLimits.connectionsMax);
  });

  test('a head beyond the limit is refused', () => {
    const answer = serving().ask('GET', '/ready', adminPort, [`x: ${'y'.repeat(adminLimits.headBytesMax)}`]);
    expect(answer).toStartWith('HTTP/1.1 431');
  });
});

describe('a restart while the control plane is away', () => {
  test('serves the last good configuration and says so', async () => {
    const store = createMemoryStore();
    const before = new WholeProxy({ bootstrap, store, stateDir: '/state' });
    before.publish(resources());
    await before.proxy.stop();

    const world = new WholeProxy({ bootstrap, store, stateDir: '/state' });
    world.transport.setCut(true);
    world.clock.advanceBy(1_500);
    for (let i = 0; i < 10; i++) await Promise.resolve();
    world.clock.advanceBy(100);
    expect(world.ask('GET', '/a', listenPort)).toStartWith('HTTP/1.1 200');
    expect(world.json('/server_info')).toMatchObject({ state: 'LIVE', weft: { config_origin: 'last-good' } });
    expect(world.body('/stats/prometheus')).toMatch(/^weft_config_age_seconds\{type="last-good"\} /m);
  });
});
