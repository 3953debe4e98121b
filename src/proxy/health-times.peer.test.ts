// When active health checks run, beside Envoy under the same bootstrap: each interval by itself, what a check is asked
// with, over which connections, and what the event log says of it. All cases run at once, each on a path of its own.

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { type Side, sides } from './testing/side-by-side.ts';
import { httpListener, startTlsProxy, type TlsProxy } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

interface Case {
  readonly check?: object;
  readonly http?: object;
  /** What it answers, one after the other; the last one from then on. */
  readonly answers?: readonly number[];
  /** Requests go to the cluster too. */
  readonly traffic?: true;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Far apart, so that a check that comes late on a busy machine is not taken for another interval's. */
const ms = { short: 150, middle: 450, long: 1_000 } as const;
const seconds = (value: number) => `${value / 1_000}s`;
const { short, middle, long } = {
  short: seconds(ms.short),
  middle: seconds(ms.middle),
  long: seconds(ms.long),
};
const never = '60s';

const cases: Readonly<Record<string, Case>> = {
  interval: { traffic: true, check: { interval: middle } },
  no_traffic_interval: { check: { interval: never, no_traffic_interval: short } },
  no_traffic_healthy_interval: {
    check: { interval: never, no_traffic_interval: never, no_traffic_healthy_interval: short },
  },
  'no_traffic_interval of who fails': {
    answers: [503],
    check: { interval: never, no_traffic_interval: short, no_traffic_healthy_interval: never },
  },
  unhealthy_interval: {
    traffic: true,
    answers: [503],
    check: { interval: never, no_traffic_interval: short, unhealthy_interval: short },
  },
  'the edges, down': {
    traffic: true,
    answers: [200, 200, 503, 503, 503],
    check: { interval: short, unhealthy_edge_interval: long, unhealthy_interval: middle },
  },
  'the edges, up': {
    traffic: true,
    answers: [503, 503, 200, 200, 200],
    check: { interval: short, unhealthy_interval: short, healthy_edge_interval: long },
  },
  'thresholds, down': {
    traffic: true,
    answers: [200, 503, 503, 503, 503],
    check: {
      interval: short,
      unhealthy_threshold: 3,
      unhealthy_edge_interval: long,
      unhealthy_interval: middle,
    },
  },
  'thresholds, up': {
    traffic: true,
    answers: [503, 200, 200, 200, 200, 200],
    check: { interval: middle, unhealthy_interval: short, healthy_edge_interval: long, healthy_threshold: 3 },
  },
  'a jitter': { traffic: true, check: { interval: short, interval_jitter: '0.05s' } },
  'a jitter in percent': { traffic: true, check: { interval: short, interval_jitter_percent: 30 } },
  'a first jitter': { traffic: true, check: { interval: short, initial_jitter: '0.1s' } },
  'reuse_connection: false': { traffic: true, check: { interval: short, reuse_connection: false } },
  expected_statuses: {
    traffic: true,
    answers: [204, 299, 404, 300],
    check: { interval: short, unhealthy_interval: middle, unhealthy_edge_interval: middle },
    http: {
      expected_statuses: [
        { start: 204, end: 205 },
        { start: 299, end: 300 },
        { start: 404, end: 405 },
      ],
    },
  },
  retriable_statuses: {
    traffic: true,
    answers: [200, 429, 429, 429],
    check: {
      interval: short,
      unhealthy_threshold: 3,
      unhealthy_edge_interval: long,
      unhealthy_interval: middle,
    },
    http: { retriable_statuses: [{ start: 429, end: 430 }] },
  },
  'a service by its name': {
    traffic: true,
    headers: { 'x-envoy-upstream-healthchecked-cluster': 'payments-1' },
    check: { interval: short, unhealthy_interval: middle },
    http: { service_name_matcher: { prefix: 'payments' } },
  },
  'another service': {
    traffic: true,
    headers: { 'x-envoy-upstream-healthchecked-cluster': 'ledger-1' },
    check: { interval: short, unhealthy_interval: middle },
    http: { service_name_matcher: { prefix: 'payments' } },
  },
  'no service': {
    traffic: true,
    check: { interval: short, unhealthy_interval: middle },
    http: { service_name_matcher: { prefix: 'payments' } },
  },
  'what it asks with': {
    traffic: true,
    check: { interval: short },
    http: {
      method: 'HEAD',
      host: 'checked.example',
      request_headers_to_add: [
        { header: { key: 'x-check', value: 'one' } },
        { header: { key: 'x-check', value: 'two' }, append_action: 'ADD_IF_ABSENT' },
        { header: { key: 'X-Other', value: 'one' } },
        { header: { key: 'x-other', value: 'two' }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
        { header: { key: 'x-none', value: 'two' }, append_action: 'OVERWRITE_IF_EXISTS' },
        { header: { key: 'user-agent', value: 'checker' }, append_action: 'OVERWRITE_IF_EXISTS' },
        { header: { key: 'x-envoy-nothing', value: 'left' } },
      ],
      request_headers_to_remove: ['X-Envoy-Nothing'],
    },
  },
  'a user agent removed': {
    traffic: true,
    check: { interval: short },
    http: { request_headers_to_remove: ['User-Agent'] },
  },
  degraded: {
    traffic: true,
    answers: [299, 200, 299, 200, 299],
    check: { interval: short },
    http: { expected_statuses: [{ start: 200, end: 300 }] },
  },
  'a log of all': {
    traffic: true,
    answers: [200, 503, 503, 200, 200],
    check: {
      interval: short,
      always_log_health_check_failures: true,
      always_log_health_check_success: true,
      unhealthy_threshold: 2,
      healthy_threshold: 2,
    },
  },
  'a log of changes': {
    traffic: true,
    answers: [503, 503, 200, 503, 200],
    check: { interval: short },
  },
};

const keyOf = (name: string) => name.replace(/\W+/g, '-');

interface Check {
  readonly atMs: number;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: unknown;
}

/** The endpoint of all clusters of one side, each on a path of its own. */
class Backend {
  readonly checks = new Map<string, Check[]>();
  port = 0;
  /** Answers begin at their first; before, everybody is well who begins so. */
  begun = false;
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      const key = request.url?.slice(1) ?? '';
      const found = Object.entries(cases).find(([name]) => keyOf(name) === key);
      if (found === undefined) return void response.end('ok');
      const [name, { answers = [200], headers = {} }] = found;
      const { method = '', headers: fields, socket } = request;
      if (this.begun) this.of(name).push({ atMs: performance.now(), method, headers: fields, socket });
      const status = answers[Math.min(Math.max(this.of(name).length - 1, 0), answers.length - 1)] ?? 200;
      const degraded = status === 299 && name === 'degraded' ? { 'x-envoy-degraded': '1' } : {};
      response.writeHead(status, { ...headers, ...degraded }).end();
    });
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    const address = this.server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  of(name: string): Check[] {
    const known = this.checks.get(name) ?? [];
    this.checks.set(name, known);
    return known;
  }

  /** Between checks, each as the longest of the intervals that it is not shorter than. */
  gaps(name: string): readonly string[] {
    const times = this.of(name).map(({ atMs }) => atMs);
    return times.slice(1).map((atMs, index) => {
      const gap = atMs - (times[index] ?? 0) + 30;
      return gap >= ms.long ? 'long' : gap >= ms.middle ? 'middle' : gap >= ms.short ? 'short' : 'less';
    });
  }
}

function bootstrap(folder: string, listenerPort: number, port: number): object {
  const clusters = Object.entries(cases).map(([name, { check, http }]) => ({
    name: keyOf(name),
    type: 'STATIC',
    connect_timeout: '5s',
    health_checks: [
      {
        timeout: '5s',
        unhealthy_threshold: 1,
        healthy_threshold: 1,
        interval: short,
        no_traffic_interval: short,
        ...check,
        http_health_check: { path: `/${keyOf(name)}`, ...http },
        event_logger: [
          {
            name: 'file',
            typed_config: {
              '@type':
                'type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink',
              event_log_path: join(folder, keyOf(name)),
            },
          },
        ],
      },
    ],
    load_assignment: {
      cluster_name: keyOf(name),
      endpoints: [
        {
          locality: { region: 'r', zone: 'z', sub_zone: 's' },
          lb_endpoints: [{ endpoint: { address: socketAddress(port) } }],
        },
      ],
    },
  }));
  const listener = httpListener('checks', listenerPort, '', null, {}) as {
    filter_chains: { filters: { typed_config: { route_config: object } }[] }[];
  };
  const routes = [{ match: { prefix: '/' }, route: { cluster_header: 'x-cluster' } }];
  listener.filter_chains[0]!.filters[0]!.typed_config.route_config = {
    name: 'checks',
    virtual_hosts: [{ name: 'checks', domains: ['*'], routes }],
  };
  return { static_resources: { listeners: [listener], clusters } };
}

describeWith(['envoy'], 'times of health checks, beside Envoy', () => {
  const root = mkdtempSync(join(tmpdir(), 'weft-health-'));
  let folders: Readonly<Record<Side, string>>;
  let backends: Readonly<Record<Side, Backend>>;
  let envoy: Envoy;
  let weft: TlsProxy;

  /** A machine that was busy for a moment makes checks late, though not those of the same times thrice. */
  beforeAll(async () => {
    for (let round = 0; round < 3; round++) {
      await play();
      if (Object.keys(cases).every((name) => Bun.deepEquals(gaps('weft', name), gaps('envoy', name)))) return;
      if (round < 2) await stop();
    }
  });

  const gaps = (side: Side, name: string) => backends[side].gaps(name).slice(0, 5);

  async function play(): Promise<void> {
    folders = { envoy: mkdtempSync(join(root, 'envoy')), weft: mkdtempSync(join(root, 'weft')) };
    backends = { envoy: new Backend(), weft: new Backend() };
    const envoyPort = freePort();
    await Promise.all(sides.map((side) => backends[side].start()));
    envoy = await startEnvoy(bootstrap(folders.envoy, envoyPort, backends.envoy.port));
    weft = startTlsProxy(bootstrap(folders.weft, freePort(), backends.weft.port));
    const { proxy } = weft;
    await until('ready', () => proxy.ready);
    const ports = { envoy: envoyPort, weft: weft.portOf('checks') };
    for (const [name, { traffic }] of Object.entries(cases))
      for (const side of sides)
        if (traffic)
          await fetch(`http://127.0.0.1:${ports[side]}/`, { headers: { 'x-cluster': keyOf(name) } });
    for (const side of sides) backends[side].begun = true;
    await until('six checks of each', () =>
      Object.keys(cases).every((name) => sides.every((side) => backends[side].of(name).length >= 6)),
    );
  }

  async function stop(): Promise<void> {
    await weft?.proxy.stop();
    await envoy?.stop();
    for (const side of sides) backends[side].stop();
  }

  afterAll(async () => {
    await stop();
    rmSync(root, { recursive: true, force: true });
  });

  describe('the checks of', () => {
    for (const name of Object.keys(cases))
      test(name, () => {
        expect(gaps('weft', name)).toEqual(gaps('envoy', name));
      });
  });

  test.each(['reuse_connection: false', 'interval'])('connections of %s', (name) => {
    const told = (side: Side) => {
      const sockets = backends[side].of(name).slice(0, 6);
      return new Set(sockets.map(({ socket }) => socket)).size;
    };
    expect(told('weft')).toBe(told('envoy'));
    expect(told('weft')).toBe(name === 'interval' ? 1 : 6);
  });

  test.each(['what it asks with', 'a user agent removed'])(
    'the method, the host, and headers: %s',
    (name) => {
      const told = (side: Side) => {
        const [check] = backends[side].of(name);
        return { method: check?.method, headers: check?.headers };
      };
      expect(told('weft')).toEqual(told('envoy'));
    },
  );

  /** Lines of an event log without when and where; what is said twice in a row is said once. */
  function events(side: Side, name: string): readonly unknown[] {
    let text = '';
    try {
      text = readFileSync(join(folders[side], keyOf(name)), 'utf8');
    } catch {}
    const lines = text.split('\n').slice(0, -1);
    const told = lines.map((line) => {
      const event = JSON.parse(line) as Record<string, unknown>;
      expect(event['timestamp']).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      const { timestamp, host, ...rest } = event;
      return rest;
    });
    return told.filter((event, at) => at === 0 || !Bun.deepEquals(event, told[at - 1]));
  }

  for (const name of Object.keys(cases))
    test(`the event log of ${name}`, async () => {
      // Envoy's is not written at once.
      await until(
        'the same lines',
        () => Bun.deepEquals(events('envoy', name), events('weft', name)),
        2_000,
      ).catch(() => {});
      expect(events('weft', name)).toEqual(events('envoy', name));
    });

  test('both find the same of each at last', async () => {
    const found = async (port: number) =>
      [
        ...(await (await fetch(`http://127.0.0.1:${port}/clusters`)).text()).matchAll(
          /^(.+)::[\d.:]+::health_flags::(.*)$/gm,
        ),
      ]
        .map(([, name, flags]) => `${name} ${flags}`)
        .sort();
    const theirs = await found(envoy.adminPort);
    expect(theirs).toHaveLength(Object.keys(cases).length);
    expect(await found(weft.adminPort)).toEqual(theirs);
  });
});
