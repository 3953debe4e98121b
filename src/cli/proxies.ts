// `weft proxies`: who runs what. The pods that the API server has, beside what every replica of the control plane knows
// of their proxies.

import { Command } from 'commander';
import type { KubeObject } from '../control/index.ts';
import { type ControlReplica, type FleetProxy, listMeshPods, viewFleet } from '../deploy/index.ts';
import {
  askControlPlane,
  type ClusterFlags,
  listOrExit,
  type OpenCluster,
  openCluster,
  withCluster,
} from './cluster.ts';
import { type CliCommand, Exit, exitCode } from './command.ts';
import { formatAge, formatTable } from './table.ts';

interface ProxiesFlags extends ClusterFlags {
  readonly namespace?: string;
  readonly json?: true;
}

const words = 'weft proxies';

async function run(flags: ProxiesFlags): Promise<void> {
  const cluster = openCluster(flags, words);
  const { namespace: asked, meshNamespace } = flags;
  // Of one namespace only that one, and the mesh's own, need be readable.
  const read = asked === undefined ? [''] : [...new Set([asked, meshNamespace])];
  const lists = await Promise.all(read.map((namespace) => listPods(cluster, namespace)));
  const pods = listMeshPods(lists.flat());
  const replicas = await askControlPlane(
    cluster,
    pods.filter(({ namespace }) => namespace === meshNamespace),
  );
  const all = viewFleet(pods, replicas);
  const proxies = asked === undefined ? all : all.filter(({ namespace }) => namespace === asked);
  if (flags.json === true) console.log(JSON.stringify({ proxies, replicas: replicas.map(shorten) }, null, 2));
  else for (const line of describeFleet(proxies, replicas, Date.now())) console.log(line);
  const fine = replicas.length > 0 && replicas.every(({ view }) => view !== null);
  if (!fine || proxies.some(({ state }) => state !== 'synced')) throw new Exit(exitCode.notFine);
}

function listPods(cluster: OpenCluster, namespace: string): Promise<readonly KubeObject[]> {
  const within = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return listOrExit(cluster, words, `/api/v1${within}/pods`);
}

function shorten({ pod, view, reason }: ControlReplica): object {
  return { pod, answered: view !== null, ...(reason === '' ? {} : { reason }) };
}

/** A line for each proxy, and below it one for each thing to know about it. */
export function describeFleet(
  proxies: readonly FleetProxy[],
  replicas: readonly ControlReplica[],
  nowMs: number,
): readonly string[] {
  const rows = proxies.map(({ proxy, role, revision, version, state, sinceMs, control }) => [
    proxy,
    role,
    revision === '' ? '-' : revision,
    version,
    state,
    sinceMs === 0 ? '-' : formatAge(nowMs - sinceMs),
    control.slice(control.indexOf('/') + 1),
  ]);
  const [head = '', ...lines] = formatTable([
    ['PROXY', 'ROLE', 'REVISION', 'VERSION', 'STATE', 'SINCE', 'CONTROL PLANE'],
    ...rows,
  ]);
  const told = lines.flatMap((line, at) => [line, ...proxies[at]!.details.map((detail) => `  ${detail}`)]);
  const silent = replicas.filter(({ view }) => view === null);
  const notes = silent.map(({ pod, reason }) => `${pod} could not be asked: ${reason}`);
  if (replicas.length === 0) notes.push('no control plane was found: nothing is known of what proxies have');
  return [head, ...told, ...notes];
}

export const command: CliCommand = withCluster(
  new Command('proxies').description(
    'Show every proxy of a cluster: its pod, role, version, and whether it has what it is sent. Exits with 1 when one of them has not, or when that is not known.',
  ),
)
  .option('-n, --namespace <name>', 'of this namespace only')
  .option('--json', 'as JSON')
  .action(run);
