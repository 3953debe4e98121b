// Which pod a person means by PROXY: `namespace/pod`, a pod of the kubeconfig's namespace, or the id that a proxy has
// at the control plane.

import { Argument } from 'commander';
import { type KubeObject, textOf } from '../control/index.ts';
import { listMeshPods, type MeshPod, readMeshPod } from '../deploy/index.ts';
import { type ClusterFlags, listOrExit, type OpenCluster, orExit } from './cluster.ts';
import { Exit, exitCode } from './command.ts';

export const proxyArgument = new Argument(
  '<proxy>',
  'NAMESPACE/POD, POD of the context’s namespace, or an id as sidecar~POD.NAMESPACE, agent~NODE',
);

/** Ends the program where there is no such pod, or it runs nothing of the mesh. */
export async function findProxy(
  cluster: OpenCluster,
  words: string,
  name: string,
  { meshNamespace }: ClusterFlags,
): Promise<MeshPod> {
  const [, role = '', rest = ''] = /^([a-z]+)~(.+)$/.exec(name) ?? [];
  if (role === 'agent') {
    const pods = await listOrExit(cluster, words, `/api/v1/namespaces/${meshNamespace}/pods`);
    const agent = listMeshPods(pods).find(({ nodeId }) => nodeId === name);
    if (agent !== undefined) return agent;
    throw new Exit(exitCode.notFine, `${words}: no pod in ${meshNamespace} is the agent of node ${rest}`);
  }
  const dot = rest.lastIndexOf('.');
  const [namespace = '', pod = ''] =
    role === '' ? splitName(name, cluster.namespace) : [rest.slice(dot + 1), rest.slice(0, dot)];
  const found = readMeshPod(await readPod(cluster, words, namespace, pod));
  if (found !== null) return found;
  throw new Exit(exitCode.notFine, `${words}: pod ${namespace}/${pod} runs nothing of the mesh`);
}

function splitName(name: string, standard: string): readonly string[] {
  const parts = name.split('/');
  return parts.length === 1 ? [standard, name] : parts;
}

async function readPod(
  { api }: OpenCluster,
  words: string,
  namespace: string,
  pod: string,
): Promise<KubeObject> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
  const { status, body } = orExit(words, await api.request({ method: 'GET', path }));
  if (status === 200 && textOf(body, 'metadata', 'name') !== '') return body;
  throw new Exit(exitCode.notFine, `${words}: pod ${namespace}/${pod}: ${status} ${textOf(body, 'message')}`);
}
