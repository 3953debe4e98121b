// KeyValueMutation: one edit of the path's parameters.

import type { QueryMutation } from '../filter-types.ts';
import { type Faults, join, type MessageOf, type queryMutation } from '../schema/index.ts';
import { translateValue } from './header-edits.ts';
import { checkFieldValue } from './message-text.ts';

const kinds = {
  APPEND_IF_EXISTS_OR_ADD: 'add',
  ADD_IF_ABSENT: 'add-if-absent',
  OVERWRITE_IF_EXISTS_OR_ADD: 'set',
  OVERWRITE_IF_EXISTS: 'set-if-present',
} as const;

/** null: it is at fault. */
export function translateQueryMutation(
  { append, remove }: MessageOf<typeof queryMutation>,
  path: string,
  faults: Faults,
): QueryMutation | null {
  if (remove !== undefined) {
    checkFieldValue(remove, join(path, 'remove'), faults);
    return { kind: 'remove', name: remove, value: '', format: null };
  }
  if (append === undefined) {
    faults.add(path, 'one of remove, append must be set');
    return null;
  }
  const at = join(path, 'append.record');
  if (append.record === undefined) {
    faults.add(at, 'must be set');
    return null;
  }
  const { key = '', value = '' } = append.record;
  checkFieldValue(key, join(at, 'key'), faults);
  const kind = kinds[append.action ?? 'APPEND_IF_EXISTS_OR_ADD'];
  return { kind, name: key, ...translateValue(value, join(at, 'value'), faults) };
}
