// Incremental xDS, server side: what a request changes and what the next response holds
// (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Incremental xDS").

import { deltaWeights, encodeDeltaResponse } from '../discovery/encode.ts';
import type { DeltaRequest } from '../discovery/messages.ts';
import { versionOf } from '../snapshot/diff.ts';
import { NamedResources } from '../snapshot/named-resources.ts';
import { unaskedOf } from '../snapshot/partly-named.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import { virtualHostType, type XdsResource } from '../types.ts';
import { NameList } from './name-list.ts';
import type { Prepared } from './prepared.ts';
import { selectNext } from './select.ts';
import { isComplete, type TypeState } from './type-state.ts';

/** Takes in what a request subscribes to and gives up; honoured also when its nonce is stale. */
export function subscribeDelta(state: TypeState, request: DeltaRequest, resources: ResourceMap | null): void {
  const first = !state.started;
  state.started = true;
  if (!subscribeList(state, request.subscribe)) subscribeEach(state, request.subscribe, resources);
  if (request.subscribe.some((name) => name === '*' || isTable(state, name)))
    subscribeAll(state, 'explicit', resources);
  else if (first && request.subscribe.length === 0 && meansAll(state)) {
    subscribeAll(state, 'legacy', resources);
  }
  for (const name of request.unsubscribe) {
    if (name === '*' || isTable(state, name)) giveUpAll(state);
    else giveUp(state, name, resources);
  }
  if (first) skipHeld(state, request.initialVersions, resources);
}

/** Many names at once, none of which it had: one reference. False: they are not such. */
function subscribeList(state: TypeState, names: readonly string[]): boolean {
  const list = state.typeUrl === virtualHostType ? null : NameList.of(names);
  return list !== null && !list.has('*') && state.addList(list);
}

function subscribeEach(state: TypeState, names: readonly string[], resources: ResourceMap | null): void {
  for (const asked of names) {
    if (asked === '*' || isTable(state, asked)) continue;
    // A thousand clients that name the same resources keep the snapshot's texts, not each its own.
    const name = resources?.get(asked)?.name ?? asked;
    // Always answered, also when it was subscribed before and has not changed.
    if (state.wants(name)) state.oweAgain(name);
    state.addName(name);
    state.due.add(name);
  }
}

/** A first request without names. Of virtual hosts Envoy sends such a one, and takes what comes for its table. */
function meansAll({ typeUrl }: TypeState): boolean {
  return isComplete(typeUrl) || typeUrl === virtualHostType;
}

/**
 * Virtual hosts are called `TABLE/HOST`; who asks for `TABLE` means all of them, and has one table of that kind (VHDS,
 * as Envoy asks).
 */
function isTable({ typeUrl }: TypeState, name: string): boolean {
  return typeUrl === virtualHostType && !name.includes('/');
}

function subscribeAll(
  state: TypeState,
  wildcard: 'legacy' | 'explicit',
  resources: ResourceMap | null,
): void {
  if (resources instanceof NamedResources) {
    // An answer is owed all the same, and one that names something: Envoy waits for the first such one.
    state.due.add(resources.whole);
    return;
  }
  state.owed = true;
  state.wildcard = wildcard;
  if (resources !== null) state.due.addAll(unaskedOf(resources));
}

function giveUpAll(state: TypeState): void {
  if (state.wildcard === 'no') return;
  state.wildcard = 'no';
  state.owed = false;
  state.forgetUnwanted();
}

function giveUp(state: TypeState, name: string, resources: ResourceMap | null): void {
  const had = state.deleteName(name);
  if (!state.wants(name)) state.forget(name);
  // `*` still covers it: the client must be told what holds for it now.
  else if (had && state.covers(name, resources)) state.oweAgain(name);
  else if (had) state.oweAbsence(name);
}

const noBytes = new Uint8Array();

/**
 * After a reconnect: what the client holds in its present version is not sent; what it holds and is gone is removed.
 */
function skipHeld(state: TypeState, held: ReadonlyMap<string, string>, resources: ResourceMap | null): void {
  state.heldBytes = 0;
  if (resources === null) {
    state.held = held;
    for (const [name, version] of held) state.heldBytes += heldBytesOf(name, version);
    return;
  }
  if (isHeldWhole(state, held, resources)) state.due.clear();
  else skipEach(state, held, resources);
  // It came with all there is: as good as an acknowledgement, and the only one there will be until something changes.
  if (held.size > 0 && !state.making) {
    state.sentVersion = versionOf(resources);
    state.ackedVersion = state.sentVersion;
  }
}

/** It holds all that is due, and nothing else, as it is: who comes back is mostly told nothing. */
function isHeldWhole({ due }: TypeState, held: ReadonlyMap<string, string>, resources: ResourceMap): boolean {
  if (held.size !== due.size) return false;
  for (const [name, version] of held)
    if (!due.has(name) || resources.get(name)?.version !== version) return false;
  return true;
}

function skipEach(state: TypeState, held: ReadonlyMap<string, string>, resources: ResourceMap): void {
  for (const [name, version] of held) {
    if (!state.wants(name)) continue;
    const present = resources.get(name);
    if (present === undefined) {
      // Removed while the client was away: what it still holds may refer to it, as with any removal.
      state.due.delete(name);
      state.leaving.set(name, { name, version, typeUrl: state.typeUrl, bytes: noBytes });
      state.heldBytes += heldBytesOf(name, version);
    } else if (present.version === version) state.due.delete(name);
    else state.due.add(name);
  }
}

/** Of a resource that the client alone knows: its texts, and what keeps them. */
function heldBytesOf(name: string, version: string): number {
  return name.length + version.length + 160;
}

/** The first snapshot came after the first request: what that request meant is only known now. */
export function startDelta(state: TypeState, resources: ResourceMap): void {
  if (resources instanceof NamedResources && state.wildcard !== 'no') {
    state.wildcard = 'no';
    state.due.add(resources.whole);
  }
  for (const name of state.names) state.due.add(name);
  if (state.wildcard !== 'no') state.due.addAll(unaskedOf(resources));
  skipHeld(state, state.held, resources);
  state.held = new Map();
}

/** The next response of this type, or null when nothing is due. `leaving`: what nothing can refer to any more. */
export function prepareDelta(
  state: TypeState,
  resources: ResourceMap,
  leaving: readonly XdsResource[],
): Prepared | null {
  if (!state.making && leaving.length === 0) return null;
  const { content, pages, absent, trial } = selectNext(state, resources, deltaWeights);
  const removed = trial === null ? leaving : [];
  for (const { name } of removed) state.leaving.delete(name);
  for (const name of absent) state.leaving.delete(name);
  state.owed = false;
  const version = versionOf(resources);
  const told = removed.map(({ name }) => name);
  // Envoy's requests wait for a virtual host until one of that name comes, be it one without content.
  const [gone, without] =
    state.typeUrl === virtualHostType ? [told, absent] : [[...new Set([...told, ...absent])], []];
  return {
    version,
    sent: content,
    removed,
    pages,
    trial,
    encode: (nonce) =>
      encodeDeltaResponse(state.typeUrl, version, nonce, pages ?? content, gone, without, state.ttlMs),
  };
}
