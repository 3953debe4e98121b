// Which pods of a cluster run something of the mesh, told from the pods alone: by the container that runs it, as a
// webhook, `weft inject` or `weft install` made it.

import { fieldOf, isRecord, type KubeObject, revisionLabel, textOf } from '../../control/index.ts';
import { cniName } from '../install-cni.ts';

export type MeshRole = 'sidecar' | 'agent' | 'gateway' | 'control' | 'webhook' | 'cni';

export interface MeshPod {
  readonly namespace: string;
  readonly name: string;
  readonly role: MeshRole;
  /** Whose log is the mesh's. */
  readonly container: string;
  readonly image: string;
  /** Of the control plane that made it, or that it is; '': of the one without. */
  readonly revision: string;
  /** Of its proxy at the control plane; empty: it runs none. */
  readonly nodeId: string;
  /** Unix time in milliseconds; 0: it has none yet. */
  readonly startedAtMs: number;
  readonly phase: string;
  readonly ready: boolean;
  readonly leaving: boolean;
}

/** Container to what it is; sidecars are init containers that stay. */
export const meshContainers: Readonly<Record<string, MeshRole>> = {
  'weft-proxy': 'sidecar',
  'weft-agent': 'agent',
  'weft-gateway': 'gateway',
  'weft-control': 'control',
  'weft-inject': 'webhook',
  [cniName]: 'cni',
};

/** Those that ended are left out. */
export function listMeshPods(pods: readonly KubeObject[]): readonly MeshPod[] {
  return pods
    .map(readMeshPod)
    .filter((pod) => pod !== null)
    .filter(({ phase }) => phase !== 'Succeeded' && phase !== 'Failed');
}

/** null: it runs nothing of the mesh. */
export function readMeshPod(pod: KubeObject): MeshPod | null {
  const found = findContainer(pod);
  if (found === null) return null;
  const [container, role] = found;
  const [namespace, name] = [textOf(pod, 'metadata', 'namespace'), textOf(pod, 'metadata', 'name')];
  return {
    namespace,
    name,
    role,
    container: textOf(container, 'name'),
    image: textOf(container, 'image'),
    // Labels are people's; what was injected says so by an annotation.
    revision: textOf(pod, 'metadata', 'annotations', revisionLabel),
    nodeId: nodeIdOf(role, namespace, name, textOf(pod, 'spec', 'nodeName')),
    startedAtMs: Date.parse(textOf(pod, 'status', 'startTime')) || 0,
    phase: textOf(pod, 'status', 'phase'),
    ready: isReady(pod),
    leaving: textOf(pod, 'metadata', 'deletionTimestamp') !== '',
  };
}

function findContainer(pod: KubeObject): readonly [KubeObject, MeshRole] | null {
  for (const container of [...listOf(pod, 'spec', 'initContainers'), ...listOf(pod, 'spec', 'containers')]) {
    const name = textOf(container, 'name');
    const role = Object.hasOwn(meshContainers, name) ? meshContainers[name] : undefined;
    if (role !== undefined) return [container, role];
  }
  return null;
}

/** As `weft bootstrap` makes them. */
function nodeIdOf(role: MeshRole, namespace: string, name: string, node: string): string {
  if (role === 'agent') return `agent~${node}`;
  return role === 'sidecar' || role === 'gateway' ? `${role}~${name}.${namespace}` : '';
}

export function isReady(object: KubeObject): boolean {
  return listOf(object, 'status', 'conditions').some(
    (condition) => textOf(condition, 'type') === 'Ready' && textOf(condition, 'status') === 'True',
  );
}

export function listOf(object: KubeObject, ...path: readonly string[]): readonly KubeObject[] {
  const value = fieldOf(object, ...path);
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
