// What the filters of this folder have in common: each is a member of one listener's chain, and asks per request what
// its own configuration or the route's says to it.

import type { FilterConfig, ListenerFilterConfig, RouteFilterConfig } from '../config/filter-types.ts';
import type { Answerer, Authorizer, Denial, RequestState } from '../exchange/index.ts';
import { type FilterSample, type ResponseFlag, responseFlags } from '../stats/index.ts';

export type FilterKind = FilterConfig['kind'];

export type ConfigOf<K extends FilterKind> = Extract<FilterConfig, { kind: K }>;

/** One instance for each entry of a chain; it lives as long as that entry does not change. */
export interface HttpFilter {
  readonly name: string;
  readonly authorizer: Authorizer;
  readonly answerer: Answerer | null;
  /** What it has counted, for a scrape. */
  samples(): Iterable<FilterSample>;
}

/** What this request's route says to the filter, else the filter's own; null: it is passed over. */
export function configFor<K extends FilterKind>(
  request: RequestState,
  filter: ListenerFilterConfig,
  kind: K,
): ConfigOf<K> | null {
  const said = saidTo(request, filter);
  if (said?.kind === 'disabled') return null;
  // A route that says something of another kind says nothing to this filter.
  if (said?.kind === kind) return said as ConfigOf<K>;
  return filter.disabled ? null : (filter.config as ConfigOf<K>);
}

/** What the most specific of virtual host, route and weighted cluster says to it; null: nothing. */
export function saidTo(request: RequestState, filter: ListenerFilterConfig): RouteFilterConfig | null {
  const map = request.weighted?.filters ?? request.route?.filters;
  return map === undefined ? null : ((map.get(filter.name) as RouteFilterConfig | undefined) ?? null);
}

/** Notes it for filters further down and for logs. */
export function say(request: RequestState, filter: string, notes: Readonly<Record<string, unknown>>): void {
  request.metadata ??= new Map();
  request.metadata.set(filter, { ...request.metadata.get(filter), ...notes });
}

/** The request came as far as the filter at this position, or beyond. */
export function reached(request: RequestState, position: number): boolean {
  return request.authorized >= position;
}

export function denial(
  status: number,
  body: Denial['body'],
  details: string,
  flag: ResponseFlag = responseFlags.none,
  fields: Denial['fields'] = [],
): Denial {
  return { status, body, flag, details, fields };
}

/** Draws nothing where the outcome is sure, so that a seed's course does not depend on filters that are off. */
export function drawn(share: number, request: RequestState): boolean {
  if (share <= 0) return false;
  return share >= 1 || request.context.random.float() < share;
}

/** Counters by what follows `http_<scope>_` in their names. */
export function countSamples(
  scope: string,
  counts: Readonly<Record<string, number>>,
): readonly FilterSample[] {
  return Object.entries(counts).map(([name, value]) => ({ name: `http_${scope}_${name}`, value }));
}
