// A listener's chain of filters: made from its configuration, kept as far as that stays the same, so that counters and
// buckets survive an update that changes something else. A listener without filters has null lists, and a request there
// pays one comparison.

import type { ListenerFilterConfig } from '../config/filter-types.ts';
import type { Answerer, Authorizer } from '../exchange/index.ts';
import { BandwidthLimitFilter } from './bandwidth-limit.ts';
import { BufferFilter } from './buffer.ts';
import { CompressorFilter, DecompressorFilter } from './coding/index.ts';
import { CorsFilter } from './cors.ts';
import { CsrfFilter } from './csrf.ts';
import { ExtAuthzFilter } from './ext-authz/index.ts';
import { FaultFilter } from './fault.ts';
import type { FilterKind, HttpFilter } from './filter.ts';
import { GrpcStatsFilter, GrpcWebFilter } from './grpc/index.ts';
import { HeaderMutationFilter } from './header-mutation.ts';
import { HealthCheckFilter } from './health-check.ts';
import { JwtAuthnFilter } from './jwt/index.ts';
import { OnDemandFilter } from './on-demand.ts';
import { GlobalRateLimitFilter, LocalRateLimitFilter } from './rate-limit/index.ts';
import { RbacFilter } from './rbac.ts';
import { StatefulSessionFilter } from './stateful-session.ts';
import { UserFilter } from './user/index.ts';

export interface FilterChain {
  readonly configs: readonly ListenerFilterConfig[];
  readonly filters: readonly HttpFilter[];
  readonly authorizers: readonly Authorizer[];
  readonly answerers: readonly Answerer[];
}

export const noFilters: FilterChain = { configs: [], filters: [], authorizers: [], answerers: [] };

const classes: Readonly<
  Record<FilterKind, new (filter: ListenerFilterConfig, position: number) => HttpFilter>
> = {
  fault: FaultFilter,
  'local-rate-limit': LocalRateLimitFilter,
  'rate-limit': GlobalRateLimitFilter,
  cors: CorsFilter,
  csrf: CsrfFilter,
  'health-check': HealthCheckFilter,
  'header-mutation': HeaderMutationFilter,
  rbac: RbacFilter,
  'bandwidth-limit': BandwidthLimitFilter,
  buffer: BufferFilter,
  compressor: CompressorFilter,
  decompressor: DecompressorFilter,
  'jwt-authn': JwtAuthnFilter,
  'grpc-web': GrpcWebFilter,
  'grpc-stats': GrpcStatsFilter,
  'stateful-session': StatefulSessionFilter,
  user: UserFilter,
  'ext-authz': ExtAuthzFilter,
  'on-demand': OnDemandFilter,
};

export function updateFilters(chain: FilterChain, configs: readonly ListenerFilterConfig[]): FilterChain {
  if (configs.length === 0) return noFilters;
  const before = new Map(chain.configs.map((config, index) => [keyOf(config, index), chain.filters[index]]));
  const filters = configs.map(
    (config, index) => before.get(keyOf(config, index)) ?? new classes[config.config.kind](config, index),
  );
  const authorizers = filters.map(({ authorizer }) => authorizer);
  const answerers = filters.flatMap(({ answerer }) => (answerer === null ? [] : [answerer]));
  return { configs, filters, authorizers, answerers };
}

/** Chains of upgrades; null: none has one. */
export function updateUpgrades(
  chains: ReadonlyMap<string, FilterChain> | null,
  configs: ReadonlyMap<string, readonly ListenerFilterConfig[]> | undefined,
): ReadonlyMap<string, FilterChain> | null {
  if (configs === undefined) return null;
  return new Map(
    [...configs].map(([protocol, filters]) => [
      protocol,
      updateFilters(chains?.get(protocol) ?? noFilters, filters),
    ]),
  );
}

/** Its place counts: a request remembers by it which filters it has passed. */
function keyOf(config: ListenerFilterConfig, index: number): string {
  return `${index} ${JSON.stringify(config)}`;
}
