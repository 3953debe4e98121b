// Who else is there: another installation of this mesh, whose names in the cluster are the same, or another mesh that
// injects into the same pods.

import { type KubeObject, revisionNamedBy, textOf } from '../../../control/index.ts';
import { listOf } from '../mesh-pods.ts';
import { isControlPlane } from '../uninstall-plan.ts';
import { describeRevision } from './revisions.ts';
import {
  type CheckLine,
  type CheckTarget,
  type ClusterCheck,
  fault,
  fine,
  overList,
  warning,
} from './types.ts';

/** Service of an injector to its mesh. */
const otherMeshes: Readonly<Record<string, string>> = {
  istiod: 'Istio',
  'linkerd-proxy-injector': 'Linkerd',
  'kuma-control-plane': 'Kuma',
  'consul-connect-injector': 'Consul',
  'osm-injector': 'Open Service Mesh',
};

export const conflictsCheck: ClusterCheck = {
  name: 'conflicts',
  async run(reader, target) {
    const own = await overList(
      reader,
      '/apis/apps/v1/deployments?labelSelector=app.kubernetes.io%2Fpart-of%3Dweft',
      (found) => judgeInstalls(found.filter(isControlPlane), target),
    );
    const hooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
    return [...own, ...(await overList(reader, hooks, judgeHooks))];
  },
};

function judgeInstalls(
  found: readonly KubeObject[],
  { namespace, revision }: CheckTarget,
): readonly CheckLine[] {
  const others = found
    .map((one) => textOf(one, 'metadata', 'namespace'))
    .filter((name) => name !== namespace);
  if (others.length > 0)
    return [
      fault(
        `the mesh is installed in ${others.join(', ')} already, and one namespace has all of its control planes`,
      ),
    ];
  const revisions = found.map(revisionNamedBy);
  if (revisions.includes(revision))
    return [fine(`installed in ${namespace}: this would be an upgrade of ${describeRevision(revision)}`)];
  if (found.length === 0) return [fine('no other installation')];
  return [fine(`this would stand beside ${revisions.map(describeRevision).join(', ')}`)];
}

function judgeHooks(configurations: readonly KubeObject[]): readonly CheckLine[] {
  const services = configurations
    .flatMap((one) => listOf(one, 'webhooks'))
    .map((hook) => textOf(hook, 'clientConfig', 'service', 'name'));
  const found = [...new Set(services.map(meshOf).filter((mesh) => mesh !== null))];
  return found.map((mesh) =>
    warning(`${mesh} injects pods here too: no namespace may ask both for sidecars`),
  );
}

/** Revisions have names of their own, as `istiod-canary`. */
function meshOf(service: string): string | null {
  const name = Object.keys(otherMeshes).find((one) => service === one || service.startsWith(`${one}-`));
  return name === undefined ? null : otherMeshes[name]!;
}
