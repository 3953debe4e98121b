// Clusters of names that a real name server is asked for, beside Envoy under the same bootstrap: both families, what is
// not there, and answers that change.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { type Envoy, startEnvoy } from '../../testing/envoy.ts';
import { describeWith, freePort, type Program, startProgram } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { httpListener, startTlsProxy, type TlsProxy } from '../testing/tls-proxy.ts';

setDefaultTimeout(60_000);

type Records = Readonly<Record<string, readonly string[]>>;
const first: Records = { 'both.test': ['127.0.0.2', '::1'], 'four.test': ['127.0.0.3'], 'six.test': ['::1'] };

/** dnsmasq with these records, which hold for a second. */
function startNameServer(port: number, records: Records): Promise<Program> {
  const hosts = Object.entries(records).map(([name, addresses]) => `--host-record=${[name, ...addresses]}`);
  const own = ['--no-resolv', '--no-hosts', '--local=/test/', '--local-ttl=1', '--user=', '--pid-file='];
  const bound = [`--port=${port}`, '--listen-address=127.0.0.1', '--bind-interfaces'];
  return startProgram({
    command: () => ['dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', ...bound, ...own, ...hosts],
    async ready() {
      const { Resolver } = await import('node:dns/promises');
      const resolver = new Resolver({ timeout: 200, tries: 1 });
      resolver.setServers([`127.0.0.1:${port}`]);
      return (await resolver.resolve4('both.test')).length === 1;
    },
  });
}

const families = ['AUTO', 'V4_ONLY', 'V6_ONLY', 'V4_PREFERRED', 'ALL'] as const;
const names = ['both.test', 'four.test', 'six.test', 'none.test'] as const;
const cases = names.flatMap((name) => families.map((family) => [name, family] as const));
const types = ['STRICT_DNS', 'LOGICAL_DNS'] as const;
const keyOf = (type: string, name: string, family: string) => `${type}-${name}-${family}`.toLowerCase();

/** Clusters of one name by how often it is looked up. */
const rates = {
  // It may ask just when the name server is away.
  'by its ttl': {
    dns_refresh_rate: '60s',
    respect_dns_ttl: true,
    dns_failure_refresh_rate: { base_interval: '0.2s', max_interval: '0.3s' },
  },
  seldom: { dns_refresh_rate: '60s' },
};

function resolverAt(dnsPort: number): object {
  return {
    name: 'envoy.network.dns_resolver.cares',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig',
      resolvers: [{ socket_address: { address: '127.0.0.1', port_value: dnsPort } }],
    },
  };
}

function clusterOf(key: string, type: string, name: string, port: number, fields: object): object {
  const endpoint = { address: { socket_address: { address: name, port_value: port } } };
  const load_assignment = { cluster_name: key, endpoints: [{ lb_endpoints: [{ endpoint }] }] };
  return { name: key, type, load_assignment, ...fields };
}

function bootstrap(listenerPort: number, dnsPort: number, port: number): object {
  const resolver = { typed_dns_resolver_config: resolverAt(dnsPort) };
  const keys = types.flatMap((type) => cases.map(([name, family]) => ({ type, name, family })));
  const clusters = keys
    // A logical cluster has one address at a time, so that all of them is nothing to ask it for.
    .filter(({ type, family }) => type === 'STRICT_DNS' || family !== 'ALL')
    .map(({ type, name, family }) =>
      clusterOf(keyOf(type, name, family), type, name, port, {
        dns_lookup_family: family,
        dns_refresh_rate: '0.2s',
        ...resolver,
      }),
    );
  for (const [rate, fields] of Object.entries(rates))
    clusters.push(
      clusterOf(rate, 'STRICT_DNS', 'four.test', port, {
        ...fields,
        dns_lookup_family: 'V4_ONLY',
        ...resolver,
      }),
    );
  const listener = httpListener('names', listenerPort, '', null, {}) as {
    filter_chains: { filters: { typed_config: { route_config: object } }[] }[];
  };
  listener.filter_chains[0]!.filters[0]!.typed_config.route_config = {
    name: 'names',
    virtual_hosts: [
      {
        name: 'names',
        domains: ['*'],
        routes: [{ match: { prefix: '/' }, route: { cluster_header: 'x-cluster' } }],
      },
    ],
  };
  return { static_resources: { listeners: [listener], clusters } };
}

/** Where requests to a cluster arrive, each place once. */
async function placesOf(port: number, cluster: string): Promise<readonly string[]> {
  const places = new Set<string>();
  for (let asked = 0; asked < 6; asked++) {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-cluster': cluster } });
    places.add(response.status === 200 ? await response.text() : `${response.status}`);
  }
  return [...places].toSorted();
}

describeWith(['envoy', 'dnsmasq'], 'names of a real name server, beside Envoy', () => {
  const port = freePort();
  const dnsPort = freePort();
  const envoyPort = freePort();
  const servers = ['127.0.0.2', '127.0.0.3', '::1'].map((hostname) =>
    // Each request on a connection of its own: open ones to a logical name stay where they are.
    Bun.serve({ hostname, port, fetch: () => new Response(hostname, { headers: { connection: 'close' } }) }),
  );
  let nameServer: Program;
  let envoy: Envoy;
  let weft: TlsProxy;

  beforeAll(async () => {
    nameServer = await startNameServer(dnsPort, first);
    envoy = await startEnvoy(bootstrap(envoyPort, dnsPort, port));
    weft = startTlsProxy(bootstrap(freePort(), dnsPort, port));
    await until('ready', () => weft.proxy.ready);
  });

  afterAll(async () => {
    await weft.proxy.stop();
    await envoy.stop();
    await nameServer.stop();
    for (const server of servers) await server.stop(true);
  });

  for (const type of types)
    for (const [name, family] of cases.filter(([, one]) => type === 'STRICT_DNS' || one !== 'ALL'))
      test(`${type}, ${name}, ${family}`, async () => {
        const cluster = keyOf(type, name, family);
        const theirs = await placesOf(envoyPort, cluster);
        expect(await placesOf(weft.portOf('names'), cluster)).toEqual(theirs);
      });

  const listeners = () => [envoyPort, weft.portOf('names')];
  const isAt = (cluster: string, place: string) =>
    until(`${cluster} at ${place}`, async () => {
      const places = await Promise.all(listeners().map((listener) => placesOf(listener, cluster)));
      return places.every((found) => `${found}` === place);
    });

  const clusterFor = (type: string) => keyOf(type, 'four.test', 'V4_ONLY');

  test('an answer that changes: by the rate, by its TTL, or not for a minute', async () => {
    for (const rate of Object.keys(rates)) await isAt(rate, '127.0.0.3');
    await nameServer.stop();
    nameServer = await startNameServer(dnsPort, { ...first, 'four.test': ['127.0.0.2'] });
    for (const type of types) await isAt(clusterFor(type), '127.0.0.2');
    await isAt('by its ttl', '127.0.0.2');
    await isAt('seldom', '127.0.0.3');
  });

  test('a name that is no more takes its addresses along, but the one of a logical cluster', async () => {
    await nameServer.stop();
    nameServer = await startNameServer(dnsPort, { 'both.test': first['both.test']! });
    await isAt(clusterFor('STRICT_DNS'), '503');
    await isAt('by its ttl', '503');
    await isAt(clusterFor('LOGICAL_DNS'), '127.0.0.2');
    await nameServer.stop();
    nameServer = await startNameServer(dnsPort, first);
    for (const type of types) await isAt(clusterFor(type), '127.0.0.3');
  });

  test('a name server that is gone takes no address away', async () => {
    await nameServer.stop();
    // Several lookups of each fail.
    await Bun.sleep(1_200);
    for (const type of types) await isAt(clusterFor(type), '127.0.0.3');
  });
});

describeWith(['envoy'], 'names of which nobody knows, beside Envoy', () => {
  test('wait_for_warm_on_init: false: both are ready before their names are looked up', async () => {
    // Takes questions, and answers none.
    const deaf = await Bun.udpSocket({ hostname: '127.0.0.1' });
    const document = (awaited: boolean) => {
      const fields = { wait_for_warm_on_init: awaited, typed_dns_resolver_config: resolverAt(deaf.port) };
      return { static_resources: { clusters: [clusterOf('a', 'STRICT_DNS', 'a.test', 1, fields)] } };
    };
    // Resolves when it says so.
    const envoy = await startEnvoy(document(false));
    const [weft, waiting] = [false, true].map((awaited) => startTlsProxy(document(awaited)));
    await until('ready', () => weft!.proxy.ready);
    expect(waiting!.proxy.ready).toBe(false);
    for (const { proxy } of [weft!, waiting!]) await proxy.stop();
    await envoy.stop();
    deaf.close();
  });
});
