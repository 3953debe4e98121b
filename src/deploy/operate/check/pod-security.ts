// Pod Security levels: the API server refuses pods that ask for more than the namespace's level. The control plane
// and the agents fit `restricted`, the CNI plugin's agent enters networks (`privileged`). What
// redirects a sidecar's connections changes its pod's network (NET_ADMIN: no level but `privileged` has it), unless
// that plugin does.

import { type KubeObject, revisionNamedBy, textOf } from '../../../control/index.ts';
import { annotations } from '../../annotations.ts';
import { cniName } from '../../install-cni.ts';
import { isPart } from '../../labels.ts';
import { type CheckLine, type ClusterCheck, fault, fine, listNames, overList } from './types.ts';

const label = 'pod-security.kubernetes.io/enforce';

export const podSecurityCheck: ClusterCheck = {
  name: 'pod-security',
  async run(reader, { namespace, cni }) {
    const path = `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/daemonsets/${cniName}`;
    const set = await reader.get(path);
    // Not known is as if there were none.
    const plugin = cni || (set.ok && set.value !== null);
    return await overList(reader, '/api/v1/namespaces', (all) => [
      ...judgeOwn(all, namespace, cni),
      ...judgeInjected(all, plugin),
    ]);
  },
};

function levelOf(namespace: KubeObject): string {
  return textOf(namespace, 'metadata', 'labels', label);
}

function judgeOwn(all: readonly KubeObject[], name: string, cni: boolean): readonly CheckLine[] {
  const own = all.find((namespace) => textOf(namespace, 'metadata', 'name') === name);
  if (own === undefined) return [fine(`the namespace ${name} is made by the installation`)];
  const level = levelOf(own);
  const enforces = `the namespace ${name} enforces ${level === '' ? 'nothing' : level}`;
  if (!cni || level === '' || level === 'privileged') return [fine(enforces)];
  // Helm's is the user's to label.
  return isPart(own)
    ? [fine(`${enforces}, and the installation makes it privileged`)]
    : [fault(`${enforces}, and the CNI plugin's agent needs privileged`)];
}

function judgeInjected(all: readonly KubeObject[], plugin: boolean): readonly CheckLine[] {
  const asking = all.filter(asksForSidecars);
  if (plugin && asking.length > 0)
    return [fine(`${asking.length} namespaces ask for sidecars, which need no rights with the CNI plugin`)];
  const strict = asking.filter((namespace) => !['', 'privileged'].includes(levelOf(namespace)));
  const names = strict.map((namespace) => `${textOf(namespace, 'metadata', 'name')} (${levelOf(namespace)})`);
  if (names.length > 0)
    return [
      fault(
        `pods with sidecars are refused, for NET_ADMIN wants the level privileged (or weft install --cni): ${listNames(names)}`,
      ),
    ];
  return asking.length === 0 ? [] : [fine(`${asking.length} namespaces that ask for sidecars allow them`)];
}

/** As the selectors of the webhooks have it. */
export function asksForSidecars(namespace: KubeObject): boolean {
  const asked = textOf(namespace, 'metadata', 'labels', annotations.inject);
  return revisionNamedBy(namespace) === '' ? asked === 'enabled' : asked !== 'disabled' && asked !== 'false';
}

/** The webhook of this revision: '' of the one without. */
export function asksRevision(namespace: KubeObject, revision: string): boolean {
  return asksForSidecars(namespace) && revisionNamedBy(namespace) === revision;
}
