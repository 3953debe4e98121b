// The installation's own workloads: as many replicas as were asked for, of the newest template, and each answers.

import { agentAccount, fieldOf, type KubeObject, revisionNamedBy, textOf } from '../../../control/index.ts';
import { cniName } from '../../install-cni.ts';
import { namesOf } from '../../revision.ts';
import type { ControlReplica } from '../fleet-view.ts';
import { type CheckLine, type ClusterCheck, fault, fine, overList, unknown, warning } from './types.ts';

/** What runs on every node. */
const onNodes: readonly string[] = [agentAccount, cniName];

export const workloadsCheck: ClusterCheck = {
  name: 'control-plane',
  async run(reader, { namespace, revision }) {
    const { control } = namesOf(revision);
    const within = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}`;
    const deployments = await overList(reader, `${within}/deployments`, (found) => [
      ...(found.some((one) => nameOf(one) === control)
        ? []
        : [fault(`there is no ${control} in ${namespace}: the mesh is not installed there`)]),
      ...found
        .filter((one) => nameOf(one).startsWith('weft-') && revisionNamedBy(one) === revision)
        .map(judgeDeployment),
    ]);
    const agents = await overList(reader, `${within}/daemonsets`, (found) =>
      found.filter((one) => onNodes.includes(nameOf(one))).map(judgeDaemonSet),
    );
    return [...deployments, ...agents, ...judgeReplicas(await reader.replicas())];
  },
};

function nameOf(object: KubeObject): string {
  return textOf(object, 'metadata', 'name');
}

function numberOf(object: KubeObject, ...path: readonly string[]): number {
  return Number(fieldOf(object, ...path) ?? 0);
}

/** The controller has seen the newest template. */
function isObserved(object: KubeObject): boolean {
  return numberOf(object, 'status', 'observedGeneration') >= numberOf(object, 'metadata', 'generation');
}

function judgeDeployment(deployment: KubeObject): CheckLine {
  const asked = numberOf(deployment, 'spec', 'replicas');
  const of = (name: string) => numberOf(deployment, 'status', name);
  const name = nameOf(deployment);
  if (!isObserved(deployment) || of('updatedReplicas') < asked)
    return fault(`${name} is being rolled out: ${of('updatedReplicas')} of ${asked} replicas are new`);
  if (of('readyReplicas') < asked)
    return fault(`${name}: ${of('readyReplicas')} of ${asked} replicas are ready`);
  if (asked < 2) return warning(`${name} has one replica: while it is away nothing that changes is told`);
  return fine(`${name}: ${asked} of ${asked} replicas are ready`);
}

function judgeDaemonSet(set: KubeObject): CheckLine {
  const of = (name: string) => numberOf(set, 'status', name);
  const name = nameOf(set);
  const asked = of('desiredNumberScheduled');
  const ready = of('numberReady');
  if (!isObserved(set) || of('updatedNumberScheduled') < asked) return fault(`${name} is being rolled out`);
  return ready < asked
    ? fault(`${name}: ${ready} of ${asked} nodes have a ready one`)
    : fine(`${name}: ${ready} of ${asked} nodes`);
}

function judgeReplicas(replicas: readonly ControlReplica[]): readonly CheckLine[] {
  return replicas.map(({ pod, view, reason }) => {
    if (view === null) return unknown(`${pod} could not be asked: ${reason}`);
    return view.synced
      ? fine(`${pod} has read the cluster`)
      : fault(`${pod} has not read the whole cluster yet`);
  });
}
