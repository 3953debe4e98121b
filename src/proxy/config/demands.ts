// All that requests ask for, by type of resource.

import type { Clock } from '../../base/index.ts';
import { typeUrls, virtualHostType } from '../../xds/index.ts';
import { Demand } from './demand.ts';

export interface Demands {
  readonly hosts: Demand;
  readonly clusters: Demand;
}

export function createDemands(clock: Clock): Demands {
  return { hosts: new Demand(clock), clusters: new Demand(clock) };
}

/** Of this type; null: nobody asks for such by itself. */
export function demandOf({ clusters, hosts }: Demands, typeUrl: string): Demand | null {
  if (typeUrl === virtualHostType) return hosts;
  return typeUrl === typeUrls.cluster ? clusters : null;
}
