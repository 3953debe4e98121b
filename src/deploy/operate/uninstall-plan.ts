// What an installation left in a cluster, in the order in which it is taken away: first what would make more of it (the
// webhook, the control plane), then what the control plane made for others, then the rest. Names are those that
// `weft install` gives: whatever else is there is not ours to delete.

import {
  customResourceDefinitions,
  type KubeObject,
  managedLabel,
  managedValue,
  revisionNamedBy,
  textOf,
} from '../../control/index.ts';
import { createInstallation } from '../install.ts';
import { cniFolders } from '../install-cni.ts';
import { proxiesMonitor } from '../monitors.ts';
import { namesOf, sharedLease } from '../revision.ts';
import { listMeshPods, listOf, type MeshPod, meshContainers } from './mesh-pods.ts';

export interface UninstallOptions {
  /** Where the mesh is installed. */
  readonly namespace: string;
  /** What goes; '': the one without. */
  readonly revision: string;
  /** Others that are there: what they share with it stays. */
  readonly others: readonly string[];
  /** The agents of the nodes are of this revision. */
  readonly agents: boolean;
  /** The CNI plugin's too. */
  readonly cni: boolean;
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
  {
    apiVersion: 'projectcalico.org/v3',
    kind: 'NetworkPolicy',
    path: '/apis/projectcalico.org/v3/networkpolicies',
  },
].map((collection) => ({ ...collection, label: `${managedLabel}=${managedValue}` }));

/** What each replica says to the others. */
const reports = {
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  path: '/apis/coordination.k8s.io/v1/leases',
  label: 'app.kubernetes.io/part-of=weft',
};

export interface ManagedObjects {
  readonly ours: readonly KubeObject[];
  /** They have the label, and the control plane never wrote to them: somebody else's, or a copy. */
  readonly foreign: readonly KubeObject[];
}

/** By its label, wherever it is, and by who wrote it: a label anybody may give. */
export async function listManaged(
  list: (path: string) => Promise<readonly KubeObject[]>,
): Promise<ManagedObjects> {
  const lists = await Promise.all(
    [...managedCollections, reports].map(async ({ apiVersion, kind, path, label }) => {
      const objects = await list(`${path}?labelSelector=${encodeURIComponent(label)}`);
      // Items of a list say neither.
      return objects.map((object) => ({ ...object, apiVersion, kind }));
    }),
  );
  const { ours = [], foreign = [] } = Object.groupBy(lists.flat(), (object) =>
    isWrittenByUs(object) ? 'ours' : 'foreign',
  );
  return { ours, foreign };
}

/** As the API server keeps account of it; the user agent is the manager of what was not applied. */
function isWrittenByUs(object: KubeObject): boolean {
  return listOf(object, 'metadata', 'managedFields').some(
    (entry) => textOf(entry, 'manager') === managedValue,
  );
}

/** `managed`: what those collections hold. */
export function planUninstall(
  options: UninstallOptions,
  managed: readonly KubeObject[],
): readonly UninstallStep[] {
  const { definitions, keepNamespace } = options;
  const isLast = options.others.length === 0;
  const ours = listInstalled(options);
  const isNamespace = (object: KubeObject) => textOf(object, 'kind') === 'Namespace';
  const isMaker = (object: KubeObject) =>
    ['MutatingWebhookConfiguration', 'Deployment', 'DaemonSet'].includes(textOf(object, 'kind'));
  return [
    { title: 'what makes more of it', objects: ours.filter(isMaker) },
    { title: 'what the control plane made', objects: isLast ? managed : [] },
    {
      title: 'the rest',
      objects: [...ours.filter((object) => !isMaker(object) && !isNamespace(object)), ...leasesOf(options)],
    },
    {
      title: 'definitions, with every object of their kinds',
      objects: definitions && isLast ? (customResourceDefinitions() as readonly KubeObject[]) : [],
    },
    { title: 'its namespace', objects: keepNamespace || !isLast ? [] : ours.filter(isNamespace) },
  ];
}

/** Whatever it was installed with; definitions are a question of their own. */
function listInstalled({
  namespace,
  revision,
  agents,
  cni,
  others,
}: UninstallOptions): readonly KubeObject[] {
  const pem = '-----BEGIN';
  const objects = createInstallation({
    image: 'any',
    namespace,
    revision,
    replicas: 1,
    agents: agents || others.length === 0,
    cni: cni || others.length === 0 ? cniFolders : null,
    monitors: true,
    webhook: { cert: pem, key: pem, ca: pem },
  });
  return objects.filter(
    (object) =>
      textOf(object, 'kind') !== 'CustomResourceDefinition' &&
      // One for the proxies of all.
      (others.length === 0 || textOf(object, 'metadata', 'name') !== proxiesMonitor),
  );
}

/** Made by whoever leads, not by the installation. */
function leasesOf({ namespace, revision, others }: UninstallOptions): readonly KubeObject[] {
  const names = [namesOf(revision).lease, ...(others.length === 0 ? [sharedLease] : [])];
  return names.map((name) => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
  }));
}

/** Revisions whose control plane is among these Deployments, '' for the one without. */
export function listRevisions(deployments: readonly KubeObject[]): readonly string[] {
  return deployments.filter(isControlPlane).map(revisionNamedBy).sort();
}

/** By its container, as its pods are told. */
export function isControlPlane(deployment: KubeObject): boolean {
  return listOf(deployment, 'spec', 'template', 'spec', 'containers').some(
    (container) => meshContainers[textOf(container, 'name')] === 'control',
  );
}

/**
 * Pods that ask the control plane that goes. They go on with what they have: but nobody tells them of changes any more.
 * Proxies of Gateways go with the last one; while there are others, they are theirs to keep once the Gateway says so.
 */
export function listServed(
  pods: readonly KubeObject[],
  { revision, others }: Pick<UninstallOptions, 'revision' | 'others'>,
): readonly MeshPod[] {
  const mesh = listMeshPods(pods).filter(({ leaving }) => !leaving);
  if (others.length === 0) return mesh.filter(({ role }) => role === 'sidecar');
  return mesh.filter(
    (pod) => pod.revision === revision && (pod.role === 'sidecar' || pod.role === 'gateway'),
  );
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
