// Control planes side by side: each but one has a revision, by which namespaces and Gateways name the one that serves
// them. What carries no name is served by the one without a revision.

import { type KubeObject, textOf } from '../kubernetes/types.ts';

/** Of a namespace, and of a Gateway that is to differ from its namespace; and of what a revision was installed by. */
export const revisionLabel = 'weft.dev/rev';

/** '': it names none. */
export function revisionNamedBy(object: KubeObject | null): string {
  return object === null ? '' : textOf(object, 'metadata', 'labels', revisionLabel);
}

/** Whose a Gateway is: of the revision that it names itself, or its namespace. */
export function revisionOfGateway(gateway: KubeObject, namespace: KubeObject | null): string {
  return revisionNamedBy(gateway) || revisionNamedBy(namespace);
}
