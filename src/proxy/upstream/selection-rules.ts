// By which rules the endpoints of a cluster are chosen from, of one that runs and of one that sleeps.

import type { BalanceCounts, SelectionRules } from '../../policy/index.ts';
import type { ClusterConfig, EndpointAssignment } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';

/** How the health of endpoints is counted. */
export type Counting = Pick<EndpointAssignment, 'overprovisioningPercent' | 'weightedHealth'>;

export function selectionRules(
  { local }: ProxyContext,
  { locality, panicPercent }: ClusterConfig,
  { overprovisioningPercent, weightedHealth }: Counting,
  counts: BalanceCounts,
): SelectionRules {
  return {
    panicPercent,
    overprovisioningPercent,
    weightedHealth,
    locality,
    local: local?.current ?? null,
    sizes: null,
    counts,
  };
}
