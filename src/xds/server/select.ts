// What the next response of a type holds: one trial of the search for a fault, by itself, or what is due as far as it
// fits.

import { responseBytesMax } from '../limits.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import type { XdsResource } from '../types.ts';
import type { Trial } from './quarantine.ts';
import type { TypeState } from './type-state.ts';

export interface Selected {
  readonly content: readonly XdsResource[];
  /** Names asked for that do not exist. */
  readonly absent: readonly string[];
  readonly trial: Trial | null;
}

type FrameBytes = (resource: XdsResource) => number;

/** Takes what it selects out of what is due. */
export function selectNext(state: TypeState, resources: ResourceMap, frameBytes: FrameBytes): Selected {
  for (;;) {
    const trial = state.quarantine.trials.shift();
    if (trial === undefined) return selectDue(state, resources, frameBytes);
    const content = selectTrial(state, resources, trial, frameBytes);
    if (content.length > 0) return { content, absent: [], trial };
  }
}

function selectTrial(
  state: TypeState,
  resources: ResourceMap,
  trial: Trial,
  frameBytes: FrameBytes,
): readonly XdsResource[] {
  if (trial.kind === 'parts') {
    const resource = resources.get(trial.name);
    return resource === undefined ? [] : [state.quarantine.formOf(resource, trial)];
  }
  const content: XdsResource[] = [];
  let bytes = 0;
  for (const name of trial.names) {
    const resource = resources.get(name);
    if (resource !== undefined) {
      bytes += frameBytes(resource);
      if (bytes > responseBytesMax && content.length > 0) break;
      content.push(state.quarantine.formOf(resource, trial));
    }
    trial.names.delete(name);
  }
  if (trial.names.size > 0) state.quarantine.trials.unshift({ kind: 'resources', names: trial.names });
  return content;
}

function selectDue(state: TypeState, resources: ResourceMap, frameBytes: FrameBytes): Selected {
  const content: XdsResource[] = [];
  const absent: string[] = [];
  let bytes = 0;
  for (const name of state.due) {
    const resource = resources.get(name);
    if (resource === undefined) absent.push(name);
    else {
      bytes += frameBytes(resource);
      if (bytes > responseBytesMax && content.length > 0) break;
      content.push(state.quarantine.formOf(resource, null));
    }
    state.due.delete(name);
  }
  return { content, absent, trial: null };
}
