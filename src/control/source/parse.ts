// Manifest text to objects: YAML with several documents (JSON is a part of it), `kind: List` unfolded, each object with
// the line it begins on. A file is taken whole or not at all, because half of a file is more likely an accident than a
// wish.

import { isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments, type ScalarTag, visit } from 'yaml';
import { fail, type Issue, ok, type Result } from '../../base/index.ts';
import { sourceLimits } from './limits.ts';
import { type Origin, objectKey, type RawObject, splitApiVersion } from './types.ts';

/** Namespace of an object that names none, as kubectl has it. */
export const defaultNamespace = 'default';

export function parseManifests(file: string, text: string): Result<readonly RawObject[]> {
  if (text.length > sourceLimits.fileBytesMax) {
    const rule = `must have at most ${sourceLimits.fileBytesMax} bytes`;
    return fail([{ ...fileIssue(file, 0, rule), value: String(text.length) }]);
  }
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    strict: true,
    uniqueKeys: true,
    merge: true,
    customTags: (tags) => [...tags, kubectlBoolean],
  });
  if (wordKeys.test(text)) for (const document of documents) keepWordKeys(document);
  const issues: Issue[] = [];
  const objects: RawObject[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error !== undefined) {
      const { line, col } = lines.linePos(error.pos[0]);
      issues.push(fileIssue(file, line, `is not YAML: ${firstLine(error.message)} (column ${col})`));
      continue;
    }
    const place = { file, line: lineOf(lines, document.contents?.range?.[0] ?? document.range[0]) };
    const value = expand(document);
    if (!value.ok) issues.push(fileIssue(file, place.line, value.error));
    else collect(place, value.value, itemLines(document.contents, lines), objects, issues);
  }
  if (issues.length === 0) return ok(objects);
  const line = 1 + text.split('\n').findIndex((one) => templateAction.test(one));
  if (line === 0) return fail(issues);
  // The cause before what comes of it: braces are YAML too, and what they become is told in riddles.
  return fail([fileIssue(file, line, 'is a template: render it first, as helm template does'), ...issues]);
}

/** `{{ ... }}` where a line begins, or a value or an item. */
const templateAction = /^(?:[^'"#]*[:-])?[ \t]*\{\{/;

/**
 * The words that YAML 1.1 takes for true and false besides these. kubectl reads it, so an API server refuses `app: yes`
 * where text is wanted, and a directory must.
 */
const kubectlBoolean: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  default: true,
  test: /^(?:[yYnN]|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/,
  identify: () => false,
  resolve: (word) => /^(?:y|on)/i.test(word),
};

const wordKeys = /(?:^|[\s{,])(?:y|n|yes|no|on|off)\s*:/im;

/** As a key the word itself is meant: `retry: { on: [...] }`. */
function keepWordKeys(document: Parameters<typeof visit>[0]): void {
  visit(document, {
    Pair(_, { key }) {
      if (isScalar(key) && typeof key.value === 'boolean') key.value = key.source;
    },
  });
}

function expand(document: { toJS(options: { maxAliasCount: number }): unknown }): Result<unknown, string> {
  try {
    const value = document.toJS({ maxAliasCount: sourceLimits.aliasesMax });
    // An alias to what it stands in makes a circle, which no reader of the object would get out of.
    if (hasCircle(value)) return fail('is not usable YAML: an alias stands within what it names');
    return ok(value);
  } catch (error) {
    // Alias bombs are reported only this way.
    return fail(`is not usable YAML: ${error instanceof Error ? firstLine(error.message) : String(error)}`);
  }
}

function hasCircle(value: unknown): boolean {
  try {
    JSON.stringify(value);
    return false;
  } catch {
    return true;
  }
}

/** Lines on which the items of a list begin; empty for anything else. */
function itemLines(contents: unknown, lines: LineCounter): readonly number[] {
  const items = isMap(contents) ? contents.get('items') : undefined;
  if (!isSeq(items)) return [];
  return items.items.map((item) => (isNode(item) ? lineOf(lines, item.range?.[0] ?? 0) : 0));
}

function collect(
  { file, line }: Origin,
  value: unknown,
  lines: readonly number[],
  objects: RawObject[],
  issues: Issue[],
): void {
  if (value === null || value === undefined) return;
  if (!isRecord(value)) {
    issues.push(fileIssue(file, line, 'a document must be an object with apiVersion, kind and metadata'));
    return;
  }
  // Steers kustomize wherever it lies, and often has no name.
  if (String(value['apiVersion']).startsWith('kustomize.config.k8s.io/')) return;
  if (isList(value)) {
    for (const [index, item] of (value['items'] ?? []).entries())
      collect({ file, line: lines[index] || line }, typed(item, value), [], objects, issues);
    return;
  }
  const parsed = parseObject({ file, line }, value);
  if (parsed.ok) objects.push(parsed.value);
  else issues.push(parsed.error);
}

interface ListObject extends Readonly<Record<string, unknown>> {
  readonly items?: readonly unknown[] | null;
}

/** As kubectl prints several objects; the API server writes an empty one with null. */
function isList(value: Readonly<Record<string, unknown>>): value is ListObject {
  const { kind, items } = value;
  if (typeof kind !== 'string' || !kind.endsWith('List')) return false;
  return Array.isArray(items) || ('items' in value && items === null);
}

/** The items of a typed list, as the API server answers it, name neither kind nor version: the list has said it. */
function typed(item: unknown, list: Readonly<Record<string, unknown>>): unknown {
  if (list['kind'] === 'List' || !isRecord(item)) return item;
  return { apiVersion: list['apiVersion'], kind: String(list['kind']).slice(0, -'List'.length), ...item };
}

/** What every source makes of an object's plain data. */
export function parseObject(
  origin: Origin,
  value: Readonly<Record<string, unknown>>,
): Result<RawObject, Issue> {
  const { file, line } = origin;
  const { apiVersion, kind, metadata } = value;
  if (typeof apiVersion !== 'string' || apiVersion === '')
    return fail(fileIssue(file, line, 'must be a string, such as v1', 'apiVersion'));
  if (typeof kind !== 'string' || kind === '')
    return fail(fileIssue(file, line, 'must be a string, such as Service', 'kind'));
  const name = isRecord(metadata) ? metadata['name'] : undefined;
  if (typeof name === 'boolean' || typeof name === 'number')
    return fail(fileIssue(file, line, 'must be text (quote numbers, yes and no)', 'metadata.name'));
  if (typeof name !== 'string' || name === '')
    return fail(fileIssue(file, line, `a ${kind} must have a name`, 'metadata.name'));
  const given = isRecord(metadata) ? metadata['namespace'] : undefined;
  const namespace = typeof given === 'string' && given !== '' ? given : defaultNamespace;
  const [group] = splitApiVersion(apiVersion);
  const key = objectKey(namespace, kind, name, group);
  return ok({ key, apiVersion, kind, namespace, name, value, origin });
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fileIssue(file: string, line: number, rule: string, field = ''): Issue {
  return { object: line > 0 ? `${file}:${line}` : file, field, rule, value: '' };
}

function lineOf(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
}
