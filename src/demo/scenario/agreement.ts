// Do all proxies hold the configuration that the control plane means them to hold? Asked on both sides: the control
// plane must have an acknowledgement of all it sent, and each proxy must itself name the same versions.

import { namespace } from '../../../examples/bank/bank.ts';
import type { BankCluster } from '../cluster/bank-cluster.ts';
import type { Container } from '../cluster/container.ts';
import { until } from './scene.ts';

/** A proxy that lost its control plane comes back within its longest reconnect delay, 15 s. */
const agreementTimeoutMs = 25_000;
const askTimeoutMs = 2000;
const dumpLanes = 4;
/**
 * The control plane waits for quiet at most this long after a change (design: 50 ms quiet, 500 ms at most), then builds
 * and sends.
 */
const settleMs = 700;

/** The part of the control plane's `/api/v1/mesh` that matters here. */
interface MeshPage {
  readonly synced: boolean;
  readonly proxies: readonly MeshProxy[];
}

interface MeshProxy {
  readonly node: string;
  readonly connected: boolean;
  readonly types: readonly {
    readonly typeUrl: string;
    readonly status: string;
    readonly sentVersion: string;
    readonly ackedVersion: string;
  }[];
}

/** The part of a proxy's `/config_dump?include_eds` that matters here. */
interface ConfigDump {
  readonly configs: readonly { readonly '@type': string; readonly version_info?: string }[];
}

/** Type URL of a resource to the name of its section in a config dump. */
const sections: Readonly<Record<string, string>> = {
  'type.googleapis.com/envoy.config.listener.v3.Listener': 'ListenersConfigDump',
  'type.googleapis.com/envoy.config.route.v3.RouteConfiguration': 'RoutesConfigDump',
  'type.googleapis.com/envoy.config.cluster.v3.Cluster': 'ClustersConfigDump',
  'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment': 'EndpointsConfigDump',
};

/** What a proxy's dump must show beside the right versions. */
export type DumpCheck = (dump: string) => boolean;

/**
 * Waits until every running proxy has acknowledged what followed from a change just made. Cheap: asks the control plane
 * alone.
 */
export async function whenAcknowledged(cluster: BankCluster): Promise<number> {
  return await whenAll(cluster, null);
}

/** Waits until every running proxy agrees and its dump passes `check`; returns how many proxies that are. */
export async function whenAgreed(cluster: BankCluster, check: DumpCheck): Promise<number> {
  return await whenAll(cluster, check);
}

async function whenAll(cluster: BankCluster, check: DumpCheck | null): Promise<number> {
  await Bun.sleep(settleMs);
  const proxies = listProxies(cluster);
  let missing: readonly string[] = [];
  try {
    await until('all proxies agree', agreementTimeoutMs, async () => {
      missing = await listDisagreeing(cluster.controlUrl, proxies, check);
      return missing.length === 0;
    });
  } catch (error) {
    throw new Error(
      `${error instanceof Error ? error.message : error}; still to come: ${missing.join(', ')}`,
    );
  }
  return proxies.length;
}

interface ProxyPlace {
  readonly node: string;
  readonly adminUrl: string;
}

function listProxies(cluster: BankCluster): ProxyPlace[] {
  const containers: (Container | null)[] = [
    cluster.gateway,
    ...cluster.agents,
    ...cluster.pods.map((pod) => pod.sidecar),
  ];
  return containers
    .filter((container) => container !== null)
    .map(({ program: { row } }) => ({
      node: row.role === 'agent' ? `agent~${row.replica}` : `${row.role}~${row.replica}.${namespace}`,
      adminUrl: row.adminUrl,
    }));
}

/** The control plane is asked first: it answers for all, and dumps are dear. */
async function listDisagreeing(
  controlUrl: string,
  proxies: readonly ProxyPlace[],
  check: DumpCheck | null,
): Promise<readonly string[]> {
  const mesh = await ask(`${controlUrl}/api/v1/mesh`);
  if (mesh === null) return ['the control plane'];
  const page: MeshPage = JSON.parse(mesh);
  const sent = new Map(page.proxies.map((proxy) => [proxy.node, proxy]));
  const late = proxies.filter(({ node }) => !page.synced || !isAcknowledged(sent.get(node)));
  if (late.length > 0 || check === null) return late.map(({ node }) => node);
  const differing: string[] = [];
  const waiting = [...proxies];
  // A few at a time: a dump costs its proxy some milliseconds, and they share the machine with the bank.
  const lanes = Array.from({ length: dumpLanes }, async () => {
    for (let proxy = waiting.shift(); proxy !== undefined; proxy = waiting.shift()) {
      const dump = await ask(`${proxy.adminUrl}/config_dump?include_eds`);
      const types = sent.get(proxy.node)?.types ?? [];
      if (dump === null || !isInForce(types, dump) || !check(dump)) differing.push(proxy.node);
    }
  });
  await Promise.all(lanes);
  return differing;
}

/** Everything sent was acknowledged. */
function isAcknowledged(proxy: MeshProxy | undefined): boolean {
  return (
    proxy?.connected === true &&
    proxy.types.length > 0 &&
    proxy.types.every((type) => type.status === 'SYNCED' && type.sentVersion === type.ackedVersion)
  );
}

/** The proxy itself names the versions that it acknowledged. */
function isInForce(types: MeshProxy['types'], dump: string): boolean {
  const { configs }: ConfigDump = JSON.parse(dump);
  return types.every(({ typeUrl, ackedVersion }) => {
    const name = sections[typeUrl];
    // Virtual hosts have no section: they stand in their tables.
    if (name === undefined) return typeUrl.endsWith('.VirtualHost');
    const section = configs.find((config) => config['@type'].endsWith(`.${name}`));
    return section?.version_info === ackedVersion;
  });
}

async function ask(url: string): Promise<string | null> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(askTimeoutMs) });
    return response.ok ? await response.text() : null;
  } catch {
    return null;
  }
}
