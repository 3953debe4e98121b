// The API server and the nodes: native sidecars (containers that start before the application and end after it) need
// both at Kubernetes 1.29 (KEP-753, on by default from there). Before it proxies are ordinary containers.

import { type KubeObject, textOf } from '../../../control/index.ts';
import {
  type CheckLine,
  type ClusterCheck,
  fault,
  fine,
  listNames,
  overList,
  unknown,
  warning,
} from './types.ts';

/** Minor version of Kubernetes 1. */
const minorMin = 29;

export const apiServerCheck: ClusterCheck = {
  name: 'api-server',
  async run(reader) {
    const answer = await reader.get('/version');
    if (!answer.ok) return [fault(answer.error.message)];
    const version = textOf(answer.value ?? {}, 'gitVersion');
    const minor = minorOf(version);
    if (minor === null) return [unknown(`its version is not understood (${version})`)];
    if (minor < minorMin)
      return [
        warning(`Kubernetes ${version}: proxies are ordinary containers, native sidecars need 1.${minorMin}`),
      ];
    return [fine(`Kubernetes ${version}`)];
  },
};

export const nodesCheck: ClusterCheck = {
  name: 'nodes',
  async run(reader) {
    const answer = await reader.get('/version');
    const minor = answer.ok ? minorOf(textOf(answer.value ?? {}, 'gitVersion')) : null;
    // What is injected follows the API server; a kubelet that is older would be asked for what it does not know.
    const native = minor === null || minor >= minorMin;
    return await overList(reader, '/api/v1/nodes', (nodes) => judgeNodes(nodes, native));
  },
};

function judgeNodes(nodes: readonly KubeObject[], native: boolean): readonly CheckLine[] {
  if (nodes.length === 0) return [fault('there is none')];
  const infoOf = (node: KubeObject, name: string) => textOf(node, 'status', 'nodeInfo', name);
  const named = (chosen: readonly KubeObject[]) =>
    listNames(chosen.map((node) => textOf(node, 'metadata', 'name')));
  const linux = nodes.filter((node) => infoOf(node, 'operatingSystem') !== 'windows');
  const old = linux.filter((node) => (minorOf(infoOf(node, 'kubeletVersion')) ?? 0) < minorMin);
  const others = nodes.length - linux.length;
  const architectures = [...new Set(linux.map((node) => infoOf(node, 'architecture')))].sort();
  return [
    native && old.length > 0
      ? fault(`sidecars need a kubelet of 1.${minorMin}: ${named(old)}`)
      : fine(`${linux.length} of Linux (${architectures.join(', ')}), kubelets as proxies need them`),
    ...(others > 0 ? [fine(`${others} of Windows, whose pods are left alone`)] : []),
  ];
}

function minorOf(version: string): number | null {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return major === '1' ? Number(minor) : null;
}
