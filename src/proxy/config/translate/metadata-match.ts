// Matchers of what filters say of a request.

import type { MetadataMatch, ValueMatch } from '../../../policy/index.ts';
import {
  type Faults,
  join,
  type MessageOf,
  type metadataMatcher,
  type ValueMessage,
} from '../schema/index.ts';
import { translateString } from './string-match.ts';

type Metadata = MessageOf<typeof metadataMatcher>;

export function translateMetadata(message: Metadata, path: string, faults: Faults): MetadataMatch {
  if (message.path.length === 0) faults.add(join(path, 'path'), 'must be at least one');
  const at = join(path, 'value');
  if (message.value === undefined) faults.add(at, 'must be set');
  return {
    filter: message.filter ?? '',
    path: message.path.map(({ key }) => key ?? ''),
    value: message.value === undefined ? { kind: 'null' } : translateValue(message.value, at, faults),
    invert: message.invert ?? false,
  };
}

function translateValue(message: ValueMessage, path: string, faults: Faults): ValueMatch {
  if (message.null_match !== undefined) return { kind: 'null' };
  if (message.double_match !== undefined) {
    const { exact, range } = message.double_match;
    if (exact !== undefined) return { kind: 'number', exact: true, min: exact, max: exact };
    return { kind: 'number', exact: false, min: range?.start ?? 0, max: range?.end ?? 0 };
  }
  if (message.string_match !== undefined)
    return {
      kind: 'string',
      match: translateString(message.string_match, join(path, 'string_match'), faults),
    };
  if (message.bool_match !== undefined) return { kind: 'bool', value: message.bool_match };
  if (message.present_match !== undefined) return { kind: 'present', value: message.present_match };
  if (message.list_match?.one_of !== undefined)
    return {
      kind: 'list',
      item: translateValue(message.list_match.one_of, join(path, 'list_match.one_of'), faults),
    };
  if (message.or_match !== undefined) {
    const at = join(path, 'or_match.value_matchers');
    if (message.or_match.value_matchers.length < 2) faults.add(at, 'must be at least two');
    return {
      kind: 'or',
      values: message.or_match.value_matchers.map((value, index) =>
        translateValue(value, `${at}[${index}]`, faults),
      ),
    };
  }
  faults.add(path, 'must say what it matches');
  return { kind: 'null' };
}
