// Which balancer a cluster gets: the lb_policy enum as it stands, or the first policy of the list that Weft knows.

import {
  type BalanceConfig,
  type HashingConfig,
  type LocalityConfig,
  localityDefault,
  type SlowStartConfig,
  type SubsetConfig,
} from '../../../policy/index.ts';
import { latencyAwareType, parseGatewayDuration, policyDefaults } from '../../../xds/index.ts';
import {
  type cluster,
  type Faults,
  join,
  leastRequest,
  type loadBalancingPolicy,
  loadWeighted,
  type MessageOf,
  maglev,
  overrideHost,
  randomPolicy,
  ringHash,
  roundRobin,
  subset,
  typedStruct,
  unpack,
} from '../schema/index.ts';
import type { OverrideHostsConfig } from '../types.ts';
import { translateOverrideHosts } from './override-hosts.ts';
import { translateSubsets } from './subsets.ts';

type ClusterMessage = MessageOf<typeof cluster>;
type PolicyList = MessageOf<typeof loadBalancingPolicy>;
type Policy = PolicyList['policies'][number];

/** How a cluster's endpoints are chosen. */
export interface Choice {
  readonly balance: BalanceConfig;
  /** How requests are shared among localities. */
  readonly locality: LocalityConfig;
  readonly subsets?: SubsetConfig;
  readonly overrideHosts?: OverrideHostsConfig;
}

const { decayMs: decayMsDefault, rttMs: rttMsDefault } = policyDefaults.latencyAware;
const choicesDefault = 2;

/** Where a list of policies says the balancer, it says all of it. */
export function translateChoice(message: ClusterMessage, path: string, faults: Faults): Choice {
  const list = message.load_balancing_policy;
  const divided = message.lb_subset_config;
  const at = join(path, 'lb_subset_config');
  if (divided !== undefined && list !== undefined)
    faults.add(at, 'must not be set with load_balancing_policy');
  if (divided !== undefined && message.lb_policy === 'CLUSTER_PROVIDED')
    faults.add(at, 'must not be set with lb_policy CLUSTER_PROVIDED');
  if (list !== undefined)
    return translateList(list, message.common_lb_config, join(path, 'load_balancing_policy'), faults);
  const subsets = divided === undefined ? null : translateSubsets(divided, at, faults);
  return {
    balance: translateEnum(message, path, faults),
    locality: localityOf(message.common_lb_config),
    ...(subsets === null ? {} : { subsets }),
  };
}

function translateList(
  list: PolicyList,
  common: LocalityChoice | undefined,
  path: string,
  faults: Faults,
): Choice {
  for (const [index, policy] of list.policies.entries()) {
    const at = `${join(path, 'policies')}[${index}].typed_extension_config.typed_config`;
    const known = translatePolicy(policy, common, at, faults);
    if (known !== null) return known;
  }
  faults.add(join(path, 'policies'), 'must hold a policy that Weft knows');
  return { balance: { kind: 'round-robin' }, locality: localityDefault };
}

function translateEnum(message: ClusterMessage, path: string, faults: Faults): BalanceConfig {
  const hashing = message.common_lb_config?.consistent_hashing_lb_config;
  if (hashing?.use_hostname_for_hashing === true && message.type !== 'STRICT_DNS')
    faults.add(
      join(path, 'common_lb_config.consistent_hashing_lb_config.use_hostname_for_hashing'),
      'is for clusters of type STRICT_DNS, as in Envoy',
    );
  switch (message.lb_policy) {
    case 'LEAST_REQUEST':
      return leastRequestOf(message.least_request_lb_config, join(path, 'least_request_lb_config'), faults);
    case 'RANDOM':
      return { kind: 'random' };
    case 'RING_HASH':
      return ringHashOf(message.ring_hash_lb_config, hashing, join(path, 'ring_hash_lb_config'), faults);
    case 'MAGLEV':
      return maglevOf(message.maglev_lb_config, hashing, join(path, 'maglev_lb_config'), faults);
    case 'LOAD_BALANCING_POLICY_CONFIG':
      faults.add(
        join(path, 'load_balancing_policy'),
        'must be set with lb_policy LOAD_BALANCING_POLICY_CONFIG',
      );
      return { kind: 'round-robin' };
    default: {
      const at = join(path, 'round_robin_lb_config');
      return { kind: 'round-robin', ...slowStartOf(message.round_robin_lb_config, at, faults) };
    }
  }
}

interface LocalityChoice {
  readonly zone_aware_lb_config?:
    | {
        readonly routing_enabled: { readonly value: number | undefined } | undefined;
        readonly min_cluster_size: number | undefined;
        readonly fail_traffic_on_panic: boolean | undefined;
        readonly force_locality_direct_routing?: boolean | undefined;
      }
    | undefined;
  readonly locality_weighted_lb_config?: object | undefined;
}

function localityOf(choice: LocalityChoice | undefined): LocalityConfig {
  if (choice?.locality_weighted_lb_config !== undefined) return { kind: 'weighted' };
  const zones = choice?.zone_aware_lb_config;
  if (zones === undefined) return localityDefault;
  return {
    kind: 'zone-aware',
    routingPercent: Math.round(
      zones.routing_enabled === undefined ? 100 : (zones.routing_enabled.value ?? 0),
    ),
    endpointsMin: zones.min_cluster_size ?? 6,
    failOnPanic: zones.fail_traffic_on_panic ?? false,
    forceDirect: zones.force_locality_direct_routing ?? false,
  };
}

interface SlowStartHolder {
  readonly slow_start_config?:
    | {
        readonly slow_start_window: number | undefined;
        readonly aggression: { readonly default_value: number | undefined } | undefined;
        readonly min_weight_percent: { readonly value: number | undefined } | undefined;
      }
    | undefined;
}

function slowStartOf(
  holder: SlowStartHolder | undefined,
  path: string,
  faults: Faults,
): { readonly slowStart?: SlowStartConfig } {
  const config = holder?.slow_start_config;
  const windowMs = config?.slow_start_window ?? 0;
  if (config === undefined || windowMs === 0) return {};
  const aggression = config.aggression === undefined ? 1 : (config.aggression.default_value ?? 0);
  if (aggression <= 0)
    faults.add(
      join(path, 'slow_start_config.aggression.default_value'),
      'must be greater than 0',
      aggression,
    );
  const share = config.min_weight_percent;
  return { slowStart: { windowMs, aggression, minPercent: share === undefined ? 10 : (share.value ?? 0) } };
}

/** null: it is not known. */
function translatePolicy(
  policy: Policy,
  common: LocalityChoice | undefined,
  path: string,
  faults: Faults,
): Choice | null {
  const config = policy.typed_extension_config?.typed_config;
  const struct = unpack(config, typedStruct);
  if (struct !== null) {
    // The URL may have a host in front, as any type URL.
    if (!struct.type_url?.endsWith(latencyAwareType)) return null;
    return { balance: latencyAware(struct.value ?? {}, path, faults), locality: localityOf(common) };
  }
  const least = unpack(config, leastRequest);
  if (least !== null) {
    const balance = leastRequestOf(least, path, faults);
    return { balance, locality: localityOf(least.locality_lb_config) };
  }
  const turns = unpack(config, roundRobin);
  if (turns !== null) {
    const balance: BalanceConfig = { kind: 'round-robin', ...slowStartOf(turns, path, faults) };
    return { balance, locality: localityOf(turns.locality_lb_config) };
  }
  const weighted = unpack(config, loadWeighted);
  // It has no word of its own on localities.
  if (weighted !== null)
    return { balance: loadWeightedOf(weighted, path, faults), locality: localityOf(common) };
  const random = unpack(config, randomPolicy);
  if (random !== null)
    return { balance: { kind: 'random' }, locality: localityOf(random.locality_lb_config) };
  const ring = unpack(config, ringHash);
  if (ring !== null) {
    const hashing = ring.consistent_hashing_lb_config ?? ring;
    return { balance: ringHashOf(ring, hashing, path, faults), locality: localityOf(ring) };
  }
  const table = unpack(config, maglev);
  if (table !== null) {
    const hashing = table.consistent_hashing_lb_config;
    return { balance: maglevOf(table, hashing, path, faults), locality: localityOf(table) };
  }
  const divided = unpack(config, subset);
  if (divided !== null) return translateDivided(divided, common, path, faults);
  const overriding = unpack(config, overrideHost);
  return overriding === null ? null : translateOverriding(overriding, common, path, faults);
}

function translateDivided(
  message: MessageOf<typeof subset>,
  common: LocalityChoice | undefined,
  path: string,
  faults: Faults,
): Choice {
  const at = join(path, 'subset_lb_policy');
  const inner = message.subset_lb_policy;
  if (inner === undefined) faults.add(at, 'must be set');
  const choice = translateList(inner ?? { policies: [] }, common, at, faults);
  const subsets = translateSubsets(message, path, faults);
  return subsets === null ? choice : { ...choice, subsets };
}

function translateOverriding(
  message: MessageOf<typeof overrideHost>,
  common: LocalityChoice | undefined,
  path: string,
  faults: Faults,
): Choice {
  const at = join(path, 'fallback_policy');
  const inner = message.fallback_policy;
  if (inner === undefined) faults.add(at, 'must be set');
  const choice = translateList(inner ?? { policies: [] }, common, at, faults);
  return { ...choice, overrideHosts: translateOverrideHosts(message, path, faults) };
}

function latencyAware(value: Readonly<Record<string, unknown>>, path: string, faults: Faults): BalanceConfig {
  return {
    kind: 'latency-aware',
    decayMs: durationIn(value, 'decay', decayMsDefault, path, faults),
    defaultRttMs: durationIn(value, 'defaultRtt', rttMsDefault, path, faults),
    ...(value['slowStart'] === undefined
      ? {}
      : {
          slowStart: {
            windowMs: durationIn(value, 'slowStart', 1, path, faults),
            aggression: 1,
            minPercent: 10,
          },
        }),
  };
}

function durationIn(
  value: Readonly<Record<string, unknown>>,
  name: string,
  fallback: number,
  path: string,
  faults: Faults,
): number {
  const text = value[name];
  if (text === undefined) return fallback;
  const ms = typeof text === 'string' ? parseGatewayDuration(text) : null;
  if (ms !== null && ms > 0) return ms;
  faults.add(join(path, `value.${name}`), 'must be a duration like 10s', text);
  return fallback;
}

interface LeastRequestMessage extends SlowStartHolder {
  readonly choice_count: number | undefined;
  readonly active_request_bias: { readonly default_value: number | undefined } | undefined;
  readonly enable_full_scan?: boolean | undefined;
  readonly selection_method?: 'N_CHOICES' | 'FULL_SCAN' | undefined;
}

function leastRequestOf(
  message: LeastRequestMessage | undefined,
  path: string,
  faults: Faults,
): BalanceConfig {
  const bias = message?.active_request_bias;
  const value = bias?.default_value ?? 0;
  if (value < 0) faults.add(join(path, 'active_request_bias.default_value'), 'must not be negative', value);
  const scansAll = message?.enable_full_scan === true || message?.selection_method === 'FULL_SCAN';
  return {
    kind: 'least-request',
    choices: Math.max(2, message?.choice_count ?? choicesDefault),
    ...(scansAll ? { scansAll } : {}),
    ...(bias === undefined ? {} : { bias: value }),
    ...slowStartOf(message, path, faults),
  };
}

/** Below it endpoints would be weighed more often than they report. */
const updateMsMin = 100;

function loadWeightedOf(
  message: MessageOf<typeof loadWeighted>,
  path: string,
  faults: Faults,
): BalanceConfig {
  return {
    kind: 'load-weighted',
    blackoutMs: message.blackout_period ?? 10_000,
    expirationMs: message.weight_expiration_period ?? 180_000,
    updateMs: Math.max(updateMsMin, message.weight_update_period ?? 1_000),
    errorPenalty: message.error_utilization_penalty ?? 0,
    metricNames: message.metric_names_for_computing_utilization,
    ...slowStartOf(message, path, faults),
  };
}

interface HashingMessage {
  readonly use_hostname_for_hashing: boolean | undefined;
  readonly hash_balance_factor: number | undefined;
}

function hashingOf(message: HashingMessage | undefined): HashingConfig {
  const loadPercentMax = message?.hash_balance_factor;
  return {
    ...(message?.use_hostname_for_hashing === true ? { byHostname: true } : {}),
    ...(loadPercentMax === undefined ? {} : { loadPercentMax }),
  };
}

interface RingSizes {
  readonly minimum_ring_size?: number | undefined;
  readonly maximum_ring_size?: number | undefined;
}

function ringHashOf(
  sizes: RingSizes | undefined,
  hashing: HashingMessage | undefined,
  path: string,
  faults: Faults,
): BalanceConfig {
  const sizeMin = sizes?.minimum_ring_size ?? 1024;
  const sizeMax = sizes?.maximum_ring_size ?? 8_388_608;
  if (sizeMin > sizeMax)
    faults.add(join(path, 'minimum_ring_size'), 'must not be above maximum_ring_size', sizeMin);
  return { kind: 'ring-hash', sizeMin, sizeMax, ...hashingOf(hashing) };
}

function maglevOf(
  sizes: { readonly table_size?: number | undefined } | undefined,
  hashing: HashingMessage | undefined,
  path: string,
  faults: Faults,
): BalanceConfig {
  const size = sizes?.table_size ?? 65_537;
  if (!isPrime(size)) faults.add(join(path, 'table_size'), 'must be a prime', size);
  return { kind: 'maglev', size, ...hashingOf(hashing) };
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value >= 2;
}
