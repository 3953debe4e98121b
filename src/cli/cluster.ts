// What commands share that a person runs against a cluster: which one, where the mesh is installed in it, and the
// questions that all of them ask first.

import type { Command } from 'commander';
import type { MeshError, Result } from '../base/index.ts';
import { type Cluster, createCluster, type KubeObject, listAll, type ProxiesView } from '../control/index.ts';
import { type ControlReplica, type MeshPod, meshPorts } from '../deploy/index.ts';
import { createSystemClock } from '../net/index.ts';
import { Exit, exitCode } from './command.ts';
import { type AccessFlags, findAccess } from './kubernetes.ts';
import { version } from './version.ts';

export interface ClusterFlags extends AccessFlags {
  /** Where the mesh is installed. */
  readonly meshNamespace: string;
}

/** Adds what every such command takes. */
export function withCluster(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'the cluster (default: KUBECONFIG, the pod’s account, ~/.kube/config)')
    .option('--context <name>', 'the context of the kubeconfig (default: its current one)')
    .option('--mesh-namespace <name>', 'where the mesh is installed', 'weft-system');
}

export interface OpenCluster extends Cluster {
  /** Of the context. */
  readonly namespace: string;
  readonly server: string;
}

/** `command` begins what is said of a fault: `weft proxies`. */
export function openCluster(flags: AccessFlags, command: string): OpenCluster {
  const access = findAccess(flags, command);
  const cluster = createCluster({
    access,
    clock: createSystemClock(),
    environment: process.env,
    userAgent: `weft/${version}`,
  });
  return { ...cluster, namespace: access.namespace, server: access.server };
}

/** Ends the program where the API server does not say: a list that is not whole would be taken for one. */
export async function listOrExit(
  cluster: Cluster,
  command: string,
  path: string,
): Promise<readonly KubeObject[]> {
  return (
    (await readList(cluster, command, path)) ?? cannotRead(command, path, 'the API server knows no such kind')
  );
}

/** The same of a kind that need not be there: then there are none. */
export async function listAnyOrExit(
  cluster: Cluster,
  command: string,
  path: string,
): Promise<readonly KubeObject[]> {
  return (await readList(cluster, command, path)) ?? [];
}

/** Null: there is no such kind. */
async function readList(
  { api }: Cluster,
  command: string,
  path: string,
): Promise<readonly KubeObject[] | null> {
  const listed = orExit(command, await listAll(api, path));
  if (listed.kind === 'objects') return listed.objects;
  return listed.kind === 'absent' ? null : cannotRead(command, path, listed.reason);
}

function cannotRead(command: string, path: string, why: string): never {
  throw new Exit(exitCode.notFine, `${command}: ${path} cannot be read: ${why}`);
}

export function orExit<T>(command: string, result: Result<T, MeshError>): T {
  if (result.ok) return result.value;
  throw new Exit(exitCode.notFine, `${command}: ${result.error.message}`);
}

/** Every replica of the control plane among `pods`, asked at once; each proxy has its stream to one of them. */
export async function askControlPlane(
  cluster: Cluster,
  pods: readonly MeshPod[],
): Promise<readonly ControlReplica[]> {
  const replicas = pods.filter(({ role }) => role === 'control');
  return await Promise.all(replicas.map((pod) => askReplica(cluster, pod)));
}

async function askReplica(cluster: Cluster, { namespace, name, phase }: MeshPod): Promise<ControlReplica> {
  const unanswered = (reason: string): ControlReplica => ({
    pod: `${namespace}/${name}`,
    view: null,
    reason,
  });
  if (phase !== 'Running') return unanswered(`its pod is ${phase}`);
  const port = { namespace, pod: name, port: meshPorts.controlAdmin };
  const answer = await cluster.requestPod(port, '/api/v1/proxies');
  if (!answer.ok) return unanswered(answer.error.message);
  if (answer.value.status !== 200) return unanswered(`it answered ${answer.value.status}`);
  try {
    const view = JSON.parse(answer.value.text) as ProxiesView;
    return { pod: `${namespace}/${name}`, view, reason: '' };
  } catch {
    return unanswered('its answer is no JSON');
  }
}
