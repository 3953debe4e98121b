// A real Envoy for peer tests: started by delta ADS on free ports, asked through its admin interface, ended with the test.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Null: it is there. Otherwise why the test is skipped; with CI=true a missing peer fails the test instead. */
export function whyNoEnvoy(): string | null {
  if (Bun.which('envoy') !== null || process.env['CI'] === 'true') return null;
  return 'envoy is not installed';
}

export interface EnvoyOptions {
  readonly nodeId: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly zone?: string;
  readonly xdsPort: number;
}

export class Envoy {
  readonly adminPort: number;
  readonly #process: Bun.Subprocess;
  readonly #folder: string;

  private constructor(adminPort: number, process: Bun.Subprocess, folder: string) {
    this.adminPort = adminPort;
    this.#process = process;
    this.#folder = folder;
  }

  static async start(options: EnvoyOptions): Promise<Envoy> {
    const adminPort = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'weft-envoy-'));
    const path = join(folder, 'bootstrap.json');
    writeFileSync(path, JSON.stringify(createBootstrap(options, adminPort)));
    const baseId = String(10_000 + (adminPort % 30_000));
    const command = ['envoy', '-c', path, '--concurrency', '1', '-l', 'warn', '--base-id', baseId];
    const child = Bun.spawn(command, { stdout: 'ignore', stderr: Bun.file(join(folder, 'log')) });
    return new Envoy(adminPort, child, folder);
  }

  async stats(filter: string): Promise<Readonly<Record<string, number>>> {
    const response = await fetch(
      `http://127.0.0.1:${this.adminPort}/stats?filter=${encodeURIComponent(filter)}`,
    );
    const lines = (await response.text()).split('\n').filter((line) => line.includes(': '));
    return Object.fromEntries(lines.map((line) => [line.split(': ')[0] ?? '', Number(line.split(': ')[1])]));
  }

  /** Configuration that Envoy refused and that it deprecates, in its own words. */
  log(): Promise<string> {
    return Bun.file(join(this.#folder, 'log')).text();
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function createBootstrap(options: EnvoyOptions, adminPort: number): object {
  const at = (port: number) => ({ socket_address: { address: '127.0.0.1', port_value: port } });
  const ads = { ads: {}, resource_api_version: 'V3' };
  return {
    node: {
      id: options.nodeId,
      cluster: options.cluster,
      metadata: options.metadata,
      locality: { zone: options.zone ?? '' },
    },
    admin: { address: at(adminPort) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: ads,
      lds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: at(options.xdsPort) } }] }],
          },
        },
      ],
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Asks until it holds. The wait is for another process, which no virtual clock can hurry. */
export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (await holds().catch(() => false)) return;
    await Bun.sleep(20);
  }
  throw new Error(`not within ${timeoutMs} ms: ${what}`);
}
