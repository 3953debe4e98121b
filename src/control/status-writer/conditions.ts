// Conditions as the API server keeps them (metav1.Condition): when one last turned stays what it was until it turns.

import { fieldOf, isRecord, type KubeObject, textOf } from '../kubernetes/types.ts';
import type { Condition } from '../model/status.ts';

/** What is to be said; when it last turned is told by what was said before. */
export interface WantedCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** CamelCase, not empty. */
  readonly reason: string;
  readonly message: string;
}

/** The CRDs' bound on a message. */
const messageCharsMax = 32_768;

/**
 * The list to write. Conditions of types that are not ours to say are left as they are: another writer may keep its own
 * on the same object.
 */
export function mergeConditions(
  present: unknown,
  wanted: readonly WantedCondition[],
  observedGeneration: number,
  now: string,
): readonly KubeObject[] {
  const before = Array.isArray(present) ? present.filter(isRecord) : [];
  const ours = new Set(wanted.map(({ type }) => type));
  const foreign = before.filter(
    (one) => !ours.has(textOf(one, 'type')) && !ownTypes.has(textOf(one, 'type')),
  );
  return [...wanted.map((one) => merge(one, before, observedGeneration, now)), ...foreign];
}

/** A condition of ours that is not wanted any more goes. Of each type that we ever say. */
const ownTypes: ReadonlySet<string> = new Set(
  Object.keys({
    Accepted: true,
    ResolvedRefs: true,
    Conflicted: true,
    Programmed: true,
    PartiallyInvalid: true,
    NetworkEnforced: true,
    InsecureFrontendValidationMode: true,
  } satisfies Record<Condition['type'], true>),
);

function merge(
  wanted: WantedCondition,
  before: readonly KubeObject[],
  observedGeneration: number,
  now: string,
): KubeObject {
  const old = before.find((one) => one['type'] === wanted.type);
  const turned = old === undefined || old['status'] !== wanted.status;
  const since = fieldOf(old, 'lastTransitionTime');
  return {
    type: wanted.type,
    status: wanted.status,
    reason: wanted.reason,
    message: wanted.message.slice(0, messageCharsMax),
    observedGeneration,
    lastTransitionTime: turned || typeof since !== 'string' ? now : since,
  };
}
