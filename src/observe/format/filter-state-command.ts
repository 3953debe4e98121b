// %FILTER_STATE%: what a filter keeps of a request under its name, as text or field by field.

import { fail, ok } from '../../base/index.ts';
import type { CommandSpec, Operator } from './operator.ts';
import type { FilterState, FormatSource } from './source.ts';

export function filterState(read: (source: FormatSource, key: string) => FilterState | null): CommandSpec {
  return {
    argument: 'required',
    length: true,
    compile(argument, lengthMax) {
      const [key = '', form = 'TYPED', name = ''] = argument.split(':');
      if (key === '') return fail('takes a key');
      if (!['PLAIN', 'TYPED', 'FIELD'].includes(form)) return fail('takes a key, then PLAIN, TYPED or FIELD');
      if ((form === 'FIELD') !== (name !== ''))
        return fail('takes a field’s name with FIELD, and only with it');
      return ok(operatorOf(form, (source) => read(source, key), lengthMax));
    },
  };
}

function operatorOf(
  form: string,
  find: (source: FormatSource) => FilterState | null,
  lengthMax: number | null,
): Operator {
  const cut = (text: string | null) => (lengthMax === null ? text : (text?.slice(0, lengthMax) ?? null));
  // No state that is kept here can be asked for a field alone.
  if (form === 'FIELD') return { text: () => null, number: false, json: null };
  if (form === 'PLAIN')
    return { text: (source) => cut(find(source)?.plain() ?? null), number: false, json: null };
  return {
    number: false,
    text(source) {
      const fields = find(source)?.fields() ?? null;
      return fields === null ? null : cut(JSON.stringify(withJsonNames(fields)));
    },
    // A message in JSON keeps the names of its .proto, and is not cut, as in Envoy.
    json(source) {
      const fields = find(source)?.fields() ?? null;
      return fields === null ? null : JSON.stringify(fields);
    },
  };
}

function withJsonNames(fields: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replace(/_[a-z]/g, (start) => start[1]!.toUpperCase()),
      value,
    ]),
  );
}
