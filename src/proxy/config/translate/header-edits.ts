// Header edits: Envoy's header options at four levels (configuration, virtual host, route, weighted cluster) to one
// list.

import { editedHeaderFault, type HeaderEdits, type HeaderStep } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type routeConfiguration } from '../schema/index.ts';
import { checkFieldValue } from './message-text.ts';

type RouteConfiguration = MessageOf<typeof routeConfiguration>;
type HeaderOption = RouteConfiguration['request_headers_to_add'][number];

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
  return specific === null || general === null ? (specific ?? general) : [...specific, ...general];
}

/** Removals first, as in Envoy; then the additions in their order. */
function translateSide(
  level: EditLevel,
  side: 'request' | 'response',
  path: string,
  faults: Faults,
): HeaderEdits | null {
  const removePath = join(path, `${side}_headers_to_remove`);
  const steps = level[`${side}_headers_to_remove`].map((name, index) =>
    translateRemoval(name, `${removePath}[${index}]`, faults),
  );
  const added = translateAdditions(
    level[`${side}_headers_to_add`],
    join(path, `${side}_headers_to_add`),
    faults,
  );
  return added === null && steps.length === 0 ? null : [...steps, ...(added ?? [])];
}

export function translateAdditions(
  options: readonly HeaderOption[],
  path: string,
  faults: Faults,
): HeaderEdits | null {
  const steps: HeaderStep[] = [];
  options.forEach((option, index) => {
    const step = translateAddition(option, `${path}[${index}]`, faults);
    if (step !== null) steps.push(step);
  });
  return steps.length === 0 ? null : steps;
}

export function translateRemoval(name: string, path: string, faults: Faults): HeaderStep {
  return { kind: 'remove', name: translateName(name, path, faults), value: '' };
}

const stepKinds = {
  APPEND_IF_EXISTS_OR_ADD: 'add',
  ADD_IF_ABSENT: 'add-if-absent',
  OVERWRITE_IF_EXISTS_OR_ADD: 'set',
  OVERWRITE_IF_EXISTS: 'set-if-present',
} as const;

/** Null: nothing is done, because the value is empty and that is not to be kept. */
export function translateAddition(option: HeaderOption, path: string, faults: Faults): HeaderStep | null {
  const at = join(path, 'header');
  if (option.header === undefined) {
    faults.add(at, 'must be set');
    return null;
  }
  const name = translateName(option.header.key ?? '', join(at, 'key'), faults);
  const value = translateValue(option.header.value ?? '', join(at, 'value'), faults);
  if (value === '' && option.keep_empty_value !== true) return null;
  const action = option.append_action ?? (option.append === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : null);
  return { kind: stepKinds[action ?? 'APPEND_IF_EXISTS_OR_ADD'], name, value };
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
