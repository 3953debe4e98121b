// Make before break: which type may be sent now. Clusters and endpoints go out at once, listeners and routes once the
// client has taken the clusters and endpoints they may refer to, removals of clusters and endpoints when nothing else
// is under way. Routes are not warmed by any client, so a route must never name a cluster that was not delivered (xDS
// protocol, "Eventual consistency considerations").

import { typeUrls, virtualHostType } from '../types.ts';
import type { TypeState } from './type-state.ts';
import type { Warming } from './warming.ts';

/** Secrets first: clusters and listeners wait for theirs. */
const order: readonly string[] = [
  typeUrls.secret,
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.listener,
  typeUrls.route,
  virtualHostType,
];

/** They name clusters, and no client waits for those. */
const late: ReadonlySet<string> = new Set([typeUrls.listener, typeUrls.route, virtualHostType]);

/** Types in the order they are sent; unknown ones last, in the order they were asked for. */
export function sortTypes(states: Iterable<TypeState>): TypeState[] {
  return [...states].sort((a, b) => rankOf(a.typeUrl) - rankOf(b.typeUrl));
}

function rankOf(typeUrl: string): number {
  const rank = order.indexOf(typeUrl);
  return rank === -1 ? order.length : rank;
}

export function mayMake(
  state: TypeState,
  states: ReadonlyMap<string, TypeState>,
  warming: Warming,
  nowMs: number,
): boolean {
  if (state.waiting(nowMs)) return false;
  // Clients hold the ACK of clusters back until their endpoints came (Envoy does): endpoints wait for nothing.
  if (!late.has(state.typeUrl)) return true;
  if (warming.waiting(nowMs)) return false;
  return order.slice(0, rankOf(state.typeUrl)).every((typeUrl) => isSettled(states.get(typeUrl), nowMs));
}

/**
 * May what left the snapshot be removed? Listeners, routes and other types at once; clusters and endpoints when all
 * else is settled.
 */
export function mayRemove(
  state: TypeState,
  states: ReadonlyMap<string, TypeState>,
  warming: Warming,
  nowMs: number,
): boolean {
  if (!isTarget(state)) return true;
  if (nowMs < warming.youngUntilMs || warming.waiting(nowMs)) return false;
  for (const other of states.values()) {
    // A listener or route that is itself still to be removed may refer to it too.
    if (!isSettled(other, nowMs) || (!isTarget(other) && other.leaving.size > 0)) return false;
  }
  return true;
}

/** Others refer to it; it refers to nothing but its own endpoints. */
function isTarget(state: TypeState): boolean {
  return state.typeUrl === typeUrls.cluster || state.typeUrl === typeUrls.endpoint;
}

/** Nothing to add and no answer outstanding. A type that has been waited for long enough counts as settled. */
function isSettled(state: TypeState | undefined, nowMs: number): boolean {
  if (state === undefined) return true;
  return state.inflight === null ? !state.making : !state.waiting(nowMs);
}
