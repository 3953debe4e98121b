// What proxies trust, as a ConfigMap in every namespace: a pod mounts what is in its own. The replica that leads keeps
// them.

import type { ControlPlane } from '../control-plane.ts';
import type { FleetOwner } from '../fleet/object-fleet.ts';
import type { FleetObject } from '../fleet/object-writer.ts';
import type { KubernetesSource } from '../kubernetes/kubernetes-source.ts';
import { fieldOf, textOf } from '../kubernetes/types.ts';
import { objectKey } from '../source/types.ts';
import { authorityName } from './secret.ts';

/** A namespace, and what its pods are to trust. */
export interface RootOwner extends FleetOwner {
  readonly roots: string;
  /** What the ConfigMap there says now; empty: there is none. */
  readonly present: string;
}

/** Null: not all has been read yet, or there is nothing to trust. */
export function listRootOwners(
  plane: ControlPlane,
  source: KubernetesSource,
  roots: string | null,
): readonly RootOwner[] | null {
  if (!plane.settled || roots === null) return null;
  const namespaces = source
    .objectsOf('Namespace', '')
    // Nothing can be made in one that is going.
    .filter(({ value }) => fieldOf(value, 'metadata', 'deletionTimestamp') === undefined);
  return namespaces.map(({ name }) => ({
    namespace: name,
    name: authorityName,
    uid: '',
    roots,
    present: textOf(source.objectOf(objectKey(name, 'ConfigMap', authorityName)), 'data', 'ca.crt'),
  }));
}

export function renderRoots({ namespace, roots }: RootOwner): readonly FleetObject[] {
  const metadata = { name: authorityName, namespace };
  return [
    {
      root: '/api/v1',
      plural: 'configmaps',
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': roots } },
    },
  ];
}
