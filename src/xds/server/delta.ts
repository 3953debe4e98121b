// Incremental xDS, server side: what a request changes and what the next response holds
// (https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, "Incremental xDS").

import { deltaFrameBytes, encodeDeltaResponse } from '../discovery/encode.ts';
import type { DeltaRequest } from '../discovery/messages.ts';
import { responseBytesMax } from '../limits.ts';
import { type ResourceMap, versionOf } from '../snapshot/diff.ts';
import type { XdsResource } from '../types.ts';
import type { Prepared } from './prepared.ts';
import { isComplete, type TypeState } from './type-state.ts';

/** Takes in what a request subscribes to and gives up; honoured also when its nonce is stale. */
export function subscribeDelta(state: TypeState, request: DeltaRequest, resources: ResourceMap | null): void {
  const first = !state.started;
  state.started = true;
  for (const name of request.subscribe) {
    if (name === '*') continue;
    state.names.add(name);
    // Always answered, also when it was subscribed before and has not changed.
    state.due.add(name);
  }
  if (request.subscribe.includes('*')) subscribeAll(state, 'explicit', resources);
  else if (first && request.subscribe.length === 0 && isComplete(state.typeUrl)) {
    subscribeAll(state, 'legacy', resources);
  }
  for (const name of request.unsubscribe) {
    if (name === '*') giveUpAll(state);
    else giveUp(state, name);
  }
  if (first) skipHeld(state, request.initialVersions, resources);
}

function subscribeAll(
  state: TypeState,
  wildcard: 'legacy' | 'explicit',
  resources: ResourceMap | null,
): void {
  state.wildcard = wildcard;
  state.owed = true;
  if (resources !== null) for (const name of resources.keys()) state.due.add(name);
}

function giveUpAll(state: TypeState): void {
  if (state.wildcard === 'no') return;
  state.wildcard = 'no';
  state.owed = false;
  for (const name of state.due) if (!state.names.has(name)) state.due.delete(name);
  for (const name of state.leaving.keys()) if (!state.names.has(name)) state.leaving.delete(name);
}

function giveUp(state: TypeState, name: string): void {
  state.names.delete(name);
  if (state.wildcard !== 'no') {
    // `*` still covers it: the client must be told what holds for it now.
    state.due.add(name);
    return;
  }
  state.due.delete(name);
  state.leaving.delete(name);
}

const noBytes = new Uint8Array();

/** After a reconnect: what the client holds in its present version is not sent; what it holds and is gone is removed. */
function skipHeld(state: TypeState, held: ReadonlyMap<string, string>, resources: ResourceMap | null): void {
  if (resources === null) {
    state.held = held;
    return;
  }
  for (const [name, version] of held) {
    if (!state.wants(name)) continue;
    const present = resources.get(name);
    if (present === undefined) {
      // Removed while the client was away: what it still holds may refer to it, as with any removal.
      state.due.delete(name);
      state.leaving.set(name, { name, version, typeUrl: state.typeUrl, bytes: noBytes });
    } else if (present.version === version) state.due.delete(name);
    else state.due.add(name);
  }
  // It came with all there is: as good as an acknowledgement, and the only one there will be until something changes.
  if (held.size > 0 && !state.making) {
    state.sentVersion = versionOf(resources);
    state.ackedVersion = state.sentVersion;
  }
}

/** The first snapshot came after the first request: what that request meant is only known now. */
export function startDelta(state: TypeState, resources: ResourceMap): void {
  for (const name of state.names) state.due.add(name);
  if (state.wildcard !== 'no') for (const name of resources.keys()) state.due.add(name);
  skipHeld(state, state.held, resources);
  state.held = new Map();
}

/** The next response of this type, or null when nothing is due. `mayRemove`: nothing can refer to what is leaving any more. */
export function prepareDelta(state: TypeState, resources: ResourceMap, mayRemove: boolean): Prepared | null {
  const removed = mayRemove ? [...state.leaving.keys()] : [];
  if (!state.making && removed.length === 0) return null;
  const content: XdsResource[] = [];
  let bytes = 0;
  for (const name of state.due) {
    const resource = resources.get(name);
    if (resource === undefined) {
      removed.push(name);
      state.leaving.delete(name);
    } else {
      bytes += deltaFrameBytes(resource);
      if (bytes > responseBytesMax && content.length > 0) break;
      content.push(resource);
    }
    state.due.delete(name);
  }
  if (mayRemove) state.leaving.clear();
  state.owed = false;
  const version = versionOf(resources);
  const gone = [...new Set(removed)];
  return {
    version,
    sent: content,
    encode: (nonce) => encodeDeltaResponse(state.typeUrl, version, nonce, content, gone),
  };
}
