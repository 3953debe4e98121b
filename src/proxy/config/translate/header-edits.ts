// Header edits: Envoy's header options at four levels (configuration, virtual host, route, weighted cluster) to one
// list.

import { compileText, type Format } from '../../../observe/index.ts';
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

/**
 * The less specific level is applied after the more specific one, as in Envoy, so its overwrites win; unless the
 * configuration has it the other way (most_specific_header_mutations_wins). A weighted cluster's stay the first.
 */
export function mergeEdits(specific: LevelEdits, general: LevelEdits, specificWins: boolean): LevelEdits {
  const [first, last] = specificWins ? [general, specific] : [specific, general];
  return {
    request: mergeSide(first.request, last.request),
    response: mergeSide(first.response, last.response),
  };
}

function mergeSide(first: HeaderEdits | null, last: HeaderEdits | null): HeaderEdits | null {
  return first === null || last === null ? (first ?? last) : [...first, ...last];
}

/** Removals first, as in Envoy; then the additions. */
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
  return steps.length === 0 ? null : gather(steps);
}

/**
 * The additions of one level are one step to Envoy (HeaderParser::evaluateHeaders): what they ask of the head is asked
 * before the first of them is made, then what overwrites is written, then what is added.
 */
function gather(steps: readonly HeaderStep[]): HeaderEdits {
  const overwrites = (step: HeaderStep): boolean => step.kind === 'set' || step.kind === 'set-if-present';
  const ordered = [...steps.filter(overwrites), ...steps.filter((step) => !overwrites(step))];
  const asks = ordered.some(({ kind, format }) => (kind !== 'set' && kind !== 'add') || format !== undefined);
  const [first, ...rest] = ordered;
  return first === undefined || rest.length === 0 || !asks
    ? ordered
    : [{ ...first, together: ordered.length }, ...rest];
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
  const { value, format } = translateValue(option.header.value ?? '', join(at, 'value'), faults);
  const keepEmpty = option.keep_empty_value === true;
  if (value === '' && format === null && !keepEmpty) return null;
  const action = option.append_action ?? (option.append === false ? 'OVERWRITE_IF_EXISTS_OR_ADD' : null);
  const step = { kind: stepKinds[action ?? 'APPEND_IF_EXISTS_OR_ADD'], name, value };
  return format === null ? step : { ...step, format, ...(keepEmpty ? { keepEmpty } : {}) };
}

function translateName(name: string, path: string, faults: Faults): string {
  const rule = editedHeaderFault(name);
  if (rule !== null) faults.add(path, rule, name);
  return name.toLowerCase();
}

/** Without commands a value is made once, here. */
export function translateValue(
  text: string,
  path: string,
  faults: Faults,
): { readonly value: string; readonly format: Format | null } {
  checkFieldValue(text, path, faults);
  if (!text.includes('%')) return { value: text, format: null };
  const compiled = compileText(text, '');
  if (!compiled.ok) faults.add(path, compiled.error, text);
  const literal = text.replaceAll('%%', '');
  if (!literal.includes('%') || !compiled.ok) return { value: text.replaceAll('%%', '%'), format: null };
  return { value: '', format: compiled.value };
}
