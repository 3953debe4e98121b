// Revisions side by side: what namespaces and Gateways name is there, and what runs in them was made by it.

import { type KubeObject, revisionNamedBy, revisionOfGateway, textOf } from '../../../control/index.ts';
import { listMeshPods } from '../mesh-pods.ts';
import { listRevisions } from '../uninstall-plan.ts';
import { overGateways } from './mesh-gateways.ts';
import { type CheckLine, type ClusterCheck, fault, fine, listNames, overList, warning } from './types.ts';

export const revisionsCheck: ClusterCheck = {
  name: 'revisions',
  run: (reader, { namespace }) =>
    overList(reader, `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/deployments`, (deployments) =>
      overList(reader, '/api/v1/namespaces', (namespaces) =>
        overList(reader, '/api/v1/pods', (pods) =>
          overGateways(reader, (gateways) => {
            const there = listRevisions(deployments);
            const lines = [
              ...judgeNames(namespaces, there),
              ...judgeGateways(gateways, namespaces, there),
              ...judgePods(namespaces, pods),
            ];
            return lines.length > 0 ? lines : [fine('all have the control plane that they name')];
          }),
        ),
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

function judgeGateways(
  gateways: readonly KubeObject[],
  namespaces: readonly KubeObject[],
  there: readonly string[],
): readonly CheckLine[] {
  const named = new Map(namespaces.map((one) => [nameOf(one), one]));
  const namespaceOf = (one: KubeObject) => textOf(one, 'metadata', 'namespace');
  const revisionOf = (one: KubeObject) => revisionOfGateway(one, named.get(namespaceOf(one)) ?? null);
  const lost = gateways.filter((one) => !there.includes(revisionOf(one)));
  return [...Map.groupBy(lost, revisionOf)].map(([revision, those]) =>
    fault(
      `Gateways of ${describeRevision(revision)}, which is not there: ${listNames(
        those.map((one) => `${namespaceOf(one)}/${nameOf(one)}`),
      )}; nobody serves them`,
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
