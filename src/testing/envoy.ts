// A real Envoy for peer tests, from a bootstrap that is given or one that asks an xDS server for everything.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Program, startProgram } from './programs.ts';

export interface Envoy {
  readonly adminPort: number;
  /** Values of the statistics whose names match the regular expression. */
  stats(filter: string): Promise<Readonly<Record<string, number>>>;
  /** What it warned of, in its own words: configuration that it refused or deprecates. */
  log(): Promise<string>;
  /** What it wrote to its standard output: access logs that go there. */
  output(): Promise<string>;
  stop(): Promise<void>;
}

/** `bootstrap` without `admin`: that is added, on a free port. Resolves when Envoy serves what it was told. */
export function startEnvoy(bootstrap: object, flags: readonly string[] = []): Promise<Envoy> {
  return startAnswering('ready', bootstrap, flags);
}

/** Logs are to be read by who waits. */
const flush = ['--file-flush-interval-msec', '50'];

async function startAnswering(
  page: 'ready' | 'server_info',
  bootstrap: object,
  flags: readonly string[] = [],
): Promise<Envoy> {
  const adminPort = freePort();
  const text = JSON.stringify({ ...bootstrap, admin: { address: socketAddress(adminPort) } });
  const program = await startProgram({
    command(folder) {
      const path = join(folder, 'bootstrap.json');
      writeFileSync(path, text);
      const fixed = ['--concurrency', '1', '-l', 'warn', '--use-dynamic-base-id', ...flush];
      return ['envoy', '-c', path, ...fixed, ...flags];
    },
    ready: async () => (await fetch(`http://127.0.0.1:${adminPort}/${page}`)).ok,
  });
  return createHandle(program, adminPort);
}

function createHandle(program: Program, adminPort: number): Envoy {
  return {
    adminPort,
    stop: program.stop,
    log: () => Bun.file(join(program.folder, 'log')).text(),
    output: () => Bun.file(join(program.folder, 'out')).text(),
    async stats(filter) {
      const query = `filter=${encodeURIComponent(filter)}`;
      const text = await (await fetch(`http://127.0.0.1:${adminPort}/stats?${query}`)).text();
      const pairs = text.split('\n').map((line) => line.split(': '));
      return Object.fromEntries(
        pairs.flatMap(([name, value]) => (name && value ? [[name, Number(value)]] : [])),
      );
    },
  };
}

export interface AdsEnvoyOptions {
  readonly nodeId: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly zone?: string;
  readonly xdsPort: number;
  readonly apiType: 'GRPC' | 'DELTA_GRPC';
  readonly clientFeatures?: readonly string[];
}

/**
 * An Envoy that knows nothing but the address of its xDS server. Resolves when it runs; what it will be told may come
 * later.
 */
export function startAdsEnvoy(options: AdsEnvoyOptions): Promise<Envoy> {
  const { nodeId, cluster, metadata, zone = '', xdsPort, apiType } = options;
  const ads = { ads: {}, resource_api_version: 'V3' };
  return startAnswering('server_info', {
    node: {
      id: nodeId,
      cluster,
      metadata,
      locality: { zone },
      client_features: options.clientFeatures ?? [],
    },
    dynamic_resources: {
      ads_config: {
        api_type: apiType,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: { clusters: [createXdsCluster(xdsPort)] },
  });
}

const http = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export function createXdsCluster(port: number): object {
  return {
    name: 'xds',
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      [http]: {
        '@type': `type.googleapis.com/${http}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: {
      cluster_name: 'xds',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: socketAddress(port) } }] }],
    },
  };
}

/** An address of loopback, as Envoy's API writes it. */
export function socketAddress(port: number): object {
  return { socket_address: { address: '127.0.0.1', port_value: port } };
}
