// State of the world, server side: what a request changes and what the next response holds
// (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "The basic protocol").

import { encodeSotwResponse, sotwFrameBytes } from '../discovery/encode.ts';
import type { SotwRequest } from '../discovery/messages.ts';
import { responseBytesMax } from '../limits.ts';
import { type ResourceMap, versionOf } from '../snapshot/diff.ts';
import type { XdsResource } from '../types.ts';
import type { Prepared } from './prepared.ts';
import { isComplete, type TypeState, type Wildcard } from './type-state.ts';

/** False: the request is stale, a newer response is out and its answer will carry what the client wants by then. */
export function isCurrent(state: TypeState, request: SotwRequest): boolean {
  return !state.started || request.nonce === state.nonce;
}

/** Takes in the names of a request that is current. Only names that are new become due: a plain ACK is never answered. */
export function subscribeSotw(state: TypeState, request: SotwRequest, resources: ResourceMap | null): void {
  const first = !state.started;
  const before = state.wildcard;
  state.started = true;
  state.wildcard = decideWildcard(state, request.names, first);
  const names = new Set(request.names);
  names.delete('*');
  for (const name of state.names) if (!names.has(name)) drop(state, name);
  for (const name of names) {
    if (state.names.has(name)) continue;
    state.names.add(name);
    state.due.add(name);
  }
  if (state.wildcard !== 'no' && before === 'no') state.owed = true;
  if (!first) return;
  state.heldVersion = request.version;
  if (resources !== null) skipHeld(state, resources);
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

function drop(state: TypeState, name: string): void {
  state.names.delete(name);
  if (state.wildcard !== 'no') return;
  state.due.delete(name);
  state.leaving.delete(name);
}

/** The next response of this type, or null when nothing is due. `mayRemove`: nothing can refer to what is leaving any more. */
export function prepareSotw(state: TypeState, resources: ResourceMap, mayRemove: boolean): Prepared | null {
  return isComplete(state.typeUrl)
    ? prepareComplete(state, resources, mayRemove)
    : preparePartial(state, resources);
}

function prepareComplete(state: TypeState, resources: ResourceMap, mayRemove: boolean): Prepared | null {
  const removing = mayRemove && state.leaving.size > 0;
  if (!state.making && !removing) return null;
  const changed = selectChanged(state, resources);
  if (mayRemove) state.leaving.clear();
  const content = selectWanted(state, resources);
  for (const [name, resource] of state.leaving) if (!resources.has(name)) content.push(resource);
  // A set that still holds what is leaving has no version of its own in any snapshot.
  const version = state.leaving.size > 0 ? `${versionOf(resources)}~` : versionOf(resources);
  state.due.clear();
  state.owed = false;
  return {
    version,
    sent: changed,
    encode: (nonce) => encodeSotwResponse(state.typeUrl, version, nonce, content),
  };
}

/** Of a complete response only this is news: the rest is in it because it has to be. */
function selectChanged(state: TypeState, resources: ResourceMap): XdsResource[] {
  if (state.owed) return [...resources.values()];
  return [...state.due].flatMap((name) => resources.get(name) ?? []);
}

function selectWanted(state: TypeState, resources: ResourceMap): XdsResource[] {
  if (state.wildcard !== 'no') return [...resources.values()];
  const content: XdsResource[] = [];
  for (const name of state.names) {
    const resource = resources.get(name);
    if (resource !== undefined) content.push(resource);
  }
  return content;
}

/** Absence means nothing in these types: only what is due and exists is sent, and an empty response never. */
function preparePartial(state: TypeState, resources: ResourceMap): Prepared | null {
  state.leaving.clear();
  if (state.owed) for (const name of resources.keys()) state.due.add(name);
  state.owed = false;
  const content: XdsResource[] = [];
  let bytes = 0;
  for (const name of state.due) {
    const resource = resources.get(name);
    if (resource !== undefined) {
      bytes += sotwFrameBytes(resource);
      if (bytes > responseBytesMax && content.length > 0) break;
      content.push(resource);
    }
    state.due.delete(name);
  }
  if (content.length === 0) return null;
  const version = versionOf(resources);
  return {
    version,
    sent: content,
    encode: (nonce) => encodeSotwResponse(state.typeUrl, version, nonce, content),
  };
}
