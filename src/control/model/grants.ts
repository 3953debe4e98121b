// ReferenceGrants: who of one namespace may name what of another (Gateway API, ReferenceGrantSpec).

import type { ReferenceGrantObject } from '../schema/resources.ts';

export interface Referrer {
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
}

export interface Referent extends Referrer {
  readonly name: string;
}

/**
 * Routes of Services need none: they change where calls go that the mesh carries anyway, and open nothing (GEP-1294,
 * "Route types").
 */
export const allGranted: Pick<Grants, 'allow'> = { allow: () => true };

export class Grants {
  private readonly byNamespace: ReadonlyMap<string, readonly ReferenceGrantObject[]>;

  constructor(grants: readonly ReferenceGrantObject[]) {
    this.byNamespace = Map.groupBy(grants, ({ metadata }) => metadata.namespace);
  }

  /** Within a namespace nothing need be granted. */
  allow(from: Referrer, to: Referent): boolean {
    if (from.namespace === to.namespace) return true;
    return (this.byNamespace.get(to.namespace) ?? []).some(
      ({ spec }) =>
        spec.from.some(
          (one) => one.group === from.group && one.kind === from.kind && one.namespace === from.namespace,
        ) &&
        spec.to.some(
          (one) =>
            plain(one.group) === plain(to.group) &&
            one.kind === to.kind &&
            (one.name === undefined || one.name === to.name),
        ),
    );
  }
}

/** Some write the core group by its name. */
function plain(group: string): string {
  return group === 'core' ? '' : group;
}
