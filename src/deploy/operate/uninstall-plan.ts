// What an installation left in a cluster, in the order in which it is taken away: first what would make more of it (the
// webhook, the control plane), then what the control plane made for others, then the rest. Names are those that
// `weft install` gives: whatever else is there is not ours to delete.

import {
  customResourceDefinitions,
  type KubeObject,
  managedLabel,
  managedValue,
  textOf,
} from '../../control/index.ts';
import { createInstallation } from '../install.ts';
import { listMeshPods, type MeshPod } from './mesh-pods.ts';

export interface UninstallOptions {
  /** Where the mesh is installed. */
  readonly namespace: string;
  /** The definitions too, and with them every policy of the cluster. */
  readonly definitions: boolean;
  /** Others have something in it. */
  readonly keepNamespace: boolean;
}

/** Objects that go together; a step begins once the one before it is gone. */
export interface UninstallStep {
  readonly title: string;
  readonly objects: readonly KubeObject[];
}

/** What the control plane makes: proxies of Gateways, fences of Services, its authority and what trusts it. */
const managedCollections = [
  { apiVersion: 'apps/v1', kind: 'Deployment', path: '/apis/apps/v1/deployments' },
  { apiVersion: 'v1', kind: 'Service', path: '/api/v1/services' },
  { apiVersion: 'v1', kind: 'ServiceAccount', path: '/api/v1/serviceaccounts' },
  { apiVersion: 'v1', kind: 'Secret', path: '/api/v1/secrets' },
  { apiVersion: 'v1', kind: 'ConfigMap', path: '/api/v1/configmaps' },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    path: '/apis/networking.k8s.io/v1/networkpolicies',
  },
].map((collection) => ({ ...collection, label: `${managedLabel}=${managedValue}` }));

/** What each replica says to the others. */
const reports = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  path: '/apis/coordination.k8s.io/v1/leases',
  label: 'app.kubernetes.io/part-of=weft',
};

/** By its label, wherever it is. */
export async function listManaged(
  list: (path: string) => Promise<readonly KubeObject[]>,
): Promise<readonly KubeObject[]> {
  const lists = await Promise.all(
    [...managedCollections, reports].map(async ({ apiVersion, kind, path, label }) => {
      const objects = await list(`${path}?labelSelector=${encodeURIComponent(label)}`);
      // Items of a list say neither.
      return objects.map((object) => ({ ...object, apiVersion, kind }));
    }),
  );
  return lists.flat();
}

/** `managed`: what those collections hold. */
export function planUninstall(
  { namespace, definitions, keepNamespace }: UninstallOptions,
  managed: readonly KubeObject[],
): readonly UninstallStep[] {
  const pem = '-----BEGIN';
  const all = createInstallation({
    image: 'any',
    namespace,
    replicas: 1,
    agents: true,
    monitors: true,
    webhook: { cert: pem, key: pem, ca: pem },
  });
  const isMaker = (object: KubeObject) =>
    ['MutatingWebhookConfiguration', 'Deployment', 'DaemonSet'].includes(textOf(object, 'kind'));
  const ours = all.filter((object) => textOf(object, 'kind') !== 'CustomResourceDefinition');
  const isNamespace = (object: KubeObject) => textOf(object, 'kind') === 'Namespace';
  // Made by whoever leads, not by the installation.
  const lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'weft-control', namespace },
  };
  return [
    { title: 'what makes more of it', objects: ours.filter(isMaker) },
    { title: 'what the control plane made', objects: managed },
    {
      title: 'the rest',
      objects: [...ours.filter((object) => !isMaker(object) && !isNamespace(object)), lease],
    },
    {
      title: 'definitions, with every object of their kinds',
      objects: definitions ? (customResourceDefinitions() as readonly KubeObject[]) : [],
    },
    { title: 'its namespace', objects: keepNamespace ? [] : ours.filter(isNamespace) },
  ];
}

/** Pods that still have a sidecar. They go on with what they have: but nobody tells them of changes any more. */
export function listInjected(pods: readonly KubeObject[]): readonly MeshPod[] {
  return listMeshPods(pods).filter(({ role }) => role === 'sidecar');
}

/** Pods in the mesh's namespace that are none of the mesh's: with the namespace they would go too. */
export function listForeign(pods: readonly KubeObject[], namespace: string): readonly string[] {
  const ours = new Set(listMeshPods(pods).map((pod) => `${pod.namespace}/${pod.name}`));
  return pods
    .filter((pod) => textOf(pod, 'metadata', 'namespace') === namespace)
    .filter((pod) => !['Succeeded', 'Failed'].includes(textOf(pod, 'status', 'phase')))
    .map((pod) => `${namespace}/${textOf(pod, 'metadata', 'name')}`)
    .filter((name) => !ours.has(name));
}
