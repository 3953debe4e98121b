// Namespaces move between the agents of their nodes and a sidecar beside every replica: a label and a variable of the
// environment, and the Deployment's own rolling update. No program is built anew.

import { meshOfAgent } from './bank.ts';
import type { Stage } from './stage.ts';

export type Attachment = 'agent' | 'sidecar';

export async function moveTo(
  stage: Stage,
  attachment: Attachment,
  names: readonly string[],
): Promise<object> {
  for (const name of names) {
    const label = attachment === 'sidecar' ? 'weft.dev/inject=enabled' : 'weft.dev/inject-';
    await stage.kubectl(`label namespace ${name} --overwrite ${label}`);
    const mesh = attachment === 'sidecar' ? 'MESH-' : `'MESH=${meshOfAgent}'`;
    // The bank's own: the edge's Deployment is the control plane's.
    await stage.kubectl(`set env -n ${name} deployment -l app ${mesh}`);
  }
  await stage.whenRolledOut(names);
  const moved: Record<string, number> = {};
  for (const name of names) moved[name] = await countPods(stage, name, attachment);
  return { moved };
}

/** Throws where a pod is not attached as it should be. */
async function countPods(stage: Stage, namespace: string, attachment: Attachment): Promise<number> {
  const { items } = JSON.parse(await stage.kubectl(`get pods -n ${namespace} -l app -o json`)) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
      readonly spec: { readonly initContainers?: readonly { readonly name: string }[] };
    }[];
  };
  const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  for (const { metadata, spec } of staying) {
    const has = spec.initContainers?.some(({ name }) => name === 'weft-proxy') === true;
    if (has !== (attachment === 'sidecar'))
      throw new Error(`pod ${namespace}/${metadata.name} has ${has ? 'a' : 'no'} sidecar`);
  }
  return staying.length;
}
