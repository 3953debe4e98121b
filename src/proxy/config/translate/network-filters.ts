// Network filters before the last one of a filter chain.

import type { NetworkFilterConfig } from '../filter-types.ts';
import {
  type AnyValue,
  connectionLimit,
  connectionRate,
  type Faults,
  join,
  networkRbac,
  sniCluster,
  unpack,
} from '../schema/index.ts';
import { translateRules } from './rbac.ts';

/** Null where its type was refused, is one that ends a chain, or says something to the one that does. */
export function translateNetworkFilter(
  any: AnyValue,
  path: string,
  faults: Faults,
): NetworkFilterConfig | null {
  const rbac = unpack(any, networkRbac);
  if (rbac !== null) {
    const rules = (field: 'rules' | 'shadow_rules') =>
      rbac[field] === undefined ? null : translateRules(rbac[field], join(path, field), faults);
    return {
      kind: 'rbac',
      statPrefix: rbac.stat_prefix ?? '',
      rules: rules('rules'),
      shadow: rules('shadow_rules'),
    };
  }
  const limit = unpack(any, connectionLimit);
  if (limit !== null) {
    if (limit.runtime_enabled?.default_value === false) return null;
    if (limit.max_connections === undefined) faults.add(join(path, 'max_connections'), 'must be set');
    return {
      kind: 'connection-limit',
      statPrefix: limit.stat_prefix ?? '',
      connectionsMax: limit.max_connections ?? 1,
      delayMs: limit.delay ?? 0,
    };
  }
  if (unpack(any, sniCluster) !== null) return null;
  const rate = unpack(any, connectionRate);
  if (rate === null) {
    faults.add(path, 'must be the last filter');
    return null;
  }
  if (rate.runtime_enabled?.default_value === false) return null;
  const bucket = rate.token_bucket;
  for (const field of ['max_tokens', 'fill_interval'] as const)
    if (bucket?.[field] === undefined) faults.add(join(path, `token_bucket.${field}`), 'must be set');
  return {
    kind: 'connection-rate',
    shareKey: rate.share_key ?? '',
    statPrefix: rate.stat_prefix ?? '',
    bucket: {
      tokensMax: bucket?.max_tokens ?? 1,
      tokensPerFill: bucket?.tokens_per_fill ?? 1,
      fillIntervalMs: bucket?.fill_interval ?? 1_000,
    },
  };
}
