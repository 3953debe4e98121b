// Which balancer a cluster gets: the lb_policy enum as it stands, or the first policy of the list that Weft knows.

import type { BalanceConfig } from '../../../policy/index.ts';
import { latencyAwareType, parseGatewayDuration, policyDefaults } from '../../../xds/index.ts';
import {
  type cluster,
  type Faults,
  join,
  leastRequest,
  type MessageOf,
  randomPolicy,
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
