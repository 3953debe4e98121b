// Metrics of who is chosen: members, active checks, panic, zone-aware routing.

import type { MetricType } from '../../../observe/index.ts';
import type { ClusterView } from '../../stats/index.ts';

export interface ClusterRow {
  /** Behind `envoy_cluster_`. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  readonly value: (cluster: ClusterView) => number;
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
    name: 'membership_excluded',
    type: 'gauge',
    help: 'Endpoints that do not count towards the share that must be healthy.',
    value: (c) => c.endpoints.reduce((count, { excluded }) => count + (excluded ? 1 : 0), 0),
  },
  {
    name: 'lb_healthy_panic',
    type: 'counter',
    help: 'Picks among all endpoints because too few were usable.',
    value: (c) => c.stats.balance.panics,
  },
  {
    name: 'lb_recalculate_zone_structures',
    type: 'counter',
    help: 'Times that zone-aware routing was planned.',
    value: (c) => c.stats.balance.zonesPlanned,
  },
  {
    name: 'lb_zone_cluster_too_small',
    type: 'counter',
    help: 'Plans not made because too few endpoints were healthy.',
    value: (c) => c.stats.balance.zonesTooSmall,
  },
  {
    name: 'lb_local_cluster_not_ok',
    type: 'counter',
    help: 'Plans not made because the local cluster has no endpoint here, or is in panic.',
    value: (c) => c.stats.balance.localNotOk,
  },
  {
    name: 'lb_zone_routing_all_directly',
    type: 'counter',
    help: 'Picks in the own zone, where all requests stay.',
    value: (c) => c.stats.balance.zonesDirect,
  },
  {
    name: 'lb_zone_routing_sampled',
    type: 'counter',
    help: 'Picks in the own zone, where a share of the requests stays.',
    value: (c) => c.stats.balance.zonesSampled,
  },
  {
    name: 'lb_zone_routing_cross_zone',
    type: 'counter',
    help: 'Picks in another zone.',
    value: (c) => c.stats.balance.zonesCrossed,
  },
  {
    name: 'lb_zone_no_capacity_left',
    type: 'counter',
    help: 'Those for which no zone had anything to spare.',
    value: (c) => c.stats.balance.zonesNoCapacity,
  },
  {
    name: 'lb_subsets_active',
    type: 'gauge',
    help: 'Subsets of endpoints.',
    value: (c) => c.stats.balance.subsetsActive,
  },
  {
    name: 'lb_subsets_created',
    type: 'counter',
    help: 'Subsets that came to be.',
    value: (c) => c.stats.balance.subsetsCreated,
  },
  {
    name: 'lb_subsets_removed',
    type: 'counter',
    help: 'Subsets that lost their last endpoint.',
    value: (c) => c.stats.balance.subsetsRemoved,
  },
  {
    name: 'lb_subsets_selected',
    type: 'counter',
    help: 'Picks in the subset that a request asked for.',
    value: (c) => c.stats.balance.subsetsSelected,
  },
  {
    name: 'lb_subsets_fallback',
    type: 'counter',
    help: 'Picks in the fallback, for want of a subset.',
    value: (c) => c.stats.balance.subsetsFallback,
  },
  {
    name: 'lb_subsets_fallback_panic',
    type: 'counter',
    help: 'Picks among all endpoints, because the fallback had none.',
    value: (c) => c.stats.balance.subsetsFallbackPanic,
  },
  {
    name: 'lb_subsets_single_host_per_subset_duplicate',
    type: 'gauge',
    help: 'Endpoints left out of subsets of one endpoint each.',
    value: (c) => c.stats.balance.subsetDuplicates,
  },
];
