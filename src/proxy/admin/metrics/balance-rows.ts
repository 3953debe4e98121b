// Metrics of who is chosen: members, active checks, panic, zone-aware routing.

import type { MetricType } from '../../../observe/index.ts';
import type { BalanceCounts } from '../../../policy/index.ts';
import type { ClusterView } from '../../stats/index.ts';

export interface ClusterRow {
  /** Behind `envoy_cluster_`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly value: (cluster: ClusterView) => number;
}

/** Of what the balancer counts. */
function counted(name: string, type: MetricType, help: string, key: keyof BalanceCounts): ClusterRow {
  return { name, type, help, value: ({ stats }) => stats.balance[key] };
}

export const balanceRows: readonly ClusterRow[] = [
  { name: 'membership_total', type: 'gauge', help: 'Endpoints.', value: (c) => c.endpoints.length },
  {
    name: 'membership_change',
    type: 'counter',
    help: 'Times that endpoints joined or left.',
    value: (c) => c.stats.membershipChanges,
  },
  {
    name: 'assignment_stale',
    type: 'counter',
    help: 'Sets of endpoints that were used for as long as they may be (endpoint_stale_after).',
    value: (c) => c.stats.staleAssignments,
  },
  {
    name: 'membership_excluded',
    type: 'gauge',
    help: 'Endpoints that do not count towards the share that must be healthy.',
    value: (c) => c.endpoints.reduce((count, { excluded }) => count + (excluded ? 1 : 0), 0),
  },
  counted('lb_healthy_panic', 'counter', 'Picks among all endpoints because too few were usable.', 'panics'),
  counted(
    'lb_recalculate_zone_structures',
    'counter',
    'Times that zone-aware routing was planned.',
    'zonesPlanned',
  ),
  counted(
    'lb_zone_cluster_too_small',
    'counter',
    'Plans not made because too few endpoints were healthy.',
    'zonesTooSmall',
  ),
  counted(
    'lb_local_cluster_not_ok',
    'counter',
    'Plans not made because the local cluster has no endpoint here, or is in panic.',
    'localNotOk',
  ),
  counted(
    'lb_zone_routing_all_directly',
    'counter',
    'Picks in the own zone, where all requests stay.',
    'zonesDirect',
  ),
  counted(
    'lb_zone_routing_sampled',
    'counter',
    'Picks in the own zone, where a share of the requests stays.',
    'zonesSampled',
  ),
  counted('lb_zone_routing_cross_zone', 'counter', 'Picks in another zone.', 'zonesCrossed'),
  counted(
    'lb_zone_no_capacity_left',
    'counter',
    'Those for which no zone had anything to spare.',
    'zonesNoCapacity',
  ),
  counted('lb_subsets_active', 'gauge', 'Subsets of endpoints.', 'subsetsActive'),
  counted('lb_subsets_created', 'counter', 'Subsets that came to be.', 'subsetsCreated'),
  counted('lb_subsets_removed', 'counter', 'Subsets that lost their last endpoint.', 'subsetsRemoved'),
  counted(
    'lb_subsets_selected',
    'counter',
    'Picks in the subset that a request asked for.',
    'subsetsSelected',
  ),
  counted(
    'lb_subsets_fallback',
    'counter',
    'Picks in the fallback, for want of a subset.',
    'subsetsFallback',
  ),
  counted(
    'lb_subsets_fallback_panic',
    'counter',
    'Picks among all endpoints, because the fallback had none.',
    'subsetsFallbackPanic',
  ),
  counted(
    'lb_subsets_single_host_per_subset_duplicate',
    'gauge',
    'Endpoints left out of subsets of one endpoint each.',
    'subsetDuplicates',
  ),
];
