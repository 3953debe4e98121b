// Where the endpoints of a cluster are, as reports of load name it: a proxy that makes up localities is not counted by
// them. Our endpoints have zones alone.

import type { PortModel } from './model/types.ts';

/** Looked at with every report, and no other until the endpoints change. */
const known = new WeakMap<PortModel, ReadonlySet<string>>();

/** `locality`: `region/zone/sub_zone`, without the empty parts at its end. Null: there is no such cluster. */
export function hasEndpointsIn(port: PortModel | null, locality: string): boolean {
  if (port === null) return false;
  let localities = known.get(port);
  if (localities === undefined) {
    // What a name stands for is nowhere in particular.
    const zones = port.external === null ? port.endpoints.map(({ zone }) => zone) : [''];
    localities = new Set(zones.map((zone) => (zone === '' ? '' : `/${zone}`)));
    known.set(port, localities);
  }
  return localities.has(locality);
}
