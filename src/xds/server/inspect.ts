// What one proxy has of what it is served, resource by resource: for `weft xds dump` and `weft xds diff`. Computed when
// asked for, from what the stream remembers anyway.

import type { XdsResource } from '../types.ts';
import type { TypeState } from './type-state.ts';
import { noResources } from './type-state.ts';

/**
 * `synced`: the proxy acknowledged it as it is. `due`: still to be sent. `sent`: it has not answered. `refused`: it did
 * not take it. `leaving`: it is gone, and the proxy is told when nothing refers to it any more. `absent`: the proxy
 * asks for it, and it does not exist.
 */
export type ResourceState = 'synced' | 'due' | 'sent' | 'refused' | 'leaving' | 'absent';

export interface InspectedResource {
  readonly name: string;
  readonly state: ResourceState;
  /** As it is served; null: it does not exist. */
  readonly served: XdsResource | null;
  /** As the proxy has it, so far as it said; null: it does not. */
  readonly held: XdsResource | null;
}

export interface InspectedType {
  readonly typeUrl: string;
  readonly resources: readonly InspectedResource[];
}

export function inspectType(state: TypeState): InspectedType {
  const served = state.base ?? noResources;
  const names = new Set(state.wildcard === 'no' ? state.names : [...served.keys(), ...state.names]);
  for (const name of state.leaving.keys()) names.add(name);
  const underWay = state.namesUnderWay();
  const resources = [...names].sort().map((name): InspectedResource => {
    const present = served.get(name) ?? null;
    const held = state.heldOf(name);
    return { name, served: present, held, state: judge(state, name, present, held, underWay) };
  });
  return { typeUrl: state.typeUrl, resources };
}

function judge(
  state: TypeState,
  name: string,
  served: XdsResource | null,
  held: XdsResource | null,
  underWay: ReadonlySet<string>,
): ResourceState {
  if (state.leaving.has(name)) return 'leaving';
  if (state.quarantine.withholds(name)) return 'refused';
  if (served === null) return 'absent';
  if (held?.version === served.version) return 'synced';
  return state.due.has(name) || !underWay.has(name) ? 'due' : 'sent';
}
