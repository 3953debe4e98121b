// HeaderMutation (config.common.mutation_rules): one edit, of the filter of that name and of early mutations.

import type { HeaderStep } from '../../../policy/index.ts';
import { type Faults, type headerMutationRule, join, type MessageOf } from '../schema/index.ts';
import { translateAddition, translateRemoval } from './header-edits.ts';

/** A removal or an addition; none where it is at fault. */
export function translateMutation(
  { append, remove }: MessageOf<typeof headerMutationRule>,
  path: string,
  faults: Faults,
): readonly HeaderStep[] {
  if (remove !== undefined) return [translateRemoval(remove, join(path, 'remove'), faults)];
  if (append === undefined) {
    faults.add(path, 'one of remove, append must be set');
    return [];
  }
  const step = translateAddition(append, join(path, 'append'), faults);
  return step === null ? [] : [step];
}
