// Namespaces move between the agents of their nodes and a sidecar beside every replica: a label and a variable of the
// environment, and the Deployment's own rolling update. No program is built anew.

import { meshOfAgent } from './bank.ts';
import type { Stage } from './stage.ts';

export type Attachment = 'agent' | 'sidecar';

export async function moveTo(
  stage: Stage,
  attachment: Attachment,
  names: readonly string[],
  revision = '',
): Promise<object> {
  for (const name of names) {
    await stage.kubectl(`label namespace ${name} --overwrite ${labelsOf(attachment, revision)}`);
    const mesh = attachment === 'sidecar' ? 'MESH-' : `'MESH=${meshOfAgent}'`;
    // The bank's own: the edge's Deployment is the control plane's.
    await stage.kubectl(`set env -n ${name} deployment -l app ${mesh}`);
  }
  await stage.whenRolledOut(names);
  const moved: Record<string, number> = {};
  for (const name of names) moved[name] = await countPods(stage, name, attachment, revision);
  return { moved };
}

/** Without sidecars a namespace stays its revision's: its Gateway is. */
function labelsOf(attachment: Attachment, revision: string): string {
  if (revision === '') return attachment === 'sidecar' ? 'weft.dev/inject=enabled' : 'weft.dev/inject-';
  return attachment === 'sidecar' ? `weft.dev/inject- weft.dev/rev=${revision}` : 'weft.dev/inject=disabled';
}

/** Throws where a pod is not attached as it should be. */
export async function countPods(
  stage: Stage,
  namespace: string,
  attachment: Attachment,
  revision: string,
): Promise<number> {
  const { items } = JSON.parse(await stage.kubectl(`get pods -n ${namespace} -l app -o json`)) as {
    readonly items: readonly {
      readonly metadata: {
        readonly name: string;
        readonly annotations?: Readonly<Record<string, string>>;
        readonly deletionTimestamp?: string;
      };
      readonly spec: { readonly initContainers?: readonly { readonly name: string }[] };
    }[];
  };
  const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  for (const { metadata, spec } of staying) {
    const has = spec.initContainers?.some(({ name }) => name === 'weft-proxy') === true;
    if (has !== (attachment === 'sidecar'))
      throw new Error(`pod ${namespace}/${metadata.name} has ${has ? 'a' : 'no'} sidecar`);
    const by = metadata.annotations?.['weft.dev/rev'] ?? '';
    if (has && by !== revision) throw new Error(`pod ${namespace}/${metadata.name} is of revision ${by}`);
  }
  return staying.length;
}
