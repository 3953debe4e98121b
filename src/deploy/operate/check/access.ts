// What AccessPolicies cannot do as they stand. Callers that one names and that would be refused all the same: a pod
// without a sidecar that calls through the agent of its node comes from the agent's address, which no policy names
// (docs/access.md). And ports of fenced pods past which connections go to nobody who judges.

import { fieldOf, isRecord, type KubeObject, textOf } from '../../../control/index.ts';
import { listOf, readMeshPod } from '../mesh-pods.ts';
import { judgeCoverage } from './access-coverage.ts';
import { type CheckLine, type ClusterCheck, fine, listNames, overList, warning } from './types.ts';

export const accessCheck: ClusterCheck = {
  name: 'access',
  run: (reader) =>
    overList(reader, '/apis/weft.dev/v1alpha1/accesspolicies', (policies) =>
      overList(reader, '/api/v1/pods', async (pods) => {
        if (policies.length === 0) return [fine('no AccessPolicy')];
        const uncovered = await overList(reader, '/api/v1/services', (services) =>
          policies.flatMap((policy) => judgeCoverage(policy, services, pods)),
        );
        return [...uncovered, ...judgeCallers(policies, pods)];
      }),
    ),
};

function judgeCallers(policies: readonly KubeObject[], pods: readonly KubeObject[]): readonly CheckLine[] {
  const agents = pods.some((pod) => readMeshPod(pod)?.role === 'agent');
  if (!agents)
    return [fine(`${policies.length} AccessPolicies, and no agents whose callers they could not tell`)];
  const lines = policies.flatMap((policy) => judgePolicy(policy, pods));
  return lines.length > 0 ? lines : [fine(`the callers of ${policies.length} AccessPolicies have sidecars`)];
}

function judgePolicy(policy: KubeObject, pods: readonly KubeObject[]): readonly CheckLine[] {
  if (textOf(policy, 'spec', 'mode') === 'Audit') return [];
  const own = textOf(policy, 'metadata', 'namespace');
  const callers = listOf(policy, 'spec', 'rules').flatMap((rule) => listOf(rule, 'from'));
  const bare = pods.filter(
    (pod) =>
      readMeshPod(pod) === null && isRunning(pod) && callers.some((caller) => isCaller(pod, caller, own)),
  );
  if (bare.length === 0) return [];
  const named = listNames(
    bare.map((pod) => `${textOf(pod, 'metadata', 'namespace')}/${textOf(pod, 'metadata', 'name')}`),
  );
  return [
    warning(
      `${own}/${textOf(policy, 'metadata', 'name')} names callers without a sidecar, which are refused where they call through the agent of their node: ${named}`,
    ),
  ];
}

function isRunning(pod: KubeObject): boolean {
  return (
    !['Succeeded', 'Failed'].includes(textOf(pod, 'status', 'phase')) &&
    fieldOf(pod, 'spec', 'hostNetwork') !== true
  );
}

function isCaller(pod: KubeObject, caller: KubeObject, own: string): boolean {
  const namespace = textOf(pod, 'metadata', 'namespace');
  if (isRecord(caller['namespace'])) return textOf(caller, 'namespace', 'name') === namespace;
  if (!isRecord(caller['serviceAccount'])) return false;
  const of = textOf(caller, 'serviceAccount', 'namespace') || own;
  const account = textOf(pod, 'spec', 'serviceAccountName') || 'default';
  return of === namespace && textOf(caller, 'serviceAccount', 'name') === account;
}
