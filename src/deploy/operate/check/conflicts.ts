// Who else is there: another installation of this mesh, whose names in the cluster are the same, or another mesh that
// injects into the same pods.

import { type KubeObject, textOf } from '../../../control/index.ts';
import { listOf } from '../mesh-pods.ts';
import { type CheckLine, type ClusterCheck, fault, fine, overList, warning } from './types.ts';

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
  async run(reader, { namespace }) {
    const own = await overList(
      reader,
      '/apis/apps/v1/deployments?labelSelector=app%3Dweft-control',
      (found) => judgeInstalls(found, namespace),
    );
    const hooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
    return [...own, ...(await overList(reader, hooks, judgeHooks))];
  },
};

function judgeInstalls(found: readonly KubeObject[], namespace: string): readonly CheckLine[] {
  const others = found
    .map((one) => textOf(one, 'metadata', 'namespace'))
    .filter((name) => name !== namespace);
  if (others.length > 0)
    return [
      fault(`the mesh is installed in ${others.join(', ')} already, and its roles have the same names`),
    ];
  return [
    fine(found.length > 0 ? `installed in ${namespace}: this would be an upgrade` : 'no other installation'),
  ];
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
