// Header edits: Envoy's header options at four levels (configuration, virtual host, route, weighted cluster) to one list.

import { editedHeaderFault, type HeaderEdits } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type routeConfiguration } from '../schema/index.ts';
import { checkFieldValue } from './message-text.ts';

type RouteConfiguration = MessageOf<typeof routeConfiguration>;
type HeaderOptions = RouteConfiguration['request_headers_to_add'];

/** The fields that each level has. */
export type EditLevel = Pick<
  RouteConfiguration,
  | 'request_headers_to_add'
  | 'request_headers_to_remove'
  | 'response_headers_to_add'
  | 'response_headers_to_remove'
>;

export interface LevelEdits {
  readonly request: HeaderEdits | null;
  readonly response: HeaderEdits | null;
}

export function translateEdits(level: EditLevel, path: string, faults: Faults): LevelEdits {
  return {
    request: translateSide(level, 'request', path, faults),
    response: translateSide(level, 'response', path, faults),
  };
}

/** The less specific level is applied after the more specific one, as in Envoy, so its overwrites win. */
export function mergeEdits(specific: LevelEdits, general: LevelEdits): LevelEdits {
  return {
    request: mergeSide(specific.request, general.request),
    response: mergeSide(specific.response, general.response),
  };
}

function mergeSide(specific: HeaderEdits | null, general: HeaderEdits | null): HeaderEdits | null {
  if (specific === null || general === null) return specific ?? general;
  return {
    set: [...specific.set, ...general.set],
    add: [...specific.add, ...general.add],
    remove: [...specific.remove, ...general.remove],
  };
}

function translateSide(
  level: EditLevel,
  side: 'request' | 'response',
  path: string,
  faults: Faults,
): HeaderEdits | null {
  const set: (readonly [string, string])[] = [];
  const add: (readonly [string, string])[] = [];
  translateOptions(level[`${side}_headers_to_add`], join(path, `${side}_headers_to_add`), set, add, faults);
  const removePath = join(path, `${side}_headers_to_remove`);
  const remove = level[`${side}_headers_to_remove`].map((name, index) =>
    translateName(name, `${removePath}[${index}]`, faults),
  );
  return set.length + add.length + remove.length === 0 ? null : { set, add, remove };
}

function translateOptions(
  options: HeaderOptions,
  path: string,
  set: (readonly [string, string])[],
  add: (readonly [string, string])[],
  faults: Faults,
): void {
  options.forEach((option, index) => {
    const at = join(`${path}[${index}]`, 'header');
    if (option.header === undefined) {
      faults.add(at, 'must be set');
      return;
    }
    const name = translateName(option.header.key ?? '', join(at, 'key'), faults);
    const value = translateValue(option.header.value ?? '', join(at, 'value'), faults);
    const overwrite =
      option.append_action === 'OVERWRITE_IF_EXISTS_OR_ADD' ||
      (option.append_action === undefined && option.append === false);
    (overwrite ? set : add).push([name, value]);
  });
}

function translateName(name: string, path: string, faults: Faults): string {
  const rule = editedHeaderFault(name);
  if (rule !== null) faults.add(path, rule, name);
  return name.toLowerCase();
}

function translateValue(value: string, path: string, faults: Faults): string {
  const literal = value.replaceAll('%%', '');
  if (literal.includes('%'))
    faults.add(path, 'format commands are not supported by Weft (docs/envoy-compat.md)', value);
  checkFieldValue(value, path, faults);
  return value.replaceAll('%%', '%');
}
