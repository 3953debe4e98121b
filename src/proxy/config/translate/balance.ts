// Which balancer a cluster gets: the lb_policy enum as it stands, or the first policy of the list that Weft knows.

import type { BalanceConfig } from '../../../policy/index.ts';
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
      return { kind: 'least-request', choices: choicesOf(message.least_request_lb_config?.choice_count) };
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
    default:
      return { kind: 'round-robin' };
  }
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
  if (least !== null) return { kind: 'least-request', choices: choicesOf(least.choice_count) };
  if (unpack(config, roundRobin) !== null) return { kind: 'round-robin' };
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
