// Admin pages beside a real Envoy's, same bootstrap and traffic: whatever Envoy's JSON has, ours has under the same
// name and of the same type, but for what is listed here.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { describeWith, freePort, type Program, startProgram } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { managerFilter, staticCluster } from '../testing/envoy-pair.ts';

setDefaultTimeout(60_000);

/** What a Weft has no such thing for. */
const without: readonly RegExp[] = [
  /\.node\.(user_agent_build_version|extensions|client_features|listening_addresses|dynamic_parameters)$/,
  // The parsed bootstrap is shown as it was written: Envoy adds itself to the node.
  /\.bootstrap\.node\.user_agent_name$/,
  /^\.command_line_options\./,
  // Retries are bounded by a budget; its breaker is in the metrics.
  /circuit_breakers\.thresholds\[0\]\.(max_retries|priority)$/,
  /^\.total_thread_cache$/,
];

const pages = [
  '/server_info',
  '/clusters?format=json',
  '/listeners?format=json',
  '/config_dump',
  '/config_dump?include_eds',
  '/config_dump?resource=static_clusters',
  '/config_dump?resource=static_listeners',
  '/config_dump?resource=static_clusters&mask=cluster.name',
  '/config_dump?mask=bootstrap.static_resources.clusters',
  '/config_dump?name_regex=origin',
  '/config_dump?name_regex=nobody',
  '/certs',
  '/memory',
  '/runtime',
  '/init_dump',
  '/stats?format=json',
];

/** The least that Envoy spreads draining over at all. */
const drainTime = ['--drain-time-s', '2'];

/** With what both answer. */
const statuses: readonly (readonly [method: string, page: string])[] = [
  ['GET', '/config_dump?resource=nothing'],
  ['GET', '/config_dump?mask=a-b'],
  ['GET', '/config_dump?name_regex=('],
  ['GET', '/stats?histogram_buckets=wrong'],
  ['GET', '/stats?histogram_buckets=cumulative'],
  ['GET', '/stats?histogram_buckets=disjoint&format=json'],
  ['GET', '/stats/prometheus?text_readouts'],
  ['GET', '/nothing'],
  ['GET', '/logging'],
  ['GET', '/quitquitquit'],
  ['GET', '/reset_counters'],
  ['POST', '/reset_counters'],
  ['POST', '/reopen_logs'],
  ['POST', '/runtime_modify?a=b'],
  ['POST', '/logging?level=warning'],
  ['POST', '/logging?level=off'],
  ['POST', '/logging?level=error'],
  ['POST', '/logging?level=nothing'],
  ['GET', '/hot_restart_version'],
  ['GET', '/contention'],
  ['GET', '/help'],
];

/** Paths under which `theirs` has something that `ours` lacks or has of another type. */
function missing(theirs: unknown, ours: unknown, path = ''): readonly string[] {
  if (theirs === null || without.some((pattern) => pattern.test(path))) return [];
  const [wanted, found] = [typeOf(theirs), typeOf(ours)];
  if (wanted !== found) return [`${path}: ${wanted}, not ${found}`];
  if (Array.isArray(theirs))
    return theirs.length === 0 ? [] : missing(theirs[0], (ours as readonly unknown[])[0], `${path}[0]`);
  if (wanted !== 'object') return [];
  return Object.entries(theirs as object).flatMap(([key, value]) =>
    missing(value, (ours as Readonly<Record<string, unknown>>)[key], `${path}.${key}`),
  );
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? 'list' : value === null || value === undefined ? 'nothing' : typeof value;
}

describeWith(['envoy'], 'admin pages beside Envoy', () => {
  const [theirPort, ownPort, admin] = [freePort(), freePort(), freePort()];
  let backend: Bun.Server<undefined>;
  let envoy: Envoy;
  let weft: Program;

  const bootstrap = (port: number) => ({
    node: { id: 'n', cluster: 'c', locality: { zone: 'z' } },
    static_resources: {
      listeners: [
        {
          name: 'edge',
          address: socketAddress(port),
          filter_chains: [
            {
              filters: [
                managerFilter({
                  route_config: {
                    name: 'r',
                    virtual_hosts: [
                      {
                        name: 'v',
                        domains: ['*'],
                        routes: [{ match: { prefix: '/' }, route: { cluster: 'origin' } }],
                      },
                    ],
                  },
                }),
              ],
            },
          ],
        },
      ],
      clusters: [staticCluster('origin', backend.port ?? 0)],
    },
  });

  beforeAll(async () => {
    backend = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('ok') });
    envoy = await startEnvoy(bootstrap(theirPort), drainTime);
    weft = await startProgram({
      command(folder) {
        const path = join(folder, 'weft.json');
        writeFileSync(
          path,
          JSON.stringify({ ...bootstrap(ownPort), admin: { address: socketAddress(admin) } }),
        );
        return [
          join(import.meta.dir, '../../../bin/weft'),
          'proxy',
          '-c',
          path,
          '--log-level',
          'error',
          ...drainTime,
        ];
      },
      ready: async () => (await fetch(`http://127.0.0.1:${admin}/ready`)).ok,
    });
    for (const port of [theirPort, ownPort]) await (await fetch(`http://127.0.0.1:${port}/`)).text();
  });

  afterAll(async () => {
    await weft?.stop();
    await envoy?.stop();
    await backend?.stop(true);
  });

  for (const page of pages)
    test(`GET ${page}: the same names and types`, async () => {
      const [theirs, ours] = await Promise.all(
        [envoy.adminPort, admin].map(async (port) => (await fetch(`http://127.0.0.1:${port}${page}`)).json()),
      );
      const lists = [theirs, ours].map((each) => dumpTypes(each));
      expect(lists[1]).toEqual(expect.arrayContaining(lists[0] ?? []));
      expect(missing(theirs, ours)).toEqual([]);
    });

  for (const [method, page] of statuses)
    test(`${method} ${page}: the same status`, async () => {
      const [theirs, ours] = await Promise.all(
        [envoy.adminPort, admin].map(
          async (port) => (await fetch(`http://127.0.0.1:${port}${page}`, { method })).status,
        ),
      );
      expect(ours).toBe(theirs);
    });

  // Envoy counts whole seconds: of two it tells half of the clients in the first, and everybody in what comes after.
  test('graceful&skip_exit: some are told at first, all at last, and new connections are still taken', async () => {
    const url = (port: number) => `http://127.0.0.1:${port}/drain_listeners?graceful&skip_exit`;
    const ports = [theirPort, ownPort];
    const asked = await Promise.all(
      [envoy.adminPort, admin].map((port) => fetch(url(port), { method: 'POST' })),
    );
    expect(asked.map(({ status }) => status)).toEqual([200, 200]);
    const early = await Promise.all(ports.map((port) => shareTold(port, 30)));
    for (const share of early) expect(share).toBeLessThan(1);
    for (const port of ports) await until('everybody is told', async () => (await shareTold(port, 8)) === 1);
  });

  test('a reset lets the counters of /stats begin at 0, and those of Prometheus go on', async () => {
    const read = async (page: string) => (await fetch(`http://127.0.0.1:${admin}${page}`)).text();
    const ask = async () => (await fetch(`http://127.0.0.1:${ownPort}/`)).text();
    await ask();
    const total = Number(
      /rq_total: (\d+)/.exec(await read('/stats?filter=http.edge.downstream_rq_total'))?.[1],
    );
    expect(total).toBeGreaterThan(1);
    await fetch(`http://127.0.0.1:${admin}/reset_counters`, { method: 'POST' });
    await ask();
    expect(await read('/stats?filter=http.edge.downstream_rq_total')).toBe(
      'http.edge.downstream_rq_total: 1\n',
    );
    const scrape = await read('/stats/prometheus?filter=envoy_http_downstream_rq_total');
    expect(Number(/\} (\d+)/.exec(scrape)?.[1])).toBeGreaterThan(total);
  });

  test('inboundonly: an edge is no inbound listener, and goes on', async () => {
    await fetch(`http://127.0.0.1:${admin}/drain_listeners?inboundonly`, { method: 'POST' });
    expect((await fetch(`http://127.0.0.1:${ownPort}/`)).status).toBe(200);
  });
});

/** Of new connections, the share whose first answer says that it is the last. */
async function shareTold(port: number, connections: number): Promise<number> {
  const told = await Promise.all(
    Array.from({ length: connections }, async () => {
      const { headers, status } = await fetch(`http://127.0.0.1:${port}/`, {
        keepalive: false,
        headers: { connection: 'keep-alive' },
      });
      expect(status).toBe(200);
      return headers.get('connection') === 'close';
    }),
  );
  return told.filter(Boolean).length / connections;
}

/** Of a /config_dump; order does not count. */
function dumpTypes(page: unknown): readonly unknown[] {
  const configs = (page as { configs?: readonly { '@type'?: string }[] }).configs ?? [];
  // What Envoy has without a control plane to have it from.
  const empty = ['ScopedRoutesConfigDump', 'SecretsConfigDump'];
  return configs
    .map((config) => config['@type'])
    .filter((type) => !empty.some((name) => type?.endsWith(name)));
}
