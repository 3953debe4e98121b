// What the next response of a type holds: one trial of the search for a fault, by itself, or what is due as far as it
// fits, by pages where everything is.

import { responseBytesMax } from '../limits.ts';
import type { Page } from '../snapshot/pages.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import type { XdsResource } from '../types.ts';
import type { DuePages } from './due-names.ts';
import type { Trial } from './quarantine.ts';
import type { TypeState } from './type-state.ts';

export interface Selected {
  readonly content: readonly XdsResource[];
  /** Content that is whole pages of the set; null: it is not. */
  readonly pages: readonly Page[] | null;
  /** Names asked for that do not exist. */
  readonly absent: readonly string[];
  readonly trial: Trial | null;
}

/** What they add to a response. */
export interface Weights {
  ofResource(resource: XdsResource): number;
  ofPage(page: Page): number;
}

/** Takes what it selects out of what is due. */
export function selectNext(state: TypeState, resources: ResourceMap, weights: Weights): Selected {
  for (;;) {
    const trial = state.quarantine.trials.shift();
    if (trial === undefined) return selectDue(state, resources, weights);
    const content = selectTrial(state, resources, trial, weights);
    if (content.length > 0) return { content, pages: null, absent: [], trial };
  }
}

function selectTrial(
  state: TypeState,
  resources: ResourceMap,
  trial: Trial,
  weights: Weights,
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
      bytes += weights.ofResource(resource);
      if (bytes > responseBytesMax && content.length > 0) break;
      content.push(state.quarantine.formOf(resource, trial));
    }
    trial.names.delete(name);
  }
  if (trial.names.size > 0) state.quarantine.trials.unshift({ kind: 'resources', names: trial.names });
  return content;
}

function selectDue(state: TypeState, resources: ResourceMap, weights: Weights): Selected {
  const absent: string[] = [];
  for (;;) {
    const taken = selectPages(state, resources, weights);
    if (taken === null) break;
    for (const name of taken.absent) absent.push(name);
    const { pages } = taken;
    if (pages.length === 0) continue;
    return { content: pages.flatMap(({ members }) => members), pages, absent, trial: null };
  }
  const content: XdsResource[] = [];
  let bytes = 0;
  for (const name of state.due) {
    const resource = resources.get(name);
    if (resource === undefined) absent.push(name);
    else {
      bytes += weights.ofResource(resource);
      if (bytes > responseBytesMax && content.length > 0) break;
      content.push(state.quarantine.formOf(resource, null));
    }
    state.due.delete(name);
  }
  return { content, pages: null, absent, trial: null };
}

/** Of a client that has refused nothing. */
function selectPages(state: TypeState, resources: ResourceMap, weights: Weights): DuePages | null {
  if (state.quarantine.changesForms) return null;
  let bytes = 0;
  return state.due.takePages(resources, (page) => {
    bytes += weights.ofPage(page);
    return bytes <= responseBytesMax;
  });
}
