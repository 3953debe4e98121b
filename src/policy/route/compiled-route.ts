// One route, ready to be asked: its path, header and query matchers, and the hits it can give, made beforehand.

import type { Random } from '../../base/index.ts';
import type { CompiledHeader, CompiledQuery } from './match-value.ts';
import { matchesHeaders, matchesQuery } from './match-value.ts';
import type { SafeRegex } from './regex/index.ts';
import type { MatchFacts, PathMatch, RequestView, Route, RouteCondition, WeightedCluster } from './types.ts';

/** The answer of a match. Made at compile time, shared by all requests: never written to. */
export interface RouteHit {
  readonly virtualHost: string;
  readonly route: Route;
  /** The drawn cluster of a forwarding route; null for redirects and direct responses. */
  readonly cluster: WeightedCluster | null;
}

/** One for all: thousands of routes ask for nothing but a path. */
const nothing: readonly never[] = [];

export class CompiledRoute {
  /** Position in its virtual host: the lowest that matches wins. */
  readonly order: number;
  readonly route: Route;
  readonly kind: PathMatch['kind'];
  /** The path to compare with, lower-case where case is ignored. */
  readonly value: string;
  readonly ignoreCase: boolean;
  readonly share: number;
  readonly regex: SafeRegex | null;
  readonly headers: readonly CompiledHeader[];
  readonly query: readonly CompiledQuery[];
  /** null: nothing is asked beyond the head. */
  readonly conditions: readonly RouteCondition[] | null;
  /** '': chance draws. */
  readonly drawHeader: string;
  /** Those that can be drawn, with the running sums of their weights. */
  readonly hits: readonly RouteHit[];
  readonly sums: readonly number[];

  constructor(
    order: number,
    virtualHost: string,
    route: Route,
    regex: SafeRegex | null,
    headers: readonly CompiledHeader[],
    query: readonly CompiledQuery[],
  ) {
    const { path, share = 1 } = route.match;
    this.share = share;
    this.order = order;
    this.route = route;
    this.kind = path.kind;
    this.ignoreCase = path.kind !== 'regex' && path.ignoreCase;
    this.value = this.ignoreCase ? path.value.toLowerCase() : path.value;
    this.regex = regex;
    this.headers = headers.length === 0 ? nothing : headers;
    this.query = query.length === 0 ? nothing : query;
    this.conditions = route.match.conditions ?? null;
    this.drawHeader = route.action.kind === 'forward' ? (route.action.drawHeader ?? '') : '';
    const drawable =
      route.action.kind === 'forward' ? route.action.clusters.filter(({ weight }) => weight > 0) : [null];
    this.hits = drawable.map((cluster) => Object.freeze({ virtualHost, route, cluster }));
    const sums: number[] = [];
    for (const cluster of drawable) sums.push((sums.at(-1) ?? 0) + (cluster?.weight ?? 1));
    this.sums = sums;
  }

  /** `pathEnd`: where the path ends and its query or fragment begins. `draw`: the request's, below 1. */
  matches(view: RequestView, path: string, pathEnd: number, draw: number, facts: MatchFacts): boolean {
    if (draw >= this.share) return false;
    if (!this.matchesPath(path, pathEnd)) return false;
    if (this.headers.length > 0 && !matchesHeaders(this.headers, view)) return false;
    if (this.query.length > 0 && !matchesQuery(this.query, view.path)) return false;
    return this.conditions === null || this.conditions.every((condition) => condition.holds(facts));
  }

  matchesPath(path: string, pathEnd: number): boolean {
    // Without a path it is a CONNECT.
    if (pathEnd === 0 || this.kind === 'connect') return pathEnd === 0 && this.kind === 'connect';
    if (this.kind === 'regex') return this.regex!.matches(path, 0, pathEnd);
    const { length } = this.value;
    if (pathEnd < length) return false;
    if (this.kind === 'exact') {
      if (pathEnd !== length) return false;
    } else if (this.kind === 'separated-prefix' && pathEnd !== length && path.charCodeAt(length) !== 0x2f) {
      return false;
    }
    // Cutting first: lower-casing may not change where the path ends.
    return this.ignoreCase ? path.slice(0, length).toLowerCase() === this.value : path.startsWith(this.value);
  }

  /** Draws one of the weighted clusters; with one in use no random number is spent. */
  draw(view: RequestView, random: Random): RouteHit {
    const { hits, sums } = this;
    if (hits.length === 1) return hits[0]!;
    const sum = sums[sums.length - 1]!;
    const given = this.drawHeader === '' ? null : wholeNumber(view.getName(this.drawHeader));
    const target = given === null ? random.float() * sum : Number(given % BigInt(sum));
    let index = 0;
    while (index < hits.length - 1 && sums[index]! <= target) index += 1;
    return hits[index]!;
  }
}

/** Of 64 bits without a sign; null: it is none. A field that was sent twice is none. */
function wholeNumber(text: string | null): bigint | null {
  if (text === null || !/^\s*\+?\d{1,20}\s*$/.test(text)) return null;
  const number = BigInt(text.replace('+', ''));
  return number < 1n << 64n ? number : null;
}
