// What a permission changes about a request: fields, path and query, within the rules that the configuration has for
// it.

import { authorityFault, compileValues, requestPathFault, type ValueMatcher } from '../../../policy/index.ts';
import type { RequestHead, ResponseHead } from '../../../wire/index.ts';
import type { MutationRules } from '../../config/filter-types.ts';
import { isSendable } from '../field-lines.ts';
import { matchesAny } from './patterns.ts';
import type { FieldEdit, FieldLine, Permission } from './verdict.ts';

/** Envoy's HeaderMutationRules (mutation_rules.proto), compiled. */
export class MutationJudge {
  private readonly rules: MutationRules;
  private readonly allowed: readonly ValueMatcher[];
  private readonly disallowed: readonly ValueMatcher[];

  constructor(rules: MutationRules) {
    this.rules = rules;
    this.allowed = compileValues(rules.allowed);
    this.disallowed = compileValues(rules.disallowed);
  }

  get failsRequests(): boolean {
    return this.rules.failsRequests;
  }

  permits(name: string, removes: boolean): boolean {
    const { rules } = this;
    if (removes && !isRemovable(name)) return false;
    if (matchesAny(this.disallowed, name)) return false;
    if (matchesAny(this.allowed, name)) return true;
    if (rules.nothing || (rules.noSystem && name.startsWith(':'))) return false;
    if (!rules.routing && routingNames.has(name)) return false;
    return rules.envoy || !name.startsWith('x-envoy');
  }
}

const routingNames: ReadonlySet<string> = new Set(['host', ':authority', ':scheme', ':method']);

function isRemovable(name: string): boolean {
  return !name.startsWith(':') && name !== 'host';
}

/** As {@link isSendable}; pseudo fields and Host stand for parts of the head, which have their own letters. */
function isSayable([name, value]: FieldLine): boolean {
  if (name === ':path') return requestPathFault(value) === null;
  if (name === 'host' || name === ':authority') return authorityFault(value) === null;
  return isSendable([name.startsWith(':') ? 'x' : name, value]);
}

export function isWellFormed(permission: Permission): boolean {
  const { queryRemoved, querySet, request, response } = permission;
  const fields = [...request, ...response].map(({ name, value }): FieldLine => [name, value]);
  const query = [...querySet, ...queryRemoved.map((name): FieldLine => [name, ''])];
  return fields.every(isSayable) && query.every(([key, value]) => isQuery(key) && isQuery(value));
}

/** Letters of a query (RFC 3986 section 3.4). */
function isQuery(text: string): boolean {
  return /^[\w!$&'()*+,;=:@/?.~%-]*$/.test(text);
}

/** 'refused': the rules forbid one of the edits, and say that such a request fails. */
export function applyPermission(
  head: RequestHead,
  permission: Permission,
  judge: MutationJudge | null,
): 'changed' | 'same' | 'refused' {
  let changed = false;
  for (const edit of permission.request) {
    if (judge !== null && !judge.permits(edit.name, false)) {
      if (judge.failsRequests) return 'refused';
    } else changed = applyToRequest(head, edit) || changed;
  }
  for (const name of permission.removed) {
    if (judge !== null && !judge.permits(name, true)) {
      if (judge.failsRequests) return 'refused';
    } else if (isRemovable(name) && name !== '') {
      head.removeName(name);
      changed = true;
    }
  }
  return editQuery(head, permission) || changed ? 'changed' : 'same';
}

function applyToRequest(head: RequestHead, edit: FieldEdit): boolean {
  const { action, name, value } = edit;
  if (!isSayable([name, value])) return false;
  if (name === ':path' || name === 'host' || name === ':authority') {
    if (name === ':path') head.path = value;
    else head.authority = value;
    return true;
  }
  // Method and scheme are what the request came with.
  if (name.startsWith(':')) return false;
  const before = head.getName(name);
  if (action === 'append') {
    if (before === null) return false;
    head.removeName(name);
    head.add(name, `${before},${value}`);
  } else if (action === 'set') {
    head.removeName(name);
    head.add(name, value);
  } else head.add(name, value);
  return true;
}

/** As Envoy writes a query that it changed: by name, the values of one in their order. */
function editQuery(head: RequestHead, { queryRemoved, querySet }: Permission): boolean {
  if (queryRemoved.length === 0 && querySet.length === 0) return false;
  // OPTIONS * and CONNECT ask for nothing that could have a query.
  if (!head.path.startsWith('/')) return false;
  const at = head.path.indexOf('?');
  const path = at < 0 ? head.path : head.path.slice(0, at);
  const values = parseQuery(at < 0 ? '' : head.path.slice(at + 1));
  for (const [key, value] of querySet) if (isQuery(key) && isQuery(value)) values.set(key, [value]);
  for (const key of queryRemoved) values.delete(key);
  const pairs = [...values.keys()]
    .sort()
    .flatMap((key) => values.get(key)!.map((value) => `${key}=${value}`));
  head.path = pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
  return true;
}

function parseQuery(query: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const [key = '', ...rest] = pair.split('=');
    const value = rest.join('=');
    const known = values.get(key);
    if (known === undefined) values.set(key, [value]);
    else known.push(value);
  }
  return values;
}

/** Of the answer to the client. */
export function applyToResponse(head: ResponseHead, edits: readonly FieldEdit[]): void {
  for (const { action, name, value } of edits) {
    if (!isSendable([name, value])) continue;
    const there = head.findName(name) >= 0;
    if ((action === 'add-if-absent' && there) || (action === 'replace' && !there)) continue;
    if (action === 'set' || action === 'replace') head.removeName(name);
    head.add(name, value);
  }
}
