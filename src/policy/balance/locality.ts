// How a priority's requests are shared among places. By weight (Envoy's locality_weighted_lb_config): each locality
// gets its weight times what of it is well. By zone (zone_aware_lb_config): requests stay in the caller's own
// locality as far as the callers there are no larger a share of all callers than the endpoints there of all
// endpoints; the rest goes where there is more than the own callers need. The arithmetic, with its rounding, is
// Envoy's, because a fleet may run both.

import type { Random } from '../../base/index.ts';
import type { BalanceCounts } from './balance-counts.ts';
import type { EndpointLoad } from './types.ts';
import { isUsable } from './usable.ts';

export type LocalityConfig =
  | { readonly kind: 'weighted' }
  | {
      readonly kind: 'zone-aware';
      /** Of the requests, 0 to 100; the others go anywhere. */
      readonly routingPercent: number;
      /** With fewer healthy endpoints requests go anywhere. */
      readonly endpointsMin: number;
      /** In panic nothing is picked at all. */
      readonly failOnPanic: boolean;
      /** Always in the own locality while an endpoint there is healthy. */
      readonly forceDirect: boolean;
    };

/** What holds where nothing is said; it does nothing unless the callers' own cluster is known. */
export const localityDefault: LocalityConfig = {
  kind: 'zone-aware',
  routingPercent: 100,
  endpointsMin: 6,
  failOnPanic: false,
  forceDirect: false,
};

/** The cluster to which this proxy's own workload belongs, as zone-aware routing asks about it. */
export interface LocalCluster {
  readonly locality: string;
  /** Healthy endpoints by locality, and of all how many percent. */
  readonly healthy: ReadonlyMap<string, number>;
  readonly healthyPercent: number;
  /** Localities with any endpoint, and whether the own one is among them. */
  readonly localities: number;
  readonly holdsOwn: boolean;
}

export function describeLocalCluster(
  endpoints: readonly EndpointLoad[],
  locality: string,
  nowMs: number,
): LocalCluster {
  const healthy = new Map<string, number>();
  const all = new Set<string>();
  let usable = 0;
  let counted = 0;
  for (const endpoint of endpoints) {
    all.add(endpoint.locality);
    if (!endpoint.excluded) counted += 1;
    if (!isUsable(endpoint, nowMs)) continue;
    usable += 1;
    if (!endpoint.degraded) healthy.set(endpoint.locality, (healthy.get(endpoint.locality) ?? 0) + 1);
  }
  return {
    locality,
    healthy,
    healthyPercent: counted === 0 ? 0 : (100 * usable) / counted,
    localities: all.size,
    holdsOwn: all.has(locality),
  };
}

/** The endpoints of one locality, and its share. */
export interface LocalityShare<E> {
  readonly locality: string;
  readonly candidates: readonly E[];
  readonly weight: number;
}

/**
 * Envoy's effective locality weight; localities of which nothing is well, or that have no weight, are left out. null:
 * none has one.
 */
export function shareByLocality<E extends EndpointLoad>(
  all: readonly E[],
  candidates: readonly E[],
  overprovisioningPercent: number,
  sizes: ReadonlyMap<string, number> | null,
): readonly LocalityShare<E>[] | null {
  if (!all.some(({ localityWeight }) => localityWeight >= 0)) return null;
  const chosen = groupByLocality(candidates);
  const shares: LocalityShare<E>[] = [];
  for (const [locality, members] of groupByLocality(all)) {
    const well = chosen.get(locality) ?? [];
    const counted = members.reduce((count, { excluded }) => count + (excluded ? 0 : 1), 0);
    if (well.length === 0 || counted === 0) continue;
    const health = Math.min(1, (overprovisioningPercent / 100) * (well.length / counted));
    const weight = weightOf(members, sizes) * health;
    if (weight > 0) shares.push({ locality, candidates: well, weight });
  }
  return shares;
}

/** `sizes`: scaled to the share that `members` are of their locality, rounded as Envoy does. */
function weightOf(members: readonly EndpointLoad[], sizes: ReadonlyMap<string, number> | null): number {
  const { locality, localityWeight } = members[0]!;
  const weight = Math.max(0, localityWeight);
  if (sizes === null) return weight;
  return Math.round((weight * members.length) / (sizes.get(locality) ?? members.length));
}

/** Weights of the candidates for a table: that of its locality, shared among its endpoints by theirs. */
export function weighByLocality<E extends EndpointLoad>(
  shares: readonly LocalityShare<E>[],
): { readonly candidates: readonly E[]; readonly weights: readonly number[] } {
  const candidates: E[] = [];
  const weights: number[] = [];
  for (const share of shares) {
    const sum = share.candidates.reduce((total, { weight }) => total + weight, 0);
    for (const endpoint of share.candidates) {
      candidates.push(endpoint);
      weights.push((share.weight * endpoint.weight) / sum);
    }
  }
  return { candidates, weights };
}

/** Where the requests of a zone-aware priority go. */
export interface ZonePlan<E> {
  readonly routingPercent: number;
  /** The first is the caller's own where `holdsOwn`. */
  readonly localities: readonly (readonly E[])[];
  readonly holdsOwn: boolean;
  /** All requests stay. */
  readonly direct: boolean;
  /** Of the requests, in ten thousandths, those that stay. */
  readonly localShare: number;
  /** Running sums of what each locality has to spare. */
  readonly spare: readonly number[];
}

/** null: requests go anywhere. `all`, `healthy`: of priority 0, the only one that is routed so. */
export function planZones<E extends EndpointLoad>(
  all: readonly E[],
  healthy: readonly E[],
  config: Extract<LocalityConfig, { kind: 'zone-aware' }>,
  local: LocalCluster,
  counts: BalanceCounts,
): ZonePlan<E> | null {
  counts.zonesPlanned += 1;
  const places = orderPlaces(all, local.locality);
  if (places.length < 2) return null;
  if (local.localities < 2 && !config.forceDirect) return null;
  if (!local.holdsOwn) {
    counts.localNotOk += 1;
    return null;
  }
  if (healthy.length < config.endpointsMin) {
    counts.zonesTooSmall += 1;
    return null;
  }
  const groups = groupByLocality(healthy);
  const localities = places.map((place) => groups.get(place) ?? []);
  const holdsOwn = places[0] === local.locality;
  const callers = sum([...local.healthy.values()]);
  const percents = places.map((place, index) => ({
    // Nobody there: how many callers there are is not asked.
    callers: localities[index]!.length === 0 ? 0 : share(local.healthy.get(place) ?? 0, callers),
    endpoints: share(localities[index]!.length, healthy.length),
  }));
  const own = percents[0]!;
  const plan = { routingPercent: config.routingPercent, localities, holdsOwn };
  const direct =
    holdsOwn &&
    (config.forceDirect ? localities[0]!.length > 0 : own.endpoints > 0 && own.endpoints >= own.callers);
  if (direct) return { ...plan, direct, localShare: 10_000, spare: [] };
  const localShare = holdsOwn && own.callers > 0 ? Math.floor((own.endpoints * 10_000) / own.callers) : 0;
  let spared = 0;
  const spare = percents.map(({ callers: needed, endpoints }, index) => {
    if (!(index === 0 && holdsOwn) && endpoints > needed) spared += endpoints - needed;
    return spared;
  });
  return { ...plan, direct, localShare, spare };
}

/** The index of a locality of the plan. */
export function drawZone<E>(plan: ZonePlan<E>, random: Random, counts: BalanceCounts): number {
  if (plan.direct) {
    counts.zonesDirect += 1;
    return 0;
  }
  if (random.below(10_000) < plan.localShare) {
    counts.zonesSampled += 1;
    return 0;
  }
  counts.zonesCrossed += 1;
  const { spare } = plan;
  const total = spare[spare.length - 1]!;
  if (total === 0) {
    counts.zonesNoCapacity += 1;
    return random.below(spare.length);
  }
  const target = random.below(total);
  let index = 0;
  while (target >= spare[index]!) index += 1;
  return index;
}

function groupByLocality<E extends EndpointLoad>(endpoints: readonly E[]): Map<string, E[]> {
  const groups = new Map<string, E[]>();
  for (const endpoint of endpoints) {
    const group = groups.get(endpoint.locality);
    if (group === undefined) groups.set(endpoint.locality, [endpoint]);
    else group.push(endpoint);
  }
  return groups;
}

/** The own place first. */
function orderPlaces(endpoints: readonly EndpointLoad[], own: string): readonly string[] {
  const places = [...new Set(endpoints.map(({ locality }) => locality))].sort();
  return places.includes(own) ? [own, ...places.filter((place) => place !== own)] : places;
}

/** In ten thousandths. */
function share(count: number, total: number): number {
  return total > 0 ? Math.floor((10_000 * count) / total) : 0;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
