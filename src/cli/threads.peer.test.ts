// `weft proxy --concurrency 2` as a process: its threads are one proxy to whoever calls it, configures it, measures it,
// drains it or succeeds it.

import { afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../base/index.ts';
import { type Address, createBunNetwork, createSystemClock } from '../net/index.ts';
import { clusterJson, endpointsJson, listenerJson, resourceOf } from '../proxy/config/testing/resources.ts';
import { httpListener, tcpListener } from '../proxy/testing/tls-proxy.ts';
import { describeWith, freePort, run } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { AdsServer, createSnapshot, serveGrpcAds, typeUrls, type XdsResource } from '../xds/index.ts';
import { TestSource } from '../xds/testing/resources.ts';

setDefaultTimeout(60_000);

const main = join(import.meta.dir, 'main.ts');
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Answers as the test says; counts what came and what runs at once. */
class Origin {
  readonly paths: string[] = [];
  running = 0;
  most = 0;
  connections = 0;
  answer: (path: string) => Response | Promise<Response> = () => new Response('fine');
  readonly port: number;

  constructor() {
    const server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      idleTimeout: 0,
      fetch: async (request) => {
        const path = new URL(request.url).pathname;
        this.paths.push(path);
        this.running += 1;
        this.most = Math.max(this.most, this.running);
        try {
          return await this.answer(path);
        } finally {
          this.running -= 1;
        }
      },
    });
    this.port = server.port ?? 0;
    cleanups.push(() => server.stop(true));
  }
}

function cluster(name: string, ports: readonly number[], more: object = {}): object {
  const endpoints = ports.map((port_value) => ({
    endpoint: { address: { socket_address: { address: '127.0.0.1', port_value } } },
  }));
  return {
    name,
    type: 'STATIC',
    load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: endpoints }] },
    ...more,
  };
}

interface Running {
  readonly child: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  readonly admin: number;
  readonly folder: string;
  readonly log: Promise<string>;
  /** A request over a connection of its own, which the kernel gives to either thread. */
  ask(port: number, path?: string, init?: BunFetchRequestInit): Promise<Response>;
  scrape(): Promise<ReadonlyMap<string, number>>;
}

async function start(resources: object, more: object = {}, ...flags: string[]): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-threads-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const admin = freePort();
  const config = join(folder, 'bootstrap.json');
  writeFileSync(config, JSON.stringify({ static_resources: resources, ...more }));
  const words = ['proxy', '-c', config, '--concurrency', '2', '--admin', `127.0.0.1:${admin}`, ...flags];
  const child = Bun.spawn([process.execPath, main, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  cleanups.push(async () => {
    child.kill('SIGKILL');
    await child.exited;
  });
  const log = child.stderr.text();
  const isReady = async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok;
  await until('ready, or ended', async () => child.exitCode !== null || (await isReady()));
  if (child.exitCode !== null) throw new Error(`the proxy ended: ${await log}`);
  return {
    child,
    admin,
    folder,
    log,
    ask: (port, path = '/', init = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, { keepalive: false, ...init }),
    async scrape() {
      const text = await (await fetch(`http://127.0.0.1:${admin}/stats/prometheus`)).text();
      const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
      return new Map(
        lines.map((line) => {
          const end = line.lastIndexOf(' ');
          return [line.slice(0, end), Number(line.slice(end + 1))];
        }),
      );
    },
  };
}

async function statuses(answers: readonly Promise<Response>[]): Promise<number[]> {
  return (await Promise.all(answers)).map(({ status }) => status);
}

function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}

describe.skipIf(process.platform !== 'linux')('two threads', () => {
  test('share the connections, and their figures are added up', async () => {
    const origin = new Origin();
    const port = freePort();
    const proxy = await start({
      listeners: [httpListener('main', port, 'c', null)],
      clusters: [cluster('c', [origin.port])],
    });
    expect(new Set(await statuses(times(80, () => proxy.ask(port))))).toEqual(new Set([200]));
    const stats = await proxy.scrape();
    const [first, second] = ['1', '2'].map(
      (thread) => stats.get(`weft_thread_requests_total{thread="${thread}"}`) ?? 0,
    ) as [number, number];
    expect(Math.min(first, second)).toBeGreaterThan(10);
    expect(first + second).toBe(80);
    expect(stats.get('envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="main"}')).toBe(80);
    expect(stats.get('envoy_http_downstream_cx_total{envoy_http_conn_manager_prefix="main"}')).toBe(80);
    expect(stats.get('envoy_cluster_upstream_rq{envoy_cluster_name="c",envoy_response_code="200"}')).toBe(80);
    expect(stats.get('envoy_cluster_upstream_rq_time_count{envoy_cluster_name="c"}')).toBe(80);
    expect(stats.get('envoy_http_downstream_rq_time_count{envoy_http_conn_manager_prefix="main"}')).toBe(80);
    expect(stats.get('envoy_server_concurrency')).toBe(2);
    const clusters = await (await fetch(`http://127.0.0.1:${proxy.admin}/clusters`)).text();
    expect(clusters).toContain(`c::127.0.0.1:${origin.port}::rq_total::80\n`);
    expect(clusters).toContain(`c::127.0.0.1:${origin.port}::rq_success::80\n`);
  });

  test('hold one limit of requests', async () => {
    const origin = new Origin();
    const release = Promise.withResolvers<void>();
    origin.answer = async () => {
      await release.promise;
      return new Response('late');
    };
    const port = freePort();
    const thresholds = [{ max_requests: 5, max_pending_requests: 100, max_connections: 100 }];
    const proxy = await start({
      listeners: [httpListener('main', port, 'c', null)],
      clusters: [cluster('c', [origin.port], { circuit_breakers: { thresholds } })],
    });
    const answers = times(40, () => proxy.ask(port));
    await until('all but five are refused', async () => {
      const stats = await proxy.scrape();
      return stats.get('envoy_cluster_upstream_rq_active_overflow{envoy_cluster_name="c"}') === 35;
    });
    const open = 'envoy_cluster_circuit_breakers_default_rq_open{envoy_cluster_name="c"}';
    expect((await proxy.scrape()).get(open)).toBe(1);
    release.resolve();
    const counts = (await statuses(answers)).sort();
    expect(counts).toEqual([...times(5, () => 200), ...times(35, () => 503)]);
    expect(origin.most).toBe(5);
    expect((await proxy.scrape()).get(open)).toBe(0);
    expect(await statuses(times(5, () => proxy.ask(port)))).toEqual(times(5, () => 200));
  });

  test('hold one limit of connections, and who waits for one gets it from either', async () => {
    const origin = new Origin();
    origin.answer = async () => {
      await Bun.sleep(2);
      return new Response('fine');
    };
    const port = freePort();
    const tunnel = freePort();
    const open = new Set<unknown>();
    let most = 0;
    const echo = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      socket: {
        open(socket) {
          open.add(socket);
          most = Math.max(most, open.size);
        },
        data: (socket, bytes) => void socket.write(bytes),
        close: (socket) => void open.delete(socket),
      },
    });
    cleanups.push(() => echo.stop(true));
    const limits = { circuit_breakers: { thresholds: [{ max_connections: 4 }] } };
    const proxy = await start({
      listeners: [httpListener('main', port, 'c', null), tcpListener('tunnel', tunnel, 't')],
      clusters: [cluster('c', [origin.port], limits), cluster('t', [echo.port], limits)],
    });
    // Many more than the limit, none of which is told no: they wait for a connection, on their thread or the other.
    expect(new Set(await statuses(times(60, () => proxy.ask(port))))).toEqual(new Set([200]));
    const closed: unknown[] = [];
    const clients = await Promise.all(
      times(24, () =>
        Bun.connect({
          hostname: '127.0.0.1',
          port: tunnel,
          socket: { data() {}, close: (socket) => void closed.push(socket) },
        }),
      ),
    );
    await until('all but four are refused', () => closed.length === 20);
    expect([open.size, most]).toEqual([4, 4]);
    for (const client of clients) client.end();
  });

  test('hold one budget of retries', async () => {
    const origin = new Origin();
    const release = Promise.withResolvers<void>();
    const seen = new Set<string>();
    let retries = 0;
    origin.answer = async (path) => {
      if (!seen.has(path)) {
        seen.add(path);
        return new Response('not yet', { status: 503 });
      }
      retries += 1;
      await release.promise;
      return new Response('now');
    };
    const port = freePort();
    const listener = httpListener('main', port, 'c', null, {}) as Record<string, never>;
    const text = JSON.stringify(listener).replace(
      '"route":{"cluster":"c"}',
      '"route":{"cluster":"c","retry_policy":{"retry_on":"5xx","num_retries":1}}',
    );
    const thresholds = [{ max_retries: 3, max_requests: 1000, max_pending_requests: 1000 }];
    const proxy = await start({
      listeners: [JSON.parse(text)],
      clusters: [cluster('c', [origin.port], { circuit_breakers: { thresholds } })],
    });
    const answers = times(30, (at) => proxy.ask(port, `/${at}`));
    await until('the budget is used up', async () => {
      const stats = await proxy.scrape();
      return stats.get('envoy_cluster_upstream_rq_retry_overflow{envoy_cluster_name="c"}') === 27;
    });
    expect(retries).toBe(3);
    release.resolve();
    expect((await statuses(answers)).sort()).toEqual([...times(3, () => 200), ...times(27, () => 503)]);
  });

  test('eject one outlier for both', async () => {
    const [good, bad] = [new Origin(), new Origin()];
    bad.answer = () => new Response('broken', { status: 500 });
    const port = freePort();
    const proxy = await start({
      listeners: [httpListener('main', port, 'c', null)],
      clusters: [
        cluster('c', [good.port, bad.port], {
          lb_policy: 'ROUND_ROBIN',
          outlier_detection: { consecutive_5xx: 4, base_ejection_time: '300s', max_ejection_percent: 50 },
        }),
      ],
    });
    for (let asked = 0; asked < 60; asked++) await (await proxy.ask(port)).text();
    // Four in a row are four in the proxy, whichever thread they came by.
    expect(bad.paths.length).toBe(4);
    expect(good.paths.length).toBe(56);
    const stats = await proxy.scrape();
    const ejected =
      'envoy_cluster_outlier_detection_ejections_enforced_consecutive_5xx{envoy_cluster_name="c"}';
    expect(stats.get(ejected)).toBe(1);
    expect(stats.get('envoy_cluster_outlier_detection_ejections_active{envoy_cluster_name="c"}')).toBe(1);
    expect(
      Math.min(...['1', '2'].map((thread) => stats.get(`weft_thread_requests_total{thread="${thread}"}`)!)),
    ).toBeGreaterThan(5);
  });

  test('hold one rate limit, of a listener and of a route', async () => {
    const origin = new Origin();
    const port = freePort();
    const limit = (tokens: number) => ({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
      stat_prefix: 'limit',
      token_bucket: { max_tokens: tokens, tokens_per_fill: 1, fill_interval: '600s' },
      filter_enabled: { default_value: { numerator: 100 } },
      filter_enforced: { default_value: { numerator: 100 } },
    });
    const name = 'envoy.filters.http.local_ratelimit';
    const listener = JSON.parse(
      JSON.stringify(httpListener('main', port, 'c', null))
        .replace('"http_filters":[', `"http_filters":[${JSON.stringify({ name, typed_config: limit(7) })},`)
        .replace(
          '"routes":[',
          `"routes":[${JSON.stringify({
            match: { prefix: '/few' },
            route: { cluster: 'c' },
            typed_per_filter_config: { [name]: limit(3) },
          })},`,
        ),
    );
    const proxy = await start({ listeners: [listener], clusters: [cluster('c', [origin.port])] });
    const all = (path: string) => statuses(times(40, () => proxy.ask(port, path)));
    expect((await all('/')).filter((status) => status === 200).length).toBe(7);
    expect((await all('/few')).filter((status) => status === 200).length).toBe(3);
    const stats = await proxy.scrape();
    const labels = '{envoy_local_http_ratelimit_prefix="limit"}';
    expect(stats.get(`envoy_http_local_rate_limit_enforced${labels}`)).toBe(70);
  });

  test('hold one limit of faults, of a listener’s connections, and of a network filter', async () => {
    const origin = new Origin();
    const [delayed, few, limited] = [freePort(), freePort(), freePort()];
    const fault = {
      name: 'envoy.filters.http.fault',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault',
        delay: { fixed_delay: '1.5s', percentage: { numerator: 100 } },
        max_active_faults: 4,
      },
    };
    const connectionLimit = {
      name: 'limit',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit',
        stat_prefix: 'limit',
        max_connections: 3,
      },
    };
    const change = (listener: object, from: string, to: string): object =>
      JSON.parse(JSON.stringify(listener).replace(from, to)) as object;
    const layers = [
      {
        name: 'static',
        static_layer: { 'envoy.resource_limits.listener.few.connection_limit': 5 },
      },
    ];
    const proxy = await start(
      {
        listeners: [
          change(
            httpListener('delayed', delayed, 'c', null),
            '"http_filters":[',
            `"http_filters":[${JSON.stringify(fault)},`,
          ),
          httpListener('few', few, 'c', null),
          change(
            httpListener('limited', limited, 'c', null),
            '"filters":[',
            `"filters":[${JSON.stringify(connectionLimit)},`,
          ),
        ],
        clusters: [cluster('c', [origin.port])],
      },
      { layered_runtime: { layers } },
    );
    const answers = times(40, () => proxy.ask(delayed));
    expect(new Set(await statuses(answers))).toEqual(new Set([200]));
    const stats = await proxy.scrape();
    const labels = '{envoy_http_conn_manager_prefix="delayed"}';
    expect(stats.get(`envoy_http_fault_delays_injected${labels}`)).toBe(4);
    expect(stats.get(`envoy_http_fault_faults_overflow${labels}`)).toBe(36);
    expect(stats.get(`envoy_http_fault_active_faults${labels}`)).toBe(0);
    for (const [port, allowed] of [
      [few, 5],
      [limited, 3],
    ] as const) {
      let closed = 0;
      const count = () => {
        closed += 1;
      };
      const connect = () =>
        Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {}, close: count, error() {} } });
      // One that is reset at once has not been open.
      const clients = await Promise.allSettled(times(24, connect));
      for (const { status } of clients) if (status === 'rejected') count();
      await until('all but the allowed are refused', () => closed === 24 - allowed);
      // What they held is free again, for either thread.
      for (const client of clients) if (client.status === 'fulfilled') client.value.end();
      await until('all have gone', () => closed === 24);
      await until('there is room', async () => (await proxy.ask(port)).ok);
    }
  });

  test('check each endpoint once, and both go by what was found', async () => {
    const [good, bad] = [new Origin(), new Origin()];
    let sick = false;
    const checks = { good: 0, bad: 0 };
    good.answer = (path) => {
      if (path === '/health') checks.good += 1;
      return new Response('good');
    };
    bad.answer = (path) => {
      if (path === '/health') checks.bad += 1;
      const leaves = path === '/leave' ? { 'x-envoy-immediate-health-check-fail': 'yes' } : undefined;
      return new Response('bad', { status: sick && path === '/health' ? 503 : 200, headers: leaves ?? {} });
    };
    const port = freePort();
    const health = {
      timeout: '1s',
      interval: '0.2s',
      unhealthy_threshold: 1,
      healthy_threshold: 1,
      no_traffic_interval: '0.2s',
      no_traffic_healthy_interval: '0.2s',
      http_health_check: { path: '/health' },
    };
    const proxy = await start({
      listeners: [httpListener('main', port, 'c', null)],
      clusters: [
        cluster('c', [good.port, bad.port], {
          health_checks: [health],
          common_lb_config: { healthy_panic_threshold: { value: 0 } },
        }),
      ],
    });
    /** Who answers, over connections to both threads. */
    const asked = async () => {
      const answers = await Promise.all(times(40, () => proxy.ask(port)));
      return new Set(await Promise.all(answers.map((answer) => answer.text())));
    };
    const only = (...names: string[]) =>
      until(`only ${names.join()}`, async () => [...(await asked())].sort().join() === names.join());
    await only('bad', 'good');
    sick = true;
    await only('good');
    sick = false;
    await only('bad', 'good');
    // In a second each is asked some five times, not ten.
    const [before, startedMs] = [{ ...checks }, performance.now()];
    await Bun.sleep(1_000);
    const seconds = (performance.now() - startedMs) / 1_000;
    for (const name of ['good', 'bad'] as const) {
      expect(checks[name] - before[name]).toBeGreaterThan(1);
      expect((checks[name] - before[name]) / seconds).toBeLessThan(8);
    }
    const stats = await proxy.scrape();
    const attempts = stats.get('envoy_cluster_health_check_attempt{envoy_cluster_name="c"}') ?? 0;
    expect(Math.abs(attempts - checks.good - checks.bad)).toBeLessThan(4);
  });

  test('one that fails ends the proxy, with the code of a bug and a word on it', async () => {
    const origin = new Origin();
    const port = freePort();
    const folder = mkdtempSync(join(tmpdir(), 'weft-crash-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'crash.ts');
    writeFileSync(
      file,
      `import { isMainThread } from 'node:worker_threads';
export const name = 'crash';
export function create() {
  return {
    onRequest(request) {
      if (request.path === '/crash' && !isMainThread) setTimeout(() => { throw new Error('broken on purpose'); }, 0);
      return undefined;
    },
  };
}
`,
    );
    const crash = {
      name: 'crash',
      typed_config: {
        '@type': 'type.googleapis.com/xds.type.v3.TypedStruct',
        type_url: 'weft.dev/v1alpha1.UserFilter',
        value: { filter: 'crash' },
      },
    };
    const listener = JSON.parse(
      JSON.stringify(httpListener('main', port, 'c', null)).replace(
        '"http_filters":[',
        `"http_filters":[${JSON.stringify(crash)},`,
      ),
    ) as object;
    const resources = { listeners: [listener], clusters: [cluster('c', [origin.port])] };
    const proxy = await start(resources, {}, '--filter', file);
    expect(new Set(await statuses(times(20, () => proxy.ask(port))))).toEqual(new Set([200]));
    await until('it ended', async () => {
      await Promise.allSettled(times(10, () => proxy.ask(port, '/crash')));
      return proxy.child.exitCode !== null;
    });
    expect(proxy.child.exitCode).toBe(70);
    expect(await proxy.log).toMatch(/a thread failed; the proxy ends.*broken on purpose/);
    // Nothing of it is left: its successor has the address.
    const successor = await start(resources, {}, '--filter', file);
    expect((await successor.ask(port)).status).toBe(200);
  });

  test('write one access log, in whole lines, through a rotation, to a file and to a pipe', async () => {
    const origin = new Origin();
    const [port, piped] = [freePort(), freePort()];
    const folder = mkdtempSync(join(tmpdir(), 'weft-threads-log-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, 'access.log');
    const logTo = (path: string) => ({
      access_log: [
        {
          name: 'file',
          typed_config: {
            '@type': 'type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog',
            path,
            log_format: { json_format: { path: '%REQ(:PATH)%' } },
          },
        },
      ],
    });
    const proxy = await start({
      listeners: [
        httpListener('main', port, 'c', null, logTo(path)),
        httpListener('piped', piped, 'c', null, logTo('/dev/stdout')),
      ],
      clusters: [cluster('c', [origin.port])],
    });
    const stdout = proxy.child.stdout.text();
    const long = 'x'.repeat(2_000);
    await statuses(times(60, (at) => proxy.ask(port, `/${at}/${long}`)));
    await statuses(times(60, (at) => proxy.ask(piped, `/${at}/${long}`)));
    await until('60 lines', () => readFileSync(path, 'utf8').split('\n').length === 61);
    renameSync(path, `${path}.1`);
    proxy.child.kill('SIGHUP');
    await until('a new file', () => readFileSync(path, 'utf8') === '');
    await statuses(times(40, (at) => proxy.ask(port, `/after/${at}`)));
    proxy.child.kill('SIGTERM');
    expect(await proxy.child.exited).toBe(0);
    const pathsIn = (text: string) =>
      new Set(
        text
          .trimEnd()
          .split('\n')
          .map((line) => JSON.parse(line).path.replace(/x+$/, '')),
      );
    expect(pathsIn(readFileSync(`${path}.1`, 'utf8'))).toEqual(new Set(times(60, (at) => `/${at}/`)));
    expect(pathsIn(readFileSync(path, 'utf8'))).toEqual(new Set(times(40, (at) => `/after/${at}`)));
    expect(pathsIn(await stdout)).toEqual(new Set(times(60, (at) => `/${at}/`)));
  });

  test('obey the admin interface together', async () => {
    const origin = new Origin();
    const port = freePort();
    const proxy = await start({
      listeners: [httpListener('main', port, 'c', null)],
      clusters: [cluster('c', [origin.port])],
    });
    const post = (path: string) => fetch(`http://127.0.0.1:${proxy.admin}${path}`, { method: 'POST' });
    const closing = async () => {
      // Without the client's own wish to close.
      const answers = await Promise.all(
        times(20, () => run(['curl', '-s', '-o', '/dev/null', '-D', '-', `http://127.0.0.1:${port}/`])),
      );
      return new Set(answers.map(({ out }) => /^connection: close/im.test(out)));
    };
    expect(await closing()).toEqual(new Set([false]));
    expect((await post('/healthcheck/fail')).status).toBe(200);
    await until('both announce the end', async () => !(await closing()).has(false));
    expect((await fetch(`http://127.0.0.1:${proxy.admin}/ready`)).status).toBe(503);
    await post('/healthcheck/ok');
    await until('neither does', async () => !(await closing()).has(true));
    // As from now for both: nobody has looked at the figures since the last requests.
    await post('/reset_counters');
    const stats = await (await fetch(`http://127.0.0.1:${proxy.admin}/stats`)).text();
    expect(stats).toContain('http.main.downstream_rq_total: 0\n');
    await post('/logging?level=debug');
    await post('/quitquitquit');
    expect(await proxy.child.exited).toBe(0);
    // What the other thread says of its drain is below the level that it began with.
    expect(await proxy.log).toMatch(/"message":"drained".*"thread":2/);
  });

  test('drain together: a thread without work goes on listening while the other has some', async () => {
    const origin = new Origin();
    const release = Promise.withResolvers<void>();
    origin.answer = async (path) => {
      if (path === '/slow') await release.promise;
      return new Response('fine');
    };
    const port = freePort();
    const proxy = await start(
      { listeners: [httpListener('main', port, 'c', null)], clusters: [cluster('c', [origin.port])] },
      {},
      '--drain-time',
      '30',
    );
    const slow = proxy.ask(port, '/slow');
    await until('the slow request runs', () => origin.running === 1);
    proxy.child.kill('SIGTERM');
    await until('draining', async () => !(await fetch(`http://127.0.0.1:${proxy.admin}/ready`)).ok);
    // Longer than it takes a quiet thread to be done.
    const until2s = performance.now() + 2_000;
    while (performance.now() < until2s) {
      expect(await statuses(times(4, () => proxy.ask(port)))).toEqual([200, 200, 200, 200]);
      await Bun.sleep(100);
    }
    release.resolve();
    expect((await slow).status).toBe(200);
    expect(await proxy.child.exited).toBe(0);
  });

  test('an address of another process is found, not shared', async () => {
    const other = Bun.listen({
      hostname: '127.0.0.1',
      port: 0,
      reusePort: true,
      socket: { data() {} },
    } as Bun.TCPSocketListenOptions<undefined>);
    cleanups.push(() => other.stop(true));
    const folder = mkdtempSync(join(tmpdir(), 'weft-threads-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    const config = join(folder, 'bootstrap.json');
    const listeners = [httpListener('main', other.port, 'c', null)];
    writeFileSync(config, JSON.stringify({ static_resources: { listeners, clusters: [cluster('c', [1])] } }));
    const admin = freePort();
    const words = ['proxy', '-c', config, '--concurrency', '2', '--admin', `127.0.0.1:${admin}`];
    const child = Bun.spawn([process.execPath, main, ...words], { stdio: ['ignore', 'ignore', 'ignore'] });
    cleanups.push(async () => {
      child.kill('SIGKILL');
      await child.exited;
    });
    let text = '';
    await until('it says so', async () => {
      text = await (await fetch(`http://127.0.0.1:${admin}/ready`)).text();
      return text.includes('EADDRINUSE');
    });
    expect(text).toContain('INITIALIZING');
  });

  test('as many threads as are too many are refused', async () => {
    const { code, err } = await run([process.execPath, main, 'proxy', '-c', 'none', '--concurrency', '65']);
    expect([code, err.includes('must be 1 to 64')]).toEqual([64, true]);
  });
});

/** A control plane in the test's hands, and when the proxy took what it sent. */
class ControlPlane {
  readonly source = new TestSource();
  readonly nacks: string[] = [];
  onAck: (typeUrl: string, version: string) => void = () => {};
  readonly port: number;
  readonly close: () => Promise<void>;

  constructor() {
    const clock = createSystemClock();
    const server = new AdsServer({
      clock,
      log: silentLog,
      snapshotFor: () => this.source,
      observer: {
        onStream() {},
        onNack: ({ message }) => void this.nacks.push(message),
        onRefused() {},
        onResolved() {},
        onAck: (_node, typeUrl, version) => this.onAck(typeUrl, version),
      },
    });
    const address: Address = { kind: 'ip', host: '127.0.0.1', port: 0 };
    const listener = serveGrpcAds({ network: createBunNetwork(), clock, server, address });
    this.port = listener.address.kind === 'ip' ? listener.address.port : 0;
    this.close = () => listener.close(200);
    cleanups.push(this.close);
  }

  publish(...resources: readonly XdsResource[]): void {
    this.source.set(createSnapshot(resources, this.source.current()));
  }

  /** What makes a bootstrap follow it. */
  get bootstrap(): object {
    const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: this.port } } };
    return {
      node: { id: 'edge', cluster: 'edge' },
      dynamic_resources: {
        ads_config: {
          api_type: 'DELTA_GRPC',
          transport_api_version: 'V3',
          grpc_services: [{ envoy_grpc: { cluster_name: 'control' } }],
        },
        cds_config: { ads: {}, resource_api_version: 'V3' },
        lds_config: { ads: {}, resource_api_version: 'V3' },
      },
      static_resources: {
        clusters: [
          {
            name: 'control',
            type: 'STATIC',
            typed_extension_protocol_options: {
              'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
                '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
                explicit_http_config: { http2_protocol_options: {} },
              },
            },
            load_assignment: { cluster_name: 'control', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
          },
        ],
      },
    };
  }
}

describe.skipIf(process.platform !== 'linux')('two threads under one control plane', () => {
  const meshOf = (
    port: number,
    route: string,
    origins: Readonly<Record<string, number>>,
    version: string,
  ) => [
    ...Object.entries(origins).flatMap(([name, at]) => [
      resourceOf(typeUrls.cluster, name, clusterJson(name)),
      resourceOf(typeUrls.endpoint, name, endpointsJson(name, at)),
    ]),
    resourceOf(typeUrls.listener, 'main', listenerJson('main', 'r', port)),
    resourceOf(
      typeUrls.route,
      'r',
      {
        name: 'r',
        virtualHosts: [
          { name: 'v', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: route } }] },
        ],
      },
      version,
    ),
  ];

  test('both have a change in force before it is acknowledged, and serve the last good one without it', async () => {
    const control = new ControlPlane();
    const [old, fresh] = [new Origin(), new Origin()];
    const port = freePort();
    const origins = { old: old.port, fresh: fresh.port };
    control.publish(...meshOf(port, 'old', origins, '1'));
    const state = mkdtempSync(join(tmpdir(), 'weft-threads-state-'));
    cleanups.push(() => rmSync(state, { recursive: true, force: true }));
    const proxy = await start({}, control.bootstrap, '--state-dir', state);
    await statuses(times(20, () => proxy.ask(port)));
    expect([old.paths.length, fresh.paths.length]).toEqual([20, 0]);
    // Back and forth: whatever comes after an ACK is served by what it acknowledges, on either thread.
    for (let round = 0; round < 6; round++) {
      const [target, other] = round % 2 === 0 ? [fresh, old] : [old, fresh];
      const before = [target.paths.length, other.paths.length] as const;
      const acked = Promise.withResolvers<void>();
      control.onAck = (typeUrl) => typeUrl === typeUrls.route && acked.resolve();
      control.publish(...meshOf(port, target === fresh ? 'fresh' : 'old', origins, `${round + 2}`));
      await acked.promise;
      await statuses(times(24, () => proxy.ask(port)));
      expect([target.paths.length, other.paths.length]).toEqual([before[0] + 24, before[1]]);
    }
    expect(control.nacks).toEqual([]);

    // The control plane is away, and the proxy starts anew.
    await until('the last good configuration is on disk', () => readdirSync(state).length > 0);
    await control.close();
    proxy.child.kill('SIGTERM');
    expect(await proxy.child.exited).toBe(0);
    const again = await start({}, control.bootstrap, '--state-dir', state);
    const before = old.paths.length;
    expect(new Set(await statuses(times(40, () => again.ask(port))))).toEqual(new Set([200]));
    expect(old.paths.length - before).toBe(40);
    const stats = await again.scrape();
    for (const thread of ['1', '2'])
      expect(stats.get(`weft_thread_requests_total{thread="${thread}"}`)).toBeGreaterThan(3);
  });

  test('what cannot be served is refused, and the rest goes on', async () => {
    const control = new ControlPlane();
    const origin = new Origin();
    const taken = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    cleanups.push(() => taken.stop(true));
    const port = freePort();
    const mesh = meshOf(port, 'c', { c: origin.port }, '1');
    control.publish(...mesh);
    const proxy = await start({}, control.bootstrap);
    control.publish(...mesh, resourceOf(typeUrls.listener, 'late', listenerJson('late', 'r', taken.port)));
    await until('it is refused', () => control.nacks.length > 0);
    expect(control.nacks[0]).toContain('EADDRINUSE');
    const next = freePort();
    control.publish(...mesh, resourceOf(typeUrls.listener, 'late', listenerJson('late', 'r', next), '2'));
    await until('it is served', async () => (await proxy.ask(next)).ok);
    expect(await statuses(times(20, (at) => proxy.ask(at % 2 === 0 ? port : next)))).toEqual(
      times(20, () => 200),
    );
  });
});

describeWith(['wrk'], 'two threads under load', () => {
  test('lose no request, and count each', async () => {
    const origin = new Origin();
    const port = freePort();
    const proxy = await start({
      listeners: [httpListener('main', port, 'c', null)],
      clusters: [cluster('c', [origin.port])],
    });
    const { out } = await run(['wrk', '-t1', '-c48', '-d2', `http://127.0.0.1:${port}/`]);
    const [, requests] = /(\d+) requests in/.exec(out) ?? [];
    expect(out).not.toContain('Socket errors');
    expect(out).not.toContain('Non-2xx');
    await until('all are counted', async () => {
      const stats = await proxy.scrape();
      return stats.get('envoy_http_downstream_rq_active{envoy_http_conn_manager_prefix="main"}') === 0;
    });
    const stats = await proxy.scrape();
    const counted = stats.get('envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="main"}')!;
    // wrk leaves with requests on their way, which it does not count.
    expect(counted).toBeGreaterThanOrEqual(Number(requests));
    expect(counted).toBeLessThanOrEqual(Number(requests) + 48);
  });
});
