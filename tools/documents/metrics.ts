// docs/metrics.md: what a proxy exports, read off a real scrape of a proxy in memory that has served one request.

import {
  clusterJson,
  endpointsJson,
  listenerJson,
  resourceOf,
  routesJson,
} from '../../src/proxy/config/testing/resources.ts';
import { bootstrapOf, WholeProxy } from '../../src/proxy/testing/whole-proxy.ts';
import { typeUrls } from '../../src/xds/index.ts';

interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly labels: Set<string>;
}

const listenPort = 15_001;

const introduction = `# Metrics of a proxy

Made from a scrape by \`npm run documents\`. Served at \`/stats/prometheus\` on the admin port and on the readiness port. Names that start with \`envoy_\` and their labels are Envoy's, so that dashboards
carry over (times in them are milliseconds); those with \`weft_\` are our own (seconds). Label values come from configuration, never from callers. A scrape holds at most 50,000 series: the rest is added up under the label value
\`other\`, and \`weft_metrics_folded_total\` counts what was. A scrape of hundreds of clusters is written in slices between requests.
`;

export async function generateMetrics(): Promise<string> {
  const families = parseFamilies(scrape());
  const rows = families.map(
    ({ name, type, help, labels }) =>
      `| \`${name}\` | ${type} | ${[...labels].map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  return `${introduction}\n| name | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

/** One request, and the counters that show only when they have counted. */
function scrape(): string {
  const bootstrap = bootstrapOf(JSON.stringify(bootstrapJson));
  const world = new WholeProxy({
    bootstrap,
    process: {
      startedWallMs: 0,
      cpuSeconds: () => 0,
      heapBytes: () => ({ used: 0, total: 0 }),
      residentBytes: () => 0,
    },
  });
  world.publish([
    resourceOf(typeUrls.listener, 'out', listenerJson('out', 'r', listenPort)),
    resourceOf(typeUrls.route, 'r', routesJson('r', ['a'])),
    resourceOf(typeUrls.cluster, 'a', clusterJson('a')),
    resourceOf(typeUrls.endpoint, 'a', endpointsJson('a', 9000)),
  ]);
  world.ask('GET', '/a', listenPort);
  const stats = world.proxy.view.clusters.get('a')?.stats;
  stats?.countRetry('unsent');
  if (stats !== undefined) stats.refusedUnsent = 1;
  return world.body('/stats/prometheus');
}

const xdsAddress = { socket_address: { address: '127.0.0.1', port_value: 15_010 } };

const bootstrapJson = {
  node: { id: 'sidecar~a-0.default' },
  dynamic_resources: {
    lds_config: { ads: {} },
    cds_config: { ads: {} },
    ads_config: {
      api_type: 'DELTA_GRPC',
      transport_api_version: 'V3',
      grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
    },
  },
  static_resources: {
    clusters: [
      {
        name: 'xds',
        http2_protocol_options: {},
        load_assignment: {
          cluster_name: 'xds',
          endpoints: [{ lb_endpoints: [{ endpoint: { address: xdsAddress } }] }],
        },
      },
    ],
  },
};

function parseFamilies(text: string): readonly Family[] {
  const families = new Map<string, Family>();
  let help = '';
  let current: Family | null = null;
  for (const line of text.split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment?.[1] === 'HELP') help = comment[3]!;
    else if (comment !== null) {
      current = { name: comment[2]!, type: comment[3]!, help, labels: new Set() };
      families.set(current.name, current);
    } else {
      for (const [, label] of line.matchAll(/[{,]([a-z_]+)="/g))
        if (label !== 'le') current?.labels.add(label!);
    }
  }
  return [...families.values()];
}
