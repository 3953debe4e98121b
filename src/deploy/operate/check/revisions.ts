// Revisions side by side: what namespaces name is there, and what runs in them was made by it.

import { type KubeObject, revisionNamedBy, textOf } from '../../../control/index.ts';
import { listMeshPods } from '../mesh-pods.ts';
import { listRevisions } from '../uninstall-plan.ts';
import { type CheckLine, type ClusterCheck, fault, fine, listNames, overList, warning } from './types.ts';

export const revisionsCheck: ClusterCheck = {
  name: 'revisions',
  run: (reader, { namespace }) =>
    overList(reader, `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments`, (deployments) =>
      overList(reader, '/api/v1/namespaces', (namespaces) =>
        overList(reader, '/api/v1/pods', (pods) => {
          const lines = [
            ...judgeNames(namespaces, listRevisions(deployments)),
            ...judgePods(namespaces, pods),
          ];
          return lines.length > 0 ? lines : [fine('every namespace has the control plane that it names')];
        }),
      ),
    ),
};

export function describeRevision(revision: string): string {
  return revision === '' ? 'the one without a revision' : `revision ${revision}`;
}

function judgeNames(namespaces: readonly KubeObject[], there: readonly string[]): readonly CheckLine[] {
  const lost = namespaces.filter(
    (one) => revisionNamedBy(one) !== '' && !there.includes(revisionNamedBy(one)),
  );
  return lost.map((one) =>
    fault(
      `${nameOf(one)} names revision ${revisionNamedBy(one)}, which is not there: nobody injects its pods`,
    ),
  );
}

/** Who moved goes on with the sidecar of before until its pod is made anew. */
function judgePods(namespaces: readonly KubeObject[], pods: readonly KubeObject[]): readonly CheckLine[] {
  const named = new Map(namespaces.map((one) => [nameOf(one), revisionNamedBy(one)]));
  const behind = listMeshPods(pods).filter(
    ({ role, namespace, revision, leaving }) =>
      role === 'sidecar' && !leaving && named.get(namespace) !== revision,
  );
  return [...Map.groupBy(behind, ({ revision }) => revision)].map(([revision, those]) =>
    warning(
      `sidecars of ${describeRevision(revision)}, where their namespace names another: ${listNames(
        those.map(({ namespace, name }) => `${namespace}/${name}`),
      )}; restart them`,
    ),
  );
}

function nameOf(object: KubeObject): string {
  return textOf(object, 'metadata', 'name');
}
