// The next request of a subscription: its answer to a response, what it wants now, or both. Null when the server knows
// all there is.

import { encodeDeltaRequest, encodeSotwRequest } from '../discovery/encode.ts';
import { virtualHostType, type XdsNode } from '../types.ts';
import type { Subscription } from './subscription.ts';

const noVersions: ReadonlyMap<string, string> = new Map();

/** `node`: given in the first request of a stream alone. */
export function nextSotwRequest(subscription: Subscription, node: XdsNode | null): Uint8Array | null {
  // Only the answer to the newest response counts: an older nonce would be stale.
  const answer = subscription.answers.at(-1);
  if (answer === undefined && !subscription.changed) return null;
  if (subscription.fresh && !subscription.active) return null;
  subscription.answers.length = 0;
  const names = [...subscription.names];
  // Everything is asked for by no names at all, which every server understands, unless a name was given before: then
  // only `*` does.
  if (subscription.wildcard && (names.length > 0 || subscription.toldNames.size > 0)) names.unshift('*');
  for (const name of names) subscription.toldNames.add(name);
  subscription.changed = false;
  subscription.fresh = false;
  return encodeSotwRequest({
    typeUrl: subscription.typeUrl,
    version: subscription.version,
    nonce: subscription.nonce,
    names,
    node,
    error: answer?.error ?? null,
  });
}

export function nextDeltaRequest(subscription: Subscription, node: XdsNode | null): Uint8Array | null {
  if (subscription.fresh && !subscription.active) return null;
  const answer = subscription.answers.shift();
  if (answer === undefined && !subscription.changed) return null;
  const { subscribe, unsubscribe } = subscription.changed ? takeChanges(subscription) : nothing;
  const says = answer !== undefined || subscribe.length > 0 || unsubscribe.length > 0;
  if (!says && !subscription.fresh) return null;
  const initialVersions = subscription.fresh ? subscription.heldVersions() : noVersions;
  subscription.changed = false;
  subscription.fresh = false;
  return encodeDeltaRequest({
    typeUrl: subscription.typeUrl,
    nonce: answer?.nonce ?? '',
    subscribe,
    unsubscribe,
    initialVersions,
    node,
    error: answer?.error ?? null,
  });
}

const nothing = { subscribe: [], unsubscribe: [] } as const;

/** What the server must be told beyond what it knows. */
function takeChanges(subscription: Subscription): { subscribe: string[]; unsubscribe: string[] } {
  const { names, toldNames, wildcard } = subscription;
  const subscribe = [...names].filter((name) => !toldNames.has(name));
  const unsubscribe = [...toldNames].filter((name) => !names.has(name));
  // Of virtual hosts a first request without names asks for what the server means to send unasked, as Envoy's does.
  const unnamed = subscription.typeUrl === virtualHostType && subscription.fresh && names.size === 0;
  if (wildcard && !subscription.toldWildcard && !unnamed) subscribe.unshift('*');
  if (!wildcard && subscription.toldWildcard) unsubscribe.unshift('*');
  subscription.toldWildcard = wildcard;
  for (const name of unsubscribe) toldNames.delete(name);
  for (const name of subscribe) if (name !== '*') toldNames.add(name);
  return { subscribe, unsubscribe };
}
