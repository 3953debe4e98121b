// Outlier detection with failures played, beside Envoy under the same bootstrap: of three endpoints one fails, and what
// was ejected for what cause has to be the same.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { type Envoy, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { httpListener, startTlsProxy, type TlsProxy } from './testing/tls-proxy.ts';

setDefaultTimeout(60_000);

interface Case {
  /** The failing endpoint's answer; null: nobody listens there. */
  readonly answer: number | null;
  readonly settings: object;
  /** The cause for which one is ejected; null: none is. */
  readonly cause: string | null;
}

const unheeded = { enforcing_consecutive_5xx: 0, enforcing_success_rate: 0 };
const few = { failure_percentage_minimum_hosts: 3, failure_percentage_request_volume: 3 };
const rate = {
  success_rate_minimum_hosts: 3,
  success_rate_request_volume: 3,
  success_rate_stdev_factor: 1000,
};

const cases: Readonly<Record<string, Case>> = {
  'answers of 500': { answer: 500, settings: { consecutive_5xx: 3 }, cause: 'consecutive_5xx' },
  'answers of 404 are none': { answer: 404, settings: { consecutive_5xx: 3 }, cause: null },
  'a cause that is not enforced': { answer: 500, settings: { consecutive_5xx: 3, ...unheeded }, cause: null },
  'answers of a gateway': {
    answer: 503,
    settings: { ...unheeded, consecutive_gateway_failure: 3, enforcing_consecutive_gateway_failure: 100 },
    cause: 'consecutive_gateway_failure',
  },
  'answers of 500 are none of a gateway': {
    answer: 500,
    settings: { ...unheeded, consecutive_gateway_failure: 3, enforcing_consecutive_gateway_failure: 100 },
    cause: null,
  },
  'connections that fail, apart': {
    answer: null,
    settings: { split_external_local_origin_errors: true, consecutive_local_origin_failure: 3 },
    cause: 'consecutive_local_origin_failure',
  },
  'connections that fail, among the others': {
    answer: null,
    settings: { consecutive_5xx: 3 },
    cause: 'consecutive_5xx',
  },
  'a percentage of failures': {
    answer: 500,
    settings: { ...unheeded, ...few, enforcing_failure_percentage: 100 },
    cause: 'failure_percentage',
  },
  'a rate of success': {
    answer: 500,
    settings: { ...unheeded, ...rate, enforcing_success_rate: 100 },
    cause: 'success_rate',
  },
};

const keyOf = (name: string) => name.replace(/\W+/g, '-');

function bootstrap(listenerPort: number, portOf: (answer: number | null) => number): object {
  const clusters = Object.entries(cases).map(([name, { answer, settings }]) => ({
    name: keyOf(name),
    type: 'STATIC',
    connect_timeout: '1s',
    outlier_detection: {
      interval: '0.3s',
      base_ejection_time: '300s',
      max_ejection_percent: 50,
      ...settings,
    },
    load_assignment: {
      cluster_name: keyOf(name),
      endpoints: [
        {
          lb_endpoints: [portOf(200), portOf(201), portOf(answer)].map((port_value) => ({
            endpoint: { address: { socket_address: { address: '127.0.0.1', port_value } } },
          })),
        },
      ],
    },
  }));
  const listener = httpListener('outlier', listenerPort, '', null, {}) as {
    filter_chains: { filters: { typed_config: { route_config: object } }[] }[];
  };
  const routes = [{ match: { prefix: '/' }, route: { cluster_header: 'x-cluster' } }];
  listener.filter_chains[0]!.filters[0]!.typed_config.route_config = {
    name: 'outlier',
    virtual_hosts: [{ name: 'outlier', domains: ['*'], routes }],
  };
  return { static_resources: { listeners: [listener], clusters } };
}

/** What was ejected for what cause; causes that ejected none are left out. */
async function ejections(adminPort: number, cluster: string): Promise<Readonly<Record<string, number>>> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats/prometheus`)).text();
  const lines = text.matchAll(
    /^envoy_cluster_outlier_detection_(ejections_(?:enforced|active)\w*)\{(.*)\} (\d+)$/gm,
  );
  return Object.fromEntries(
    [...lines].flatMap(([, name = '', labels, value]) =>
      labels === `envoy_cluster_name="${cluster}"` && value !== '0' ? [[name, Number(value)]] : [],
    ),
  );
}

/** Enough for each endpoint to be met ten times. */
async function play(port: number, cluster: string): Promise<void> {
  for (let asked = 0; asked < 30; asked++) {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-cluster': cluster } });
    await response.arrayBuffer();
  }
}

describeWith(['envoy'], 'outlier detection, beside Envoy', () => {
  const servers = [200, 201, 404, 500, 503].map((status) => ({
    status,
    server: Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('', { status }) }),
  }));
  const closed = freePort();
  const portOf = (answer: number | null) =>
    servers.find(({ status }) => status === answer)?.server.port ?? closed;
  const envoyPort = freePort();
  let envoy: Envoy;
  let weft: TlsProxy;

  beforeAll(async () => {
    envoy = await startEnvoy(bootstrap(envoyPort, portOf));
    weft = startTlsProxy(bootstrap(freePort(), portOf));
    await until('ready', () => weft.proxy.ready);
  });

  afterAll(async () => {
    await weft.proxy.stop();
    await envoy.stop();
    for (const { server } of servers) await server.stop(true);
  });

  test.each(Object.entries(cases))('%s', async (name, { cause }) => {
    const cluster = keyOf(name);
    const expected =
      cause === null
        ? {}
        : { ejections_active: 1, ejections_enforced_total: 1, [`ejections_enforced_${cause}`]: 1 };
    const sides = [
      { port: envoyPort, admin: envoy.adminPort },
      { port: weft.portOf('outlier'), admin: weft.adminPort },
    ];
    for (const { port, admin } of sides) {
      await play(port, cluster);
      // Rates are judged by what one interval saw, which on a slow machine may be too few.
      if (cause !== null)
        await until('one is ejected', async () => {
          if ('ejections_active' in (await ejections(admin, cluster))) return true;
          await play(port, cluster);
          return false;
        });
      expect(await ejections(admin, cluster)).toEqual(expected);
    }
  });
});
