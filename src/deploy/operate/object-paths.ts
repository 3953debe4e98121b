// Where the API server has an object of the kinds that an installation is made of.

import { type KubeObject, textOf } from '../../control/index.ts';

/** Kind to its resource, and whether it lives in a namespace. */
const resources: Readonly<Record<string, readonly [plural: string, scope: 'cluster' | 'namespace']>> = {
  CustomResourceDefinition: ['customresourcedefinitions', 'cluster'],
  Namespace: ['namespaces', 'cluster'],
  ServiceAccount: ['serviceaccounts', 'namespace'],
  ClusterRole: ['clusterroles', 'cluster'],
  ClusterRoleBinding: ['clusterrolebindings', 'cluster'],
  Role: ['roles', 'namespace'],
  RoleBinding: ['rolebindings', 'namespace'],
  Service: ['services', 'namespace'],
  Secret: ['secrets', 'namespace'],
  ConfigMap: ['configmaps', 'namespace'],
  Deployment: ['deployments', 'namespace'],
  DaemonSet: ['daemonsets', 'namespace'],
  PodDisruptionBudget: ['poddisruptionbudgets', 'namespace'],
  MutatingWebhookConfiguration: ['mutatingwebhookconfigurations', 'cluster'],
  NetworkPolicy: ['networkpolicies', 'namespace'],
  PodMonitor: ['podmonitors', 'namespace'],
  Lease: ['leases', 'namespace'],
};

/** The path of an object; throws on a kind that has no row (a bug: a test makes every installation). */
export function pathOfObject(object: KubeObject): string {
  const { plural, scope, root } = placeOf(object);
  const namespace = encodeURIComponent(textOf(object, 'metadata', 'namespace'));
  const within = scope === 'namespace' ? `/namespaces/${namespace}` : '';
  return `${root}${within}/${plural}/${encodeURIComponent(textOf(object, 'metadata', 'name'))}`;
}

/** As kubectl writes it: `deployment/weft-control`, with its namespace before it. */
export function nameOfObject(object: KubeObject): string {
  const namespace = textOf(object, 'metadata', 'namespace');
  const name = `${textOf(object, 'kind')}/${textOf(object, 'metadata', 'name')}`;
  return namespace === '' ? name : `${namespace}: ${name}`;
}

function placeOf(object: KubeObject) {
  const kind = textOf(object, 'kind');
  const row = Object.hasOwn(resources, kind) ? resources[kind] : undefined;
  if (row === undefined) throw new Error(`bug: no resource is known for ${kind}`);
  const version = textOf(object, 'apiVersion');
  return {
    plural: row[0],
    scope: row[1],
    root: version.includes('/') ? `/apis/${version}` : `/api/${version}`,
  };
}
