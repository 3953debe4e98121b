// Which balancer a cluster gets: the lb_policy enum as it stands, or the first policy of the list that Weft knows.

import {
  type BalanceConfig,
  type LocalityConfig,
  localityDefault,
  type SlowStartConfig,
} from '../../../policy/index.ts';
import { latencyAwareType, parseGatewayDuration, policyDefaults } from '../../../xds/index.ts';
import {
  type cluster,
  type Faults,
  join,
  leastRequest,
  type MessageOf,
  maglev,
  randomPolicy,
  ringHash,
  roundRobin,
  typedStruct,
  unpack,
} from '../schema/index.ts';

type ClusterMessage = MessageOf<typeof cluster>;
type Policy = NonNullable<ClusterMessage['load_balancing_policy']>['policies'][number];

const { decayMs: decayMsDefault, rttMs: rttMsDefault } = policyDefaults.latencyAware;
const choicesDefault = 2;

export function translateBalance(message: ClusterMessage, path: string, faults: Faults): BalanceConfig {
  const list = message.load_balancing_policy;
  if (list !== undefined) {
    for (let index = 0; index < list.policies.length; index++) {
      const at = `${join(path, 'load_balancing_policy.policies')}[${index}].typed_extension_config.typed_config`;
      const known = translatePolicy(list.policies[index]!, at, faults);
      if (known !== null) return known;
    }
    faults.add(join(path, 'load_balancing_policy.policies'), 'must hold a policy that Weft knows');
    return { kind: 'round-robin' };
  }
  switch (message.lb_policy) {
    case 'LEAST_REQUEST':
      return {
        kind: 'least-request',
        choices: choicesOf(message.least_request_lb_config?.choice_count),
        ...slowStartOf(message.least_request_lb_config, join(path, 'least_request_lb_config'), faults),
      };
    case 'RANDOM':
      return { kind: 'random' };
    case 'RING_HASH':
      return ringHashOf(message.ring_hash_lb_config, join(path, 'ring_hash_lb_config'), faults);
    case 'MAGLEV':
      return maglevOf(message.maglev_lb_config, join(path, 'maglev_lb_config'), faults);
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

/**
 * How requests are shared among localities: where a list of policies says the balancer, its first known one says this
 * too.
 */
export function translateLocality(message: ClusterMessage): LocalityConfig {
  const list = message.load_balancing_policy;
  if (list === undefined) return localityOf(message.common_lb_config);
  for (const { typed_extension_config } of list.policies) {
    const config = typed_extension_config?.typed_config;
    const edf = unpack(config, leastRequest) ?? unpack(config, roundRobin) ?? unpack(config, randomPolicy);
    if (edf !== null) return localityOf(edf.locality_lb_config);
    const table = unpack(config, ringHash) ?? unpack(config, maglev);
    if (table !== null) return localityOf(table);
    if (unpack(config, typedStruct) !== null) return localityOf(message.common_lb_config);
  }
  return localityDefault;
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

function translatePolicy(policy: Policy, path: string, faults: Faults): BalanceConfig | null {
  const config = policy.typed_extension_config?.typed_config;
  const struct = unpack(config, typedStruct);
  if (struct !== null) {
    // The URL may have a host in front, as any type URL.
    return struct.type_url?.endsWith(latencyAwareType)
      ? latencyAware(struct.value ?? {}, path, faults)
      : null;
  }
  const least = unpack(config, leastRequest);
  if (least !== null)
    return {
      kind: 'least-request',
      choices: choicesOf(least.choice_count),
      ...slowStartOf(least, path, faults),
    };
  const turns = unpack(config, roundRobin);
  if (turns !== null) return { kind: 'round-robin', ...slowStartOf(turns, path, faults) };
  if (unpack(config, randomPolicy) !== null) return { kind: 'random' };
  const ring = unpack(config, ringHash);
  if (ring !== null) return ringHashOf(ring, path, faults);
  const table = unpack(config, maglev);
  if (table !== null) return maglevOf(table, path, faults);
  return null;
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

function choicesOf(count: number | undefined): number {
  return Math.max(2, count ?? choicesDefault);
}

interface RingSizes {
  readonly minimum_ring_size?: number | undefined;
  readonly maximum_ring_size?: number | undefined;
}

function ringHashOf(sizes: RingSizes | undefined, path: string, faults: Faults): BalanceConfig {
  const sizeMin = sizes?.minimum_ring_size ?? 1024;
  const sizeMax = sizes?.maximum_ring_size ?? 8_388_608;
  if (sizeMin > sizeMax)
    faults.add(join(path, 'minimum_ring_size'), 'must not be above maximum_ring_size', sizeMin);
  return { kind: 'ring-hash', sizeMin, sizeMax };
}

function maglevOf(
  sizes: { readonly table_size?: number | undefined } | undefined,
  path: string,
  faults: Faults,
): BalanceConfig {
  const size = sizes?.table_size ?? 65_537;
  if (!isPrime(size)) faults.add(join(path, 'table_size'), 'must be a prime', size);
  return { kind: 'maglev', size };
}

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor++) if (value % divisor === 0) return false;
  return value >= 2;
}
