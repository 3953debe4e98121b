// Clusters on demand through whole programs: Envoy and Weft's proxy with one and two threads beside each other, of one
// bootstrap, asked of Weft's control plane and of go-control-plane.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { silentLog } from '../base/index.ts';
import { type ControlPlane, createControlPlane } from '../control/index.ts';
import { localService } from '../control/testing/manifests.ts';
import { createBunNetwork, createMemoryStore, createSystemClock } from '../net/index.ts';
import { createXdsCluster, type Envoy, socketAddress, startEnvoy } from '../testing/envoy.ts';
import { describeWith, freePort } from '../testing/programs.ts';
import { until } from '../testing/until.ts';
import { type GrpcAdsListener, serveGrpcAds } from '../xds/index.ts';

setDefaultTimeout(90_000);

const weft = join(import.meta.dir, '../../bin/weft');
const http = 'type.googleapis.com/envoy.extensions.filters.http';
const ads = { ads: {}, resource_api_version: 'V3' };
const names = ['envoy', 'weft', 'threads'] as const;
type Name = (typeof names)[number];

interface Ports {
  readonly http: number;
  readonly tcp: number;
}

/** A static listener whose routes take their cluster from a header, and one of bytes; answers say why. */
function listeners(ports: Ports): readonly object[] {
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: 'out',
    local_reply_config: {
      body_format: { text_format_source: { inline_string: '%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%' } },
    },
    route_config: {
      virtual_hosts: [
        {
          name: 'v',
          domains: ['*'],
          routes: [
            {
              match: { prefix: '/off' },
              route: { cluster_header: 'x-cluster' },
              typed_per_filter_config: {
                on_demand: { '@type': `${http}.on_demand.v3.PerRouteConfig` },
              },
            },
            { match: { prefix: '/' }, route: { cluster_header: 'x-cluster' } },
          ],
        },
      ],
    },
    http_filters: [
      {
        name: 'on_demand',
        typed_config: {
          '@type': `${http}.on_demand.v3.OnDemand`,
          odcds: { source: ads, timeout: '2s' },
        },
      },
      { name: 'router', typed_config: { '@type': `${http}.router.v3.Router` } },
    ],
  };
  const tcp = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy',
    stat_prefix: 'tcp',
    cluster: 'bank/db:80',
    on_demand: { odcds_config: ads, timeout: '2s' },
  };
  return [['out', ports.http, manager] as const, ['tcp', ports.tcp, tcp] as const].map(
    ([name, port, config]) => ({
      name,
      address: socketAddress(port),
      filter_chains: [{ filters: [{ name, typed_config: config }] }],
    }),
  );
}

/** No `cds_config`: the only clusters are its own and those that are asked for. */
function bootstrapOf(ports: Ports, xdsPort: number, name: Name) {
  return {
    node: { id: `sidecar~${name}.bank`, cluster: 'caller', metadata: { cds: 'on-demand' } },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
    },
    static_resources: { clusters: [createXdsCluster(xdsPort)], listeners: listeners(ports) },
  };
}

/** The three of them, of one xDS server. */
class Proxies {
  private readonly folder = mkdtempSync(join(tmpdir(), 'weft-odcds-'));
  private readonly ports = Object.fromEntries(
    names.map((name) => [name, { http: freePort(), tcp: freePort() }]),
  ) as Record<Name, Ports>;
  private readonly children: Bun.Subprocess[] = [];
  private readonly admins: number[] = [];
  private envoy: Envoy | null = null;

  async start(xdsPort: number): Promise<void> {
    for (const name of ['weft', 'threads'] as const) {
      const path = join(this.folder, `${name}.json`);
      const adminPort = freePort();
      this.admins.push(adminPort);
      const admin = { address: socketAddress(adminPort) };
      writeFileSync(path, JSON.stringify({ ...bootstrapOf(this.ports[name], xdsPort, name), admin }));
      const threads = name === 'threads' ? '2' : '1';
      const command = [weft, 'proxy', '-c', path, '--warm-up', '0', '--concurrency', threads];
      this.children.push(Bun.spawn(command, { stdout: 'ignore', stderr: 'ignore' }));
    }
    this.envoy = await startEnvoy(bootstrapOf(this.ports.envoy, xdsPort, 'envoy'));
    await until('all serve', async () => {
      const ready = this.admins.map((port) => fetch(`http://127.0.0.1:${port}/ready`));
      return (await Promise.all(ready)).every(({ ok }) => ok);
    });
  }

  async stop(): Promise<void> {
    for (const child of this.children) child.kill();
    await Promise.all(this.children.map(({ exited }) => exited));
    await this.envoy?.stop();
    rmSync(this.folder, { recursive: true });
  }

  async ask(name: Name, cluster: string, path = '/'): Promise<string> {
    const url = `http://127.0.0.1:${this.ports[name].http}${path}`;
    const response = await fetch(url, { headers: { 'x-cluster': cluster } });
    return `${response.status} ${await response.text()}`;
  }

  async askAll(cluster: string, path = '/'): Promise<Record<string, string>> {
    const answers = names.map(async (name) => [name, await this.ask(name, cluster, path)] as const);
    return Object.fromEntries(await Promise.all(answers));
  }

  /** What a connection that is carried to one cluster gets. */
  async carryAll(): Promise<Record<string, string>> {
    const answers = names.map(async (name) => {
      const answer = fetch(`http://127.0.0.1:${this.ports[name].tcp}/`).then(
        (response) => response.text(),
        () => 'closed',
      );
      return [name, await answer] as const;
    });
    return Object.fromEntries(await Promise.all(answers));
  }
}

const toAll = (answer: string) => Object.fromEntries(names.map((name) => [name, answer]));
const absent = '503 NC cluster_not_found';

describeWith(['envoy'], 'clusters on demand of our control plane', () => {
  const backend = Bun.serve({ hostname: '127.0.0.1', port: 0, fetch: () => new Response('here') });
  const store = createMemoryStore();
  const write = (name: string) =>
    store.write(`dir/${name}.yaml`, new TextEncoder().encode(localService(name, backend.port ?? 0)));
  const proxies = new Proxies();
  let plane: ControlPlane;
  let xds: GrpcAdsListener;

  beforeAll(async () => {
    await write('ledger');
    await write('cold');
    const clock = createSystemClock();
    plane = createControlPlane({ clock, log: silentLog, store, directory: 'dir' });
    xds = serveGrpcAds({
      network: createBunNetwork(),
      clock,
      server: plane.adsServer,
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
    });
    plane.start();
    await proxies.start(xds.address.kind === 'ip' ? xds.address.port : 0);
  });

  afterAll(async () => {
    await proxies.stop();
    plane.stop();
    await xds.close(0);
    await backend.stop(true);
  });

  test('the first request of a cluster waits for it and is served', async () => {
    expect(await proxies.askAll('bank/ledger:80')).toEqual(toAll('200 here'));
  });

  test('what does not exist is 503, again and again, and so is what a route does not ask for', async () => {
    expect(await proxies.askAll('bank/nobody:80')).toEqual(toAll(absent));
    expect(await proxies.askAll('bank/nobody:80')).toEqual(toAll(absent));
    expect(await proxies.askAll('bank/cards:80', '/off')).toEqual(toAll(absent));
  });

  test('many cold requests at once', async () => {
    const asked = names.flatMap((name) =>
      Array.from({ length: 30 }, () => proxies.ask(name, 'bank/cold:80')),
    );
    expect(new Set(await Promise.all(asked))).toEqual(new Set(['200 here']));
  });

  test('a connection waits as well', async () => {
    expect(await proxies.carryAll()).toEqual(toAll('closed'));
    await write('db');
    await until('it is there', async () => Bun.deepEquals(await proxies.carryAll(), toAll('here')));
  });

  test('one that comes later is there, and gone when it goes', async () => {
    expect(await proxies.askAll('bank/later:80')).toEqual(toAll(absent));
    await write('later');
    const is = (answer: string) => async () =>
      Bun.deepEquals(await proxies.askAll('bank/later:80'), toAll(answer));
    await until('it is there', is('200 here'));
    await store.remove('dir/later.yaml');
    await until('it is gone', is(absent));
  });

  test('without the control plane what is held serves, and what is not is 503 after the timeout', async () => {
    plane.stop();
    await xds.close(0);
    expect(await proxies.askAll('bank/ledger:80')).toEqual(toAll('200 here'));
    const began = performance.now();
    expect(await proxies.askAll('bank/unheard:80')).toEqual(toAll(absent));
    const tookMs = performance.now() - began;
    expect(tookMs).toBeGreaterThan(1_900);
    expect(tookMs).toBeLessThan(10_000);
  });
});

describeWith(['envoy', 'go'], 'clusters on demand of go-control-plane', () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-odcds-go-'));
  const proxies = new Proxies();
  let server: Bun.Subprocess<'pipe', 'pipe', 'ignore'> | null = null;
  /** Its clusters have no endpoints. */
  const found = '503 UH no_healthy_upstream';

  const say = async (line: string) => {
    server?.stdin.write(`${line}\n`);
    await server?.stdin.flush();
  };

  beforeAll(async () => {
    const binary = join(folder, 'server');
    const cwd = fileURLToPath(new URL('../../tools/peers/go-control-plane', import.meta.url));
    const built = Bun.spawnSync(['go', 'build', '-o', binary, '.'], { cwd });
    if (!built.success) throw new Error(built.stderr.toString());
    server = Bun.spawn([binary, '-quiet'], { stdin: 'pipe', stdout: 'pipe', stderr: 'ignore' });
    await say('set 1 bank/ledger:80');
    const { value } = await server.stdout.getReader().read();
    await proxies.start(Number(/port (\d+)/.exec(new TextDecoder().decode(value))?.[1]));
  }, 600_000);

  afterAll(async () => {
    await proxies.stop();
    server?.kill();
    await server?.exited;
    rmSync(folder, { recursive: true });
  });

  test('found, not found, there after all, and removed', async () => {
    expect(await proxies.askAll('bank/ledger:80')).toEqual(toAll(found));
    expect(await proxies.askAll('bank/later:80')).toEqual(toAll(absent));
    const is = (cluster: string, answer: string) => async () =>
      Bun.deepEquals(await proxies.askAll(cluster), toAll(answer));
    await say('set 2 bank/ledger:80 bank/later:80');
    await until('it is there', is('bank/later:80', found));
    await say('set 3 bank/later:80');
    await until('it is gone', is('bank/ledger:80', absent));
    expect(await proxies.askAll('bank/later:80')).toEqual(toAll(found));
  });
});
