// Every kind of source: Weft and Envoy with the same files, and with the same separate services behind somebody else's
// TLS.

import { afterAll, afterEach, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '@bufbuild/protobuf';
import { silentLog } from '../../base/index.ts';
import { createBunNetwork, createSystemClock } from '../../net/index.ts';
import { createAuthority } from '../../testing/certificates.ts';
import { socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { describeWith, freePort, freePorts, startProgram } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import {
  AdsServer,
  createSnapshot,
  serveGrpcAds,
  typeUrls,
  type XdsResource,
  type XdsSnapshot,
} from '../../xds/index.ts';
import { resourceOf } from './testing/resources.ts';

const weft = join(import.meta.dir, '../../../bin/weft');
const managerType =
  'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const routerType = 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router';

const stops: (() => unknown)[] = [];
/** Proxies of one test: they follow what the next one publishes as long as they run. */
const proxies: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of proxies.splice(0)) await stop();
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-sources-'));
  stops.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function startBackend(answer: string): number {
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response(answer) });
  stops.push(() => server.stop(true));
  return server.port ?? 0;
}

const starts = {
  envoy: async (bootstrap: object) => {
    proxies.push((await startEnvoy(bootstrap)).stop);
  },
  weft: async (bootstrap: object) => {
    const adminPort = freePort();
    const text = JSON.stringify({ ...bootstrap, admin: { address: socketAddress(adminPort) } });
    const program = await startProgram({
      command(folder) {
        writeFileSync(join(folder, 'weft.json'), text);
        return [weft, 'proxy', '-c', join(folder, 'weft.json'), '--log-level', 'error'];
      },
      ready: async () => (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok,
    });
    proxies.push(program.stop);
  },
} as const;

const ask = (port: number) =>
  fetch(`http://127.0.0.1:${port}/`, { keepalive: false }).then(
    async (response) => `${response.status} ${(await response.text()).slice(0, 20)}`,
    () => 'nobody',
  );

const listener = (name: string, port: number, source: object) => ({
  name,
  address: socketAddress(port),
  filter_chains: [
    {
      filters: [
        {
          name: 'http',
          typed_config: {
            '@type': managerType,
            stat_prefix: name,
            rds: { route_config_name: 'routes', config_source: source },
            http_filters: [{ name: 'router', typed_config: { '@type': routerType } }],
          },
        },
      ],
    },
  ],
});

const routes = (action: object) => ({
  name: 'routes',
  virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, ...action }] }],
});

const cluster = (source: object) => ({
  name: 'backend',
  type: 'EDS',
  connect_timeout: '1s',
  eds_cluster_config: { eds_config: source },
});

const endpoints = (port: number) => ({
  cluster_name: 'backend',
  endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
});

describeWith(['envoy'], 'resources in files', () => {
  const folder = createFolder();
  let backends: readonly [number, number];
  beforeAll(() => {
    backends = [startBackend('one'), startBackend('two')];
  });

  /** As whoever replaces a file does: the new one is there whole. */
  const put = (side: string, type: string, typeUrl: string, resources: readonly object[]) => {
    const text = JSON.stringify({
      resources: resources.map((resource) => ({ '@type': typeUrl, ...resource })),
    });
    writeFileSync(join(folder, `${side}-${type}.new`), text);
    renameSync(join(folder, `${side}-${type}.new`), join(folder, `${side}-${type}.json`));
  };

  test.each(['envoy', 'weft'] as const)(
    'are served by %s as they change',
    async (side) => {
      const [first, second] = freePorts(2) as readonly [number, number];
      const file = (type: string) => ({
        resource_api_version: 'V3',
        path_config_source: { path: join(folder, `${side}-${type}.json`) },
      });
      const toBackend = routes({ route: { cluster: 'backend' } });
      put(side, 'eds', typeUrls.endpoint, [endpoints(backends[0])]);
      put(side, 'rds', typeUrls.route, [toBackend]);
      put(side, 'cds', typeUrls.cluster, [cluster(file('eds'))]);
      put(side, 'lds', typeUrls.listener, [listener('first', first, file('rds'))]);
      await starts[side]({
        node: { id: 'n', cluster: 'c' },
        dynamic_resources: { lds_config: file('lds'), cds_config: file('cds') },
      });
      const answers = (port: number, text: string) =>
        until(`${side}: ${text}`, async () => (await ask(port)) === text);
      await answers(first, '200 one');
      put(side, 'eds', typeUrls.endpoint, [endpoints(backends[1])]);
      await answers(first, '200 two');
      put(side, 'lds', typeUrls.listener, [
        listener('first', first, file('rds')),
        listener('second', second, file('rds')),
      ]);
      await answers(second, '200 two');
      put(side, 'rds', typeUrls.route, [
        routes({ direct_response: { status: 418, body: { inline_string: 'tea' } } }),
      ]);
      await answers(first, '418 tea');
      // What cannot be used changes nothing, and hinders nothing that comes after it.
      put(side, 'rds', typeUrls.cluster, [routes({})]);
      put(side, 'lds', typeUrls.listener, [listener('second', second, file('rds'))]);
      await answers(first, 'nobody');
      expect(await ask(second)).toBe('418 tea');
      put(side, 'rds', typeUrls.route, [toBackend]);
      await answers(second, '200 two');
    },
    60_000,
  );
});

describeWith(['envoy', 'haproxy'], 'separate services of gRPC', () => {
  const folder = createFolder();
  let xdsPort = 0;
  let tlsPort = 0;
  let current: XdsSnapshot | null = null;
  const watchers = new Set<() => void>();

  const publish = (resources: readonly XdsResource[]) => {
    current = createSnapshot(resources, current);
    for (const watcher of watchers) watcher();
  };

  beforeAll(async () => {
    const server = new AdsServer({
      clock: createSystemClock(),
      log: silentLog,
      snapshotFor: () => ({
        current: () => current,
        watch: (watcher) => {
          const tell = () => watcher.onSnapshot();
          watchers.add(tell);
          return () => watchers.delete(tell);
        },
      }),
    });
    const network = createBunNetwork();
    const served = serveGrpcAds({
      network,
      clock: createSystemClock(),
      server,
      address: { kind: 'ip', host: '127.0.0.1', port: 0 },
    });
    stops.push(() => served.close(100));
    xdsPort = served.address.kind === 'ip' ? served.address.port : 0;
    tlsPort = freePort();
    const authority = createAuthority();
    const leaf = authority.issue({ commonName: 'control.test', dns: ['control.test'] });
    writeFileSync(join(folder, 'ca.pem'), authority.pem);
    writeFileSync(join(folder, 'server.pem'), `${leaf.chainPem}${leaf.keyPem}`);
    const config = [
      'defaults',
      '  mode http',
      '  timeout connect 2s',
      '  timeout client 60s',
      '  timeout server 60s',
      'frontend tls',
      `  bind 127.0.0.1:${tlsPort} ssl crt ${join(folder, 'server.pem')} alpn h2`,
      '  http-request deny unless { req.hdr(x-tenant) bank }',
      '  default_backend xds',
      'backend xds',
      `  server one 127.0.0.1:${xdsPort} proto h2`,
      '',
    ].join('\n');
    const program = await startProgram({
      command(own) {
        writeFileSync(join(own, 'haproxy.cfg'), config);
        return ['haproxy', '-db', '-f', join(own, 'haproxy.cfg')];
      },
      ready: async () => {
        await Bun.connect({ hostname: '127.0.0.1', port: tlsPort, socket: { data() {} } }).then((socket) =>
          socket.end(),
        );
        return true;
      },
    });
    stops.push(program.stop);
  }, 60_000);

  const resource = (typeUrl: string, name: string, json: object) =>
    resourceOf(typeUrl, name, json as JsonObject, Bun.hash(JSON.stringify(json)).toString(16));

  const controlCluster = () => ({
    name: 'control',
    type: 'STATIC',
    connect_timeout: '2s',
    load_assignment: {
      cluster_name: 'control',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(tlsPort) } }] }],
    },
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
        '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
        sni: 'control.test',
        common_tls_context: {
          validation_context: {
            trusted_ca: { filename: join(folder, 'ca.pem') },
            match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'control.test' } }],
          },
        },
      },
    },
  });

  test.each([
    ['envoy', 'GRPC'],
    ['envoy', 'DELTA_GRPC'],
    ['weft', 'GRPC'],
    ['weft', 'DELTA_GRPC'],
  ] as const)(
    'behind TLS are asked by %s with %s',
    async (side, api_type) => {
      const port = freePort();
      const source = {
        resource_api_version: 'V3',
        api_config_source: {
          api_type,
          transport_api_version: 'V3',
          set_node_on_first_message_only: true,
          grpc_services: [
            {
              envoy_grpc: { cluster_name: 'control' },
              initial_metadata: [{ key: 'x-tenant', value: 'bank' }],
            },
          ],
        },
      };
      const [one, two] = [startBackend('one'), startBackend('two')];
      const all = (backend: number) => [
        resource(typeUrls.cluster, 'backend', cluster(source)),
        resource(typeUrls.endpoint, 'backend', endpoints(backend)),
        resource(typeUrls.listener, 'first', listener('first', port, source)),
        resource(typeUrls.route, 'routes', routes({ route: { cluster: 'backend' } })),
      ];
      publish(all(one));
      await starts[side]({
        node: { id: 'n', cluster: 'c' },
        static_resources: { clusters: [controlCluster()] },
        dynamic_resources: { lds_config: source, cds_config: source },
      });
      await until(`${side} ${api_type}: one`, async () => (await ask(port)) === '200 one');
      publish(all(two));
      await until(`${side} ${api_type}: two`, async () => (await ask(port)) === '200 two');
    },
    60_000,
  );
});
