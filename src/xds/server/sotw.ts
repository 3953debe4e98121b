// State of the world, server side: what a request changes and what the next response holds
// (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "The basic protocol").

import { encodeSotwResponse, sotwWeights } from '../discovery/encode.ts';
import type { SotwRequest } from '../discovery/messages.ts';
import { versionOf } from '../snapshot/diff.ts';
import { PartlyNamed } from '../snapshot/partly-named.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import type { XdsResource } from '../types.ts';
import { NameList } from './name-list.ts';
import type { Prepared } from './prepared.ts';
import type { Trial } from './quarantine.ts';
import { selectNext } from './select.ts';
import { isComplete, type TypeState, type Wildcard } from './type-state.ts';

/** False: the request is stale, a newer response is out and its answer will carry what the client wants by then. */
export function isCurrent(state: TypeState, request: SotwRequest): boolean {
  return !state.started || request.nonce === state.nonce;
}

/**
 * Takes in the names of a request that is current. Only names that are new become due: a plain ACK is never answered.
 */
export function subscribeSotw(state: TypeState, request: SotwRequest, resources: ResourceMap | null): void {
  const first = !state.started;
  // An ACK repeats all names; those of many clients are one array.
  if (!first && request.names === state.asked && request.names.length > 0) return;
  const before = state.wildcard;
  state.started = true;
  state.wildcard = decideWildcard(state, request.names, first);
  const list = state.names.size === 0 ? NameList.of(request.names) : null;
  const listed = list !== null && !list.has('*') && state.addList(list);
  const distinct = listed ? request.names.length : subscribeEach(state, request.names, resources);
  // What is charged for is names that differ: those of who repeats himself are not kept.
  state.asked = distinct === request.names.length ? request.names : [];
  if (state.wildcard !== 'no' && before === 'no') state.owed = true;
  if (!first) return;
  state.heldVersion = request.version;
  if (resources !== null) skipHeld(state, resources);
}

/** How many names differ. */
function subscribeEach(state: TypeState, asked: readonly string[], resources: ResourceMap | null): number {
  const names = new Set(asked);
  const distinct = names.size;
  names.delete('*');
  for (const name of state.names) if (!names.has(name)) drop(state, name, resources);
  for (const name of names) {
    if (state.names.has(name)) continue;
    // The snapshot's own text, which all clients share.
    const own = resources?.get(name)?.name ?? name;
    state.addName(own);
    state.due.add(own);
  }
  return distinct;
}

/** No names mean everything, until a name (or `*`) was ever given on this stream; from then on they mean nothing. */
function decideWildcard(state: TypeState, names: readonly string[], first: boolean): Wildcard {
  if (names.includes('*')) return 'explicit';
  if (names.length > 0) return 'no';
  if (first) return isComplete(state.typeUrl) ? 'legacy' : 'no';
  return state.wildcard === 'legacy' ? 'legacy' : 'no';
}

/** The version survives a reconnect: what a wildcard client of a complete type has already is not sent again. */
function skipHeld(state: TypeState, resources: ResourceMap): void {
  if (state.wildcard === 'no' || !isComplete(state.typeUrl) || state.names.size > 0) return;
  if (state.heldVersion !== versionOf(resources)) return;
  state.owed = false;
  state.ackedVersion = state.heldVersion;
}

/** The first snapshot came after the first request: what that request meant is only known now. */
export function startSotw(state: TypeState, resources: ResourceMap): void {
  for (const name of state.names) state.due.add(name);
  if (state.wildcard !== 'no') state.owed = true;
  skipHeld(state, resources);
}

function drop(state: TypeState, name: string, resources: ResourceMap | null): void {
  state.deleteName(name);
  if (!state.covers(name, resources)) state.forgetUncovered(name);
}

/** The next response of this type, or null when nothing is due. `leaving`: what nothing can refer to any more. */
export function prepareSotw(
  state: TypeState,
  resources: ResourceMap,
  leaving: readonly XdsResource[],
): Prepared | null {
  return isComplete(state.typeUrl)
    ? prepareComplete(state, resources, leaving)
    : preparePartial(state, resources);
}

function prepareComplete(
  state: TypeState,
  resources: ResourceMap,
  leaving: readonly XdsResource[],
): Prepared | null {
  if (!state.making && leaving.length === 0) return null;
  const trial = state.quarantine.trials.shift() ?? null;
  const sent = selectChanged(state, resources, trial);
  const removed = trial === null ? leaving : [];
  for (const { name } of removed) state.leaving.delete(name);
  const { content, whole } = selectWanted(state, resources, trial);
  for (const [name, resource] of state.leaving) if (!resources.has(name)) content.push(resource);
  // A set that still holds what is leaving, or not yet what is refused, has no version of its own in any snapshot.
  const own = versionOf(resources);
  const version = whole && state.leaving.size === 0 ? own : `${own}~`;
  if (trial === null) {
    state.due.clear();
    state.owed = false;
  }
  return {
    version,
    sent,
    removed,
    pages: null,
    trial,
    encode: (nonce) => encodeSotwResponse(state.typeUrl, version, nonce, content, state.ttlMs),
  };
}

/** Of a complete response only this is news: the rest is in it because it has to be. */
function selectChanged(state: TypeState, resources: ResourceMap, trial: Trial | null): XdsResource[] {
  if (trial !== null) return trial.kind === 'parts' ? [] : select(trial.names, resources);
  if (!state.owed || state.wildcard === 'no') return select(state.due, resources);
  return [...resources.values()].filter(({ name }) => !state.quarantine.withholds(name));
}

function select(names: Iterable<string>, resources: ResourceMap): XdsResource[] {
  return [...names].flatMap((name) => resources.get(name) ?? []);
}

/** All that the client is to have: what is refused, or not in this trial, as it has it already. */
function selectWanted(
  state: TypeState,
  resources: ResourceMap,
  trial: Trial | null,
): { content: XdsResource[]; whole: boolean } {
  const wanted = listWanted(state, resources);
  if (trial === null && state.quarantine.empty) return { content: wanted, whole: true };
  const inTrial = trial?.kind === 'resources' ? trial.names : null;
  const content: XdsResource[] = [];
  let whole = true;
  for (const resource of wanted) {
    const { name } = resource;
    const waits = state.quarantine.withholds(name) || (trial !== null && state.due.has(name));
    const form = waits && inTrial?.has(name) !== true ? state.heldOf(name) : resource;
    whole &&= form === resource;
    if (form !== null) content.push(form);
  }
  return { content, whole };
}

function listWanted({ names, wildcard }: TypeState, resources: ResourceMap): XdsResource[] {
  if (wildcard === 'no') return select(names, resources);
  const all = [...resources.values()];
  if (!(resources instanceof PartlyNamed)) return all;
  return [...all, ...select(names, resources).filter(({ name }) => resources.isNamed(name))];
}

/** Absence means nothing in these types: only what is due and exists is sent, and an empty response never. */
function preparePartial(state: TypeState, resources: ResourceMap): Prepared | null {
  state.leaving.clear();
  if (state.owed) state.due.addAll(resources);
  state.owed = false;
  const { content, pages, trial } = selectNext(state, resources, sotwWeights);
  if (content.length === 0) return null;
  const version = versionOf(resources);
  return {
    version,
    sent: content,
    removed: [],
    pages,
    trial,
    encode: (nonce) => encodeSotwResponse(state.typeUrl, version, nonce, pages ?? content, state.ttlMs),
  };
}
