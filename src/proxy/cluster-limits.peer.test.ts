// Limits that need several requests at once, and what takes its time, beside Envoy under the same bootstrap:
// connections of each endpoint, a budget of retries, endpoints that begin slowly, and lines of logs before a request or
// connection is over.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { type Side, sides } from './testing/side-by-side.ts';
import { httpListener, startTlsProxy, type TlsProxy, tcpListener } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

const slowStartMs = 1_200;
const flushMs = 300;
const names = ['http', 'tcp', 'upgrade', 'logged'] as const;

/** At the start, and twice on the way: so long lasts what writes them, however late they are. */
const linesBeforeEnd = 3;

function readLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n').slice(0, -1);
  } catch {
    return [];
  }
}

const isLogged = (path: string) => readLines(path).length >= linesBeforeEnd;

/** Counts what runs at once. */
class Backend {
  running = 0;
  most = 0;
  total = 0;
  readonly server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request, server) => {
      if (server.upgrade(request)) return;
      this.total += 1;
      this.running += 1;
      this.most = Math.max(this.most, this.running);
      const delayMs = Number(request.headers.get('x-delay') ?? 0);
      if (delayMs > 0) await Bun.sleep(delayMs);
      const path = request.headers.get('x-until-logged') ?? '';
      if (path !== '') await until(`${linesBeforeEnd} lines in ${path}`, () => isLogged(path));
      this.running -= 1;
      return new Response('', { status: Number(request.headers.get('x-status') ?? 200) });
    },
    websocket: { message() {} },
  });

  get port(): number {
    return this.server.port ?? 0;
  }
}

function clusterOf(name: string, ports: readonly number[], fields: object): object {
  const lb_endpoints = ports.map((port) => ({ endpoint: { address: socketAddress(port) } }));
  const load_assignment = { cluster_name: name, endpoints: [{ lb_endpoints }] };
  return { name, type: 'STATIC', connect_timeout: '1s', load_assignment, ...fields };
}

const log = (path: string) => ({
  name: 'file',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
    path,
    log_format: { text_format_source: { inline_string: '%ACCESS_LOG_TYPE% %RESPONSE_CODE%\n' } },
  },
});

interface Place {
  readonly folder: string;
  readonly ports: readonly number[];
  readonly backends: readonly Backend[];
}

function managed(name: string, port: number, fields: object, route: object = {}): object {
  const listener = httpListener(name, port, '', null, fields) as {
    filter_chains: { filters: { typed_config: { route_config: object } }[] }[];
  };
  const routes = [{ match: { prefix: '/' }, route: { cluster_header: 'x-cluster', ...route } }];
  listener.filter_chains[0]!.filters[0]!.typed_config.route_config = {
    name,
    virtual_hosts: [{ name, domains: ['*'], routes }],
  };
  return listener;
}

function bootstrap({ folder, ports, backends }: Place): object {
  const all = backends.map(({ port }) => port);
  const one = all.slice(0, 1);
  const eager = { access_log_flush_interval: `${flushMs / 1_000}s`, flush_access_log_on_new_request: true };
  return {
    node: { id: 'n', cluster: 'c' },
    static_resources: {
      listeners: [
        managed('http', ports[0]!, {}, { retry_policy: { retry_on: '5xx', num_retries: 1 } }),
        managed('logged', ports[3]!, {
          access_log: [log(join(folder, 'logged'))],
          access_log_options: eager,
        }),
        tcpListener('tcp', ports[1]!, 'plain', {
          access_log: [log(join(folder, 'tcp'))],
          access_log_options: {
            access_log_flush_interval: `${flushMs / 1_000}s`,
            flush_access_log_on_connected: true,
          },
        }),
        managed('upgrade', ports[2]!, {
          access_log: [log(join(folder, 'upgrade'))],
          access_log_options: { flush_log_on_tunnel_successfully_established: true },
          upgrade_configs: [{ upgrade_type: 'websocket' }],
        }),
      ],
      clusters: [
        clusterOf('plain', one, {}),
        clusterOf('each', all, {
          circuit_breakers: { per_host_thresholds: [{ max_connections: 1 }] },
        }),
        clusterOf('few', one, {
          circuit_breakers: {
            thresholds: [
              {
                retry_budget: { budget_percent: { value: 10 }, min_retry_concurrency: 3 },
                track_remaining: true,
              },
            ],
          },
        }),
        clusterOf('share', one, {
          circuit_breakers: {
            thresholds: [{ retry_budget: { budget_percent: { value: 25 }, min_retry_concurrency: 1 } }],
          },
        }),
        {
          name: 'slow',
          type: 'EDS',
          connect_timeout: '1s',
          lb_policy: 'ROUND_ROBIN',
          round_robin_lb_config: {
            slow_start_config: {
              slow_start_window: `${slowStartMs / 1_000}s`,
              // It stays near its least share for most of the time, so that a slow machine sees that too.
              aggression: { default_value: 0.2, runtime_key: 'none' },
            },
          },
          eds_cluster_config: {
            service_name: 'slow',
            eds_config: {
              path_config_source: { path: join(folder, 'eds.json') },
              resource_api_version: 'V3',
            },
          },
        },
      ],
    },
  };
}

/** Replaced in one go, which is what Envoy looks for. */
function tellEndpoints({ folder, backends }: Place, count: number): void {
  const type = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';
  const lb_endpoints = backends
    .slice(0, count)
    .map(({ port }) => ({ endpoint: { address: socketAddress(port) } }));
  const resources = [{ '@type': type, cluster_name: 'slow', endpoints: [{ lb_endpoints }] }];
  writeFileSync(join(folder, 'eds.new'), JSON.stringify({ version_info: `${count}`, resources }));
  renameSync(join(folder, 'eds.new'), join(folder, 'eds.json'));
}

describeWith(['envoy'], 'limits of clusters and early log lines, beside Envoy', () => {
  const root = mkdtempSync(join(tmpdir(), 'weft-cluster-limits-'));
  const place = (side: Side): Place => ({
    folder: mkdtempSync(join(root, side)),
    ports: names.map(() => freePort()),
    backends: [new Backend(), new Backend()],
  });
  const places = { envoy: place('envoy'), weft: place('weft') };
  let envoy: Envoy;
  let weft: TlsProxy;
  let startedMs = 0;

  const portOf = (side: Side, name: (typeof names)[number]) => places[side].ports[names.indexOf(name)]!;
  const ask = (side: Side, cluster: string, fields: Readonly<Record<string, string>> = {}) =>
    fetch(`http://127.0.0.1:${portOf(side, 'http')}/`, { headers: { 'x-cluster': cluster, ...fields } });

  beforeAll(async () => {
    for (const side of sides) tellEndpoints(places[side], 1);
    envoy = await startEnvoy(bootstrap(places.envoy));
    weft = startTlsProxy(bootstrap(places.weft));
    await until('ready', () => weft.proxy.ready);
    startedMs = performance.now();
  });

  afterAll(async () => {
    await weft?.proxy.stop();
    await envoy?.stop();
    for (const side of sides) for (const { server } of places[side].backends) await server.stop(true);
    rmSync(root, { recursive: true, force: true });
  });

  async function stat(side: Side, name: string): Promise<number> {
    const port = side === 'envoy' ? envoy.adminPort : weft.adminPort;
    const text = await (await fetch(`http://127.0.0.1:${port}/stats?filter=${name}`)).text();
    return Number(new RegExp(`${name}: (\\d+)`).exec(text)?.[1] ?? -1);
  }

  async function both<T>(play: (side: Side) => Promise<T>): Promise<void> {
    const [theirs, ours] = await Promise.all(sides.map(play));
    expect(ours).toEqual(theirs!);
  }

  test('per_host_thresholds: no endpoint has more connections', async () => {
    const play = async (side: Side) => {
      const answers = await Promise.all(
        Array.from({ length: 8 }, () => ask(side, 'each', { 'x-delay': '60' })),
      );
      return {
        statuses: answers.map(({ status }) => status),
        most: places[side].backends.map(({ most }) => most),
      };
    };
    await both(play);
    expect(places.weft.backends.map(({ most }) => most)).toEqual([1, 1]);
  });

  test('retry_budget: so many retries at once in any case', async () => {
    await both((side) => retries(side, 'few', 10, 0));
    expect(await stat('weft', 'cluster.few.upstream_rq_retry')).toBe(3);
  });

  test('retry_budget: a share of what runs', async () => {
    await both((side) => retries(side, 'share', 3, 7));
    expect(await stat('weft', 'cluster.share.upstream_rq_retry')).toBe(2);
  });

  /** All of those that fail have failed before the first retry is over; the others run on. */
  async function retries(side: Side, cluster: string, failing: number, others: number): Promise<object> {
    const [backend] = places[side].backends;
    const before = backend!.total;
    const asked = (count: number, fields: Readonly<Record<string, string>>) =>
      Array.from({ length: count }, () => ask(side, cluster, fields));
    await Promise.all([
      ...asked(others, { 'x-delay': '700' }),
      ...asked(failing, { 'x-delay': '300', 'x-status': '500' }),
    ]);
    const overflow = await stat(side, `cluster.${cluster}.upstream_rq_retry_overflow`);
    return { retries: backend!.total - before - failing - others, overflow };
  }

  /** Of a log, when that of the end is there; of those from time to time one, for a slow machine has more of them. */
  async function lines(side: Side, name: string, end: string): Promise<readonly string[]> {
    const path = join(places[side].folder, name);
    await until(`the end in ${name}`, () => readLines(path).at(-1)?.startsWith(end) === true);
    const all = readLines(path);
    expect(all.length).toBeLessThan((performance.now() - startedMs) / flushMs + 3);
    return all.filter((line, index) => line !== all[index - 1]);
  }

  const logged: Readonly<Record<string, (side: Side) => Promise<readonly string[]>>> = {
    async 'HTTP: at the start, from time to time, at the end'(side) {
      const headers = { 'x-cluster': 'plain', 'x-until-logged': join(places[side].folder, 'logged') };
      await fetch(`http://127.0.0.1:${portOf(side, 'logged')}/`, { headers });
      return lines(side, 'logged', 'DownstreamEnd');
    },
    async 'TCP: connected, from time to time, at the end'(side) {
      const socket = connect(portOf(side, 'tcp'), '127.0.0.1');
      const path = join(places[side].folder, 'tcp');
      await until(`${linesBeforeEnd} lines in ${path}`, () => isLogged(path));
      socket.destroy();
      return lines(side, 'tcp', 'TcpConnectionEnd');
    },
    async 'a tunnel: established, at the end'(side) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const headers = { 'x-cluster': 'plain' };
      const socket = new WebSocket(`ws://127.0.0.1:${portOf(side, 'upgrade')}/`, { headers } as never);
      socket.onopen = () => socket.close();
      socket.onclose = () => resolve();
      await promise;
      return lines(side, 'upgrade', 'DownstreamEnd');
    },
  };

  test('access_log_options: lines before the end, and at it', async () => {
    await both(async (side) => {
      const told = Object.entries(logged).map(async ([name, play]) => [name, await play(side)] as const);
      return Object.fromEntries(await Promise.all(told));
    });
  });

  test('slow start: a new endpoint has a small share at first, and its own at last', async () => {
    await Bun.sleep(Math.max(0, startedMs + slowStartMs * 1.2 - performance.now()));
    await Promise.all(
      sides.map(async (side) => {
        const [, second] = places[side].backends;
        /** Of sixty requests, or of those that a slow machine makes meanwhile. */
        const share = async (withinMs = Number.POSITIVE_INFINITY) => {
          const [before, beganMs] = [second!.total, performance.now()];
          let asked = 0;
          for (; asked < 60 && performance.now() - beganMs < withinMs; asked++) await ask(side, 'slow');
          return (second!.total - before) / asked;
        };
        expect([side, await share()]).toEqual([side, 0]);
        const { total } = second!;
        tellEndpoints(places[side], 2);
        await until(
          'the second one is known',
          async () => (await ask(side, 'slow')).ok && second!.total > total,
        );
        const early = await share(slowStartMs / 2);
        await Bun.sleep(slowStartMs * 1.2);
        expect(early).toBeWithin(0.02, 0.3);
        expect(await share()).toBeWithin(0.4, 0.6);
      }),
    );
  });
});
