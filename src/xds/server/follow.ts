// What a new snapshot changes for one type of one stream: names that become due, and what is to leave.

import { diffNames, diffResources, type ResourceDiff } from '../snapshot/diff.ts';
import { NamedResources } from '../snapshot/named-resources.ts';
import { PartlyNamed, unaskedOf } from '../snapshot/partly-named.ts';
import type { ResourceMap } from '../snapshot/resource-set.ts';
import { type AdsVariant, typeUrls } from '../types.ts';
import { startDelta } from './delta.ts';
import { startSotw } from './sotw.ts';
import type { TypeState } from './type-state.ts';
import type { Warming } from './warming.ts';

/** The newest set replaces what was due of older ones. */
export function follow(state: TypeState, variant: AdsVariant, next: ResourceMap, warming: Warming): void {
  if (state.base !== null) advance(state, variant, state.base, next, warming);
  else if (variant === 'delta') startDelta(state, next);
  else startSotw(state, next);
  state.base = next;
}

function advance(
  state: TypeState,
  variant: AdsVariant,
  from: ResourceMap,
  to: ResourceMap,
  warming: Warming,
): void {
  const diff = diffFor(state, from, to);
  state.due.follow(unaskedOf(from), unaskedOf(to));
  for (const name of diff.changed) {
    state.leaving.delete(name);
    if (!state.wants(name)) continue;
    state.fallBehind(name, from.get(name) ?? null);
    state.due.add(name);
    state.quarantine.supersede(name, to.get(name) ?? null);
  }
  const underWay = diff.removed.length > 0 ? state.namesUnderWay() : null;
  for (const resource of diff.removed) {
    const held = state.heldOf(resource.name);
    state.due.delete(resource.name);
    state.quarantine.supersede(resource.name, null);
    // In SotW what is leaving is sent along until it may go; what the client never took has nowhere to leave from.
    const present = held !== null || variant === 'delta' || underWay?.has(resource.name) === true;
    if (state.wants(resource.name) && present) state.leaving.set(resource.name, held ?? resource);
    if (state.typeUrl === typeUrls.endpoint) warming.settle(resource.name);
  }
}

/** Of what comes to who names it, the names of this client alone can differ for it. */
function diffFor({ names }: TypeState, from: ResourceMap, to: ResourceMap): ResourceDiff {
  if (from instanceof NamedResources || to instanceof NamedResources) return diffNames(names, from, to);
  if (!(from instanceof PartlyNamed || to instanceof PartlyNamed)) return diffResources(from, to);
  const unasked = diffResources(unaskedOf(from), unaskedOf(to));
  const named = diffNames(names, from, to);
  const gone = [...unasked.removed.filter(({ name }) => !to.has(name)), ...named.removed];
  return {
    changed: [...new Set([...unasked.changed, ...named.changed])],
    removed: [...new Map(gone.map((resource) => [resource.name, resource])).values()],
  };
}
