// A listener's chain of filters: made from its configuration, kept as far as that stays the same, so that counters and
// buckets survive an update that changes something else. A listener without filters has null lists, and a request there
// pays one comparison.

import type { ListenerFilterConfig } from '../config/filter-types.ts';
import type { Answerer, Authorizer } from '../exchange/index.ts';
import { CorsFilter } from './cors.ts';
import { CsrfFilter } from './csrf.ts';
import { FaultFilter } from './fault.ts';
import type { FilterKind, HttpFilter } from './filter.ts';
import { HeaderMutationFilter } from './header-mutation.ts';
import { HealthCheckFilter } from './health-check.ts';
import { LocalRateLimitFilter } from './local-rate-limit.ts';

export interface FilterChain {
  readonly configs: readonly ListenerFilterConfig[];
  readonly filters: readonly HttpFilter[];
  readonly authorizers: readonly Authorizer[] | null;
  readonly answerers: readonly Answerer[] | null;
}

export const noFilters: FilterChain = { configs: [], filters: [], authorizers: null, answerers: null };

const classes: Readonly<Record<FilterKind, new (filter: ListenerFilterConfig) => HttpFilter>> = {
  fault: FaultFilter,
  'local-rate-limit': LocalRateLimitFilter,
  cors: CorsFilter,
  csrf: CsrfFilter,
  'health-check': HealthCheckFilter,
  'header-mutation': HeaderMutationFilter,
};

export function updateFilters(chain: FilterChain, configs: readonly ListenerFilterConfig[]): FilterChain {
  if (configs.length === 0) return noFilters;
  const before = new Map(
    chain.configs.map((config, index) => [JSON.stringify(config), chain.filters[index]]),
  );
  const filters = configs.map(
    (config) => before.get(JSON.stringify(config)) ?? new classes[config.config.kind](config),
  );
  const authorizers = filters.flatMap(({ authorizer }) => (authorizer === null ? [] : [authorizer]));
  const answerers = filters.flatMap(({ answerer }) => (answerer === null ? [] : [answerer]));
  return {
    configs,
    filters,
    authorizers: authorizers.length === 0 ? null : authorizers,
    answerers: answerers.length === 0 ? null : answerers,
  };
}
