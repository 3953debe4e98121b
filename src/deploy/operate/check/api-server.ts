// The API server and the nodes: native sidecars (containers that start before the application and end after it) need
// both at Kubernetes 1.29 (KEP-753, on by default from there).

import { type KubeObject, textOf } from '../../../control/index.ts';
import { type CheckLine, type ClusterCheck, fault, fine, listNames, overList, unknown } from './types.ts';

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
    if (minor < minorMin) return [fault(`Kubernetes ${version}: sidecars need 1.${minorMin}`)];
    return [fine(`Kubernetes ${version}`)];
  },
};

export const nodesCheck: ClusterCheck = {
  name: 'nodes',
  run: (reader) => overList(reader, '/api/v1/nodes', judgeNodes),
};

function judgeNodes(nodes: readonly KubeObject[]): readonly CheckLine[] {
  if (nodes.length === 0) return [fault('there is none')];
  const infoOf = (node: KubeObject, name: string) => textOf(node, 'status', 'nodeInfo', name);
  const named = (chosen: readonly KubeObject[]) =>
    listNames(chosen.map((node) => textOf(node, 'metadata', 'name')));
  const linux = nodes.filter((node) => infoOf(node, 'operatingSystem') !== 'windows');
  const old = linux.filter((node) => (minorOf(infoOf(node, 'kubeletVersion')) ?? 0) < minorMin);
  const others = nodes.length - linux.length;
  const architectures = [...new Set(linux.map((node) => infoOf(node, 'architecture')))].sort();
  return [
    old.length > 0
      ? fault(`sidecars need a kubelet of 1.${minorMin}: ${named(old)}`)
      : fine(`${linux.length} of Linux (${architectures.join(', ')}), kubelets as sidecars need them`),
    ...(others > 0 ? [fine(`${others} of Windows, whose pods are left alone`)] : []),
  ];
}

function minorOf(version: string): number | null {
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version) ?? [];
  return major === '1' ? Number(minor) : null;
}
