// `weft check --pre` and `weft check --installed`: what a cluster lacks for the mesh, and what the mesh in it lacks.

import {
  type CheckedLine,
  ClusterReader,
  installedChecks,
  listMeshPods,
  preChecks,
  runChecks,
  type Verdict,
} from '../deploy/index.ts';
import { askControlPlane, type ClusterFlags, openCluster } from './cluster.ts';
import { Exit, exitCode } from './command.ts';
import { version } from './version.ts';

export interface CheckClusterFlags extends ClusterFlags {
  readonly revision: string;
  readonly pre?: true;
  readonly installed?: true;
  readonly agents?: true;
  readonly cni?: true;
  readonly json?: true;
  readonly strict?: true;
}

export async function checkCluster(flags: CheckClusterFlags): Promise<void> {
  const cluster = openCluster(flags, 'weft check');
  const { meshNamespace: namespace, revision } = flags;
  const askReplicas = async () => {
    const pods = await reader.list(`/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`);
    return pods.kind === 'objects' ? await askControlPlane(cluster, listMeshPods(pods.objects)) : [];
  };
  let replicas: ReturnType<typeof askReplicas> | null = null;
  const reader = new ClusterReader(cluster.api, () => (replicas ??= askReplicas()));
  const checks = flags.pre === true ? preChecks : installedChecks;
  const target = {
    namespace,
    revision,
    agents: flags.agents === true,
    cni: flags.cni === true,
    version,
    nowMs: Date.now(),
  };
  const lines = await runChecks(checks, reader, target);
  if (flags.json === true) console.log(JSON.stringify({ server: cluster.server, lines }, null, 2));
  else for (const line of describeChecks(lines)) console.log(line);
  const bad: readonly Verdict[] =
    flags.strict === true ? ['fault', 'unknown', 'warning'] : ['fault', 'unknown'];
  if (lines.some(({ verdict }) => bad.includes(verdict))) throw new Exit(exitCode.notFine);
}

const marks: Readonly<Record<Verdict, string>> = {
  ok: 'ok     ',
  warning: 'warning',
  fault: 'FAULT  ',
  unknown: 'UNKNOWN',
};

export function describeChecks(lines: readonly CheckedLine[]): readonly string[] {
  const width = Math.max(...lines.map(({ check }) => check.length));
  const told = lines.map(
    ({ check, verdict, message }) => `${marks[verdict]}  ${check.padEnd(width)}  ${message}`,
  );
  const count = (verdict: Verdict) => lines.filter((line) => line.verdict === verdict).length;
  return [...told, `${count('fault')} faults, ${count('unknown')} unknown, ${count('warning')} warnings`];
}
