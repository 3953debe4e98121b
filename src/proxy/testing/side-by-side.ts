// Envoy and Weft side by side: the same listeners and clusters for both, on ports of their own. A test sends both the
// same and compares what the backend saw and what the client got.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Envoy, socketAddress, startEnvoy } from '../../testing/envoy.ts';
import { freePort, freePorts } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';

const managerType = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const routerType = 'envoy.extensions.filters.http.router.v3.Router';

export type Side = 'envoy' | 'weft';
export const sides: readonly Side[] = ['envoy', 'weft'];

/** What an HTTP connection manager says beside its filters and its prefix. */
export type Managers = Readonly<Record<string, object>>;

export interface Sides {
  port(side: Side, listener: string): number;
  adminPort(side: Side): number;
  stop(): Promise<void>;
}

export async function startSides(
  told: Managers | ((side: Side) => Managers),
  clusters: readonly object[],
  node?: object,
): Promise<Sides> {
  const managersOf = typeof told === 'function' ? told : () => told;
  const names = Object.keys(managersOf('weft'));
  const all = freePorts(2 * names.length);
  const ports = { envoy: all.slice(0, names.length), weft: all.slice(names.length) };
  const bootstrap = (side: Side) => ({
    ...(node === undefined ? {} : { node }),
    static_resources: {
      listeners: names.map((name, at) =>
        createListener(name, managersOf(side)[name] ?? {}, ports[side][at] ?? 0),
      ),
      clusters,
    },
  });
  const envoy = await startEnvoy(bootstrap('envoy'));
  const weft = await startWeft(bootstrap('weft'));
  return {
    port: (side, listener) => ports[side][names.indexOf(listener)] ?? 0,
    adminPort: (side) => (side === 'envoy' ? envoy.adminPort : weft.adminPort),
    async stop() {
      await weft.stop();
      await (envoy as Envoy).stop();
    },
  };
}

async function startWeft(bootstrap: object): Promise<{ adminPort: number; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-beside-'));
  const adminPort = freePort();
  const path = join(folder, 'weft.json');
  writeFileSync(path, JSON.stringify({ ...bootstrap, admin: { address: socketAddress(adminPort) } }));
  const program = join(import.meta.dir, '../../../bin/weft');
  const weft = Bun.spawn([program, 'proxy', '-c', path, '--log-level', 'error'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await until('ready', async () => (await fetch(`http://127.0.0.1:${adminPort}/ready`)).ok);
  return {
    adminPort,
    async stop() {
      weft.kill('SIGKILL');
      await weft.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One virtual host for everything, with these routes. */
export function routesOf(...routes: readonly object[]): object {
  return { name: 'test', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] };
}

export function clusterAt(name: string, ...ports: readonly number[]): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: ports.map((port) => ({ endpoint: { address: socketAddress(port) } })) }],
    },
  };
}

function createListener(name: string, manager: object, port: number): object {
  const config = {
    '@type': `type.googleapis.com/${managerType}`,
    stat_prefix: name,
    http_filters: [{ name: 'router', typed_config: { '@type': `type.googleapis.com/${routerType}` } }],
    ...manager,
  };
  return {
    name,
    address: socketAddress(port),
    filter_chains: [{ filters: [{ name: 'http', typed_config: config }] }],
  };
}
