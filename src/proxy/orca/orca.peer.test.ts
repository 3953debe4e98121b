// The same answers with load reports through an Envoy and through our proxy: what each tells a management server of
// them, and the weights that each makes of them.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { describeWith, freePorts } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { LoadServer } from '../load-reports/testing/load-server.ts';
import { typed } from '../testing/beside-envoy.ts';
import { base64Report } from './testing/encode-report.ts';

setDefaultTimeout(30_000);

interface Answer {
  readonly head?: OutgoingHttpHeaders;
  readonly trailers?: OutgoingHttpHeaders;
}

const all = {
  cpu_utilization: 0.25,
  mem_utilization: 0.5,
  application_utilization: 0.75,
  eps: 2,
  rps_fractional: 100,
  named_metrics: { queue: 7, depth: -1.5 },
  utilization: { disk: 0.5 },
  request_cost: { joules: 3 },
};
const jsonOf = (value: unknown) => ({ 'endpoint-load-metrics': `JSON ${JSON.stringify(value)}` });
const text = (value: string): Answer => ({ head: { 'endpoint-load-metrics': value } });

interface Weighed {
  readonly fields: object;
  readonly reports: readonly string[];
  readonly weights: readonly number[];
}

/** By the cluster that they come from. */
const answers: Readonly<Record<string, Answer>> = {
  none: {},
  binary: { head: { 'endpoint-load-metrics-bin': base64Report(all) } },
  unpadded: { head: { 'endpoint-load-metrics-bin': base64Report(all).replaceAll('=', '') } },
  'binary-form': text(`BIN ${base64Report(all)}`),
  json: { head: jsonOf(all) },
  'json-camel': { head: jsonOf({ cpuUtilization: 0.5, namedMetrics: { a: 1 } }) },
  'json-text-number': { head: jsonOf({ eps: '1.5' }) },
  'json-null': { head: jsonOf({ eps: null, cpu_utilization: 1 }) },
  'json-unknown': { head: jsonOf({ cpu_utilization: 1, none_such: 2 }) },
  'json-old': { head: jsonOf({ cpu_utilization: 1, rps: 2 }) },
  'json-broken': text('JSON {"cpu_utilization": 1'),
  'json-list': text('JSON []'),
  text: text('TEXT cpu_utilization: 0.3 , mem_utilization:0.8,eps:1,named_metrics.queue:1e2'),
  'text-empty': text('TEXT ,'),
  'text-twice': text('TEXT eps:1,eps:1'),
  'text-unknown': text('TEXT eps:1,none_such:1'),
  'text-map': text('TEXT eps:1,utilization.disk:0.5'),
  'text-cost': text('TEXT eps:1,request_cost.joules:0.5'),
  'text-no-value': text('TEXT eps:1,cpu_utilization'),
  'text-no-name': text('TEXT eps:1,named_metrics.:5'),
  'text-word': text('TEXT eps:many'),
  'text-nan': text('TEXT eps:nan'),
  'text-infinity': text('TEXT eps:inf'),
  'text-huge': text('TEXT eps:1e999'),
  'text-camel': text('TEXT cpuUtilization:1'),
  'text-plus': text('TEXT eps:+1.5'),
  'text-point': text('TEXT eps:.5,cpu_utilization:1.'),
  'text-name-space': text('TEXT eps :1'),
  'text-lower': text('text eps:1'),
  formless: text('eps:1'),
  'both-fields': {
    head: { 'endpoint-load-metrics': 'TEXT eps:1', 'endpoint-load-metrics-bin': base64Report({ eps: 5 }) },
  },
  'broken-binary-first': {
    head: { 'endpoint-load-metrics': 'TEXT eps:1', 'endpoint-load-metrics-bin': '!!' },
  },
  'not-base64': text('BIN !!'),
  'not-protobuf': text(`BIN ${Buffer.from([0xff]).toString('base64')}`),
  trailers: { trailers: { 'endpoint-load-metrics': 'TEXT eps:4' } },
  'head-and-trailers': {
    head: { 'endpoint-load-metrics': 'TEXT eps:1' },
    trailers: { 'endpoint-load-metrics': 'TEXT eps:4' },
  },
  'broken-head': {
    head: { 'endpoint-load-metrics': 'TEXT eps:one' },
    trailers: { 'endpoint-load-metrics': 'TEXT eps:4' },
  },
};

const metrics = [
  'cpu_utilization',
  'mem_utilization',
  'application_utilization',
  'eps',
  'rps_fractional',
  'named_metrics.*',
  'utilization.disk',
  'utilization.none',
  'request_cost.*',
];

/** An HTTP/2 server whose path says how it answers. */
function startOrigin(answer: (path: string) => Answer): { server: Http2Server; listen(): Promise<number> } {
  const server = createServer();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const { head = {}, trailers } = answer(String(headers[':path']).slice(1));
    stream.on('error', () => {});
    stream.respond({ ':status': 200, ...head }, { waitForTrailers: trailers !== undefined });
    if (trailers !== undefined) stream.on('wantTrailers', () => stream.sendTrailers(trailers));
    stream.end('done');
  });
  const listen = async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  };
  return { server, listen };
}

const http2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': typed(
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      { explicit_http_config: { http2_protocol_options: {} } },
    ),
  },
};

function clusterOf(name: string, ports: readonly number[], fields: object = {}): object {
  const lb_endpoints = ports.map((port) => ({ endpoint: { address: socketAddress(port) } }));
  return {
    name,
    connect_timeout: '1s',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints }] },
    ...http2,
    ...fields,
  };
}

/** Endpoints of each weighed cluster say these, in their order, and weigh that. */
const weighed: Readonly<Record<string, Weighed>> = {
  plain: {
    fields: {},
    reports: ['cpu_utilization:0.5,rps_fractional:100', 'cpu_utilization:0.1,rps_fractional:60', 'eps:1'],
    weights: [200, 600, 400],
  },
  penalty: {
    fields: { error_utilization_penalty: 2 },
    reports: [
      'application_utilization:0.5,rps_fractional:100,eps:10',
      'cpu_utilization:0.4,rps_fractional:90',
    ],
    weights: [142, 225],
  },
  unsaid: {
    fields: {},
    reports: ['cpu_utilization:0.5,rps_fractional:100,eps:10', 'cpu_utilization:0.5,rps_fractional:33.3'],
    weights: [200, 66],
  },
  named: {
    fields: {
      error_utilization_penalty: 0,
      metric_names_for_computing_utilization: ['named_metrics.q', 'mem_utilization'],
    },
    reports: [
      'named_metrics.q:0.2,mem_utilization:0.1,application_utilization:0.9,rps_fractional:100',
      'application_utilization:0.5,cpu_utilization:0.9,rps_fractional:100',
    ],
    weights: [500, 200],
  },
};

const weighedPolicy = (fields: object) => ({
  load_balancing_policy: {
    policies: [
      {
        typed_extension_config: {
          name: 'weighed',
          typed_config: typed(
            'envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin',
            { blackout_period: '0s', weight_update_period: '0.1s', ...fields },
          ),
        },
      },
    ],
  },
});

describeWith(['envoy'], 'load reports of endpoints', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-orca-'));
  const server = new LoadServer(Object.keys(answers));
  const [envoyPort = 0, weftPort = 0, adminPort = 0] = freePorts(3);
  const origins: Http2Server[] = [];
  let envoy: Envoy | null = null;
  let weft: Bun.Subprocess | null = null;
  const weighedPorts = new Map<string, number[]>();

  const bootstrapOf = (id: string, listenPort: number, origin: number, loads: number): object => {
    const names = [...Object.keys(answers), ...Object.keys(weighed)];
    const manager = typed(
      'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      {
        stat_prefix: 'in',
        http_filters: [
          { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router') },
        ],
        route_config: {
          virtual_hosts: [
            {
              name: 'all',
              domains: ['*'],
              routes: names.map((cluster) => ({ match: { path: `/${cluster}` }, route: { cluster } })),
            },
          ],
        },
      },
    );
    return {
      node: { id, cluster: 'proxies' },
      cluster_manager: {
        load_stats_config: {
          api_type: 'GRPC',
          transport_api_version: 'V3',
          grpc_services: [{ envoy_grpc: { cluster_name: 'loads' } }],
        },
      },
      static_resources: {
        listeners: [
          {
            name: 'in',
            address: socketAddress(listenPort),
            filter_chains: [{ filters: [{ name: 'hcm', typed_config: manager }] }],
          },
        ],
        clusters: [
          ...Object.keys(answers).map((name) =>
            clusterOf(name, [origin], { lrs_report_endpoint_metrics: metrics }),
          ),
          ...Object.entries(weighed).map(([name, { fields }]) =>
            clusterOf(name, weighedPorts.get(name) ?? [], weighedPolicy(fields)),
          ),
          clusterOf('loads', [loads]),
        ],
      },
    };
  };

  beforeAll(async () => {
    const start = async (answer: (path: string) => Answer) => {
      const { server, listen } = startOrigin(answer);
      origins.push(server);
      return await listen();
    };
    const loads = await server.start();
    const origin = await start((path) => answers[path] ?? {});
    for (const [name, { reports }] of Object.entries(weighed)) {
      const ports: number[] = [];
      for (const report of reports) ports.push(await start(() => text(`TEXT ${report}`)));
      weighedPorts.set(name, ports);
    }
    const path = join(folder, 'weft.json');
    const admin = { address: socketAddress(adminPort) };
    writeFileSync(path, JSON.stringify({ ...bootstrapOf('weft', weftPort, origin, loads), admin }));
    const command = [join(import.meta.dir, '../../../bin/weft'), 'proxy', '-c', path, '--log-level', 'error'];
    weft = Bun.spawn(command, { stdio: ['ignore', 'inherit', 'inherit'] });
    envoy = await startEnvoy(bootstrapOf('envoy', envoyPort, origin, loads));
    await until('both report', () => ['weft', 'envoy'].every((id) => (server.reports.get(id) ?? 0) > 0));
  });

  afterAll(async () => {
    weft?.kill();
    await weft?.exited;
    await envoy?.stop();
    server.stop();
    for (const origin of origins) origin.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (port: number, path: string) => {
    await (await fetch(`http://127.0.0.1:${port}/${path}`, { headers: { connection: 'close' } })).text();
  };

  test('are told as Envoy tells them, whatever their form', async () => {
    const paths = Object.keys(answers);
    for (const port of [envoyPort, weftPort])
      for (let turn = 0; turn < 2; turn++) await Promise.all(paths.map((path) => ask(port, path)));
    await until('all is told', () => ['weft', 'envoy'].every((id) => issued(id) === paths.length * 2));
    const before = ['weft', 'envoy'].map((id) => server.reports.get(id) ?? 0);
    await until('the rest of it', () =>
      ['weft', 'envoy'].every((id, index) => (server.reports.get(id) ?? 0) > before[index]! + 1),
    );
    const told = (id: string) =>
      Object.fromEntries([...(server.heard.get(id) ?? [])].filter(([key]) => !/interval$/.test(key)));
    expect(told('weft')).toEqual(told('envoy'));
    const count = Object.keys(told('weft')).filter((key) => /^(binary|trailers) .*0 eps count$/.test(key));
    expect(count).toHaveLength(2);
  });

  const issued = (id: string) =>
    [...(server.heard.get(id) ?? [])].reduce(
      (sum, [key, value]) => sum + (/ 0 issued$/.test(key) ? value : 0),
      0,
    );

  /** Of the weighed clusters, by cluster and address. */
  const readClusters = async (adminPort: number, what: 'weight' | 'rq_total') => {
    const page = await (await fetch(`http://127.0.0.1:${adminPort}/clusters`)).text();
    const rows = page.split('\n').flatMap((line) => {
      const [cluster = '', address, key, value] = line.split('::');
      return Object.hasOwn(weighed, cluster) && key === what
        ? [[`${cluster} ${address}`, Number(value)]]
        : [];
    });
    return Object.fromEntries(rows) as Readonly<Record<string, number>>;
  };
  const weightsOf = (adminPort: number) => readClusters(adminPort, 'weight');
  const totalsOf = (adminPort: number) => readClusters(adminPort, 'rq_total');

  const requests = 36;

  test('make the weights and the shares that they make in Envoy', async () => {
    const admins = [envoy!.adminPort, adminPort];
    const askAll = async (times: number) => {
      const paths = Array.from({ length: times }, () => Object.keys(weighed)).flat();
      for (const port of [envoyPort, weftPort]) await Promise.all(paths.map((path) => ask(port, path)));
    };
    const expected = Object.fromEntries(
      Object.entries(weighed).flatMap(([name, { weights }]) =>
        weights.map((weight, index) => [`${name} 127.0.0.1:${weighedPorts.get(name)?.[index]}`, weight]),
      ),
    );
    await until('weights settle', async () => {
      await askAll(3);
      const all = await Promise.all(admins.map(weightsOf));
      return all.every((weights) => Bun.deepEquals(weights, expected));
    });
    const before = await Promise.all(admins.map(totalsOf));
    await askAll(requests);
    const after = await Promise.all(admins.map(totalsOf));
    for (const [index, totals] of after.entries()) {
      for (const [name, { weights }] of Object.entries(weighed)) {
        const sum = weights.reduce((total, weight) => total + weight, 0);
        for (const [at, weight] of weights.entries()) {
          const key = `${name} 127.0.0.1:${weighedPorts.get(name)?.[at]}`;
          const share = totals[key]! - before[index]![key]!;
          expect(Math.abs(share - (requests * weight) / sum)).toBeLessThan(5);
        }
      }
    }
  });
});
