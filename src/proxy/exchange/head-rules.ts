// What a listener makes of a head before anybody looks at it: Envoy's options of the connection manager that rewrite
// path and host, so that no route, filter or endpoint can be told two things by two spellings of one.

import type { RequestHead } from '../../wire/index.ts';
import type { HeadRules } from '../config/types.ts';
import { responseFlags } from '../stats/index.ts';
import type { Denial } from './request-state.ts';

/** null: it goes on. `port`: of the listener. */
export function applyHeadRules(head: RequestHead, rules: HeadRules, port: number): Denial | null {
  if (rules.underscores !== 'allow' && !cleanUnderscores(head, rules.underscores))
    return refused('unexpected_underscore');
  if (rules.stripsDot) stripDot(head);
  if (rules.stripsPort !== 'no' && head.method !== 'CONNECT')
    stripPort(head, rules.stripsPort === 'any' ? null : port);
  return head.path === '' || head.path === '*' ? null : rewritePath(head, rules);
}

/** False: one was found where none may be. */
function cleanUnderscores(head: RequestHead, action: 'reject' | 'drop'): boolean {
  const found = new Set<string>();
  for (let index = 0; index < head.count; index++)
    if (!head.isRemoved(index) && head.nameAt(index).includes('_')) found.add(head.nameAt(index));
  if (action === 'drop') for (const name of found) head.removeName(name);
  return action === 'drop' || found.size === 0;
}

/** `a.` is `a`, `a.:80` is `a:80`. */
function stripDot(head: RequestHead): void {
  const { authority } = head;
  const dot = authority.lastIndexOf('.');
  if (dot < 0) return;
  const next = authority[dot + 1];
  if (next === undefined || next === ':') head.authority = authority.slice(0, dot) + authority.slice(dot + 1);
}

/** `only`: this port alone; null: any. */
function stripPort(head: RequestHead, only: number | null): void {
  const match = /^(.+):(\d+)$/.exec(head.authority);
  if (match === null || (match[1]?.startsWith('[') === true && !match[1].endsWith(']'))) return;
  if (only === null || Number(match[2]) === only) head.authority = match[1] ?? '';
}

function rewritePath(head: RequestHead, rules: HeadRules): Denial | null {
  const whole = head.path;
  const queryAt = whole.indexOf('?');
  const query = queryAt < 0 ? '' : whole.slice(queryAt);
  const before = queryAt < 0 ? whole : whole.slice(0, queryAt);
  let path = before;
  const escaped = rules.escapedSlashes !== 'keep' && /%(2f|5c)/i.test(path);
  if (escaped && rules.escapedSlashes === 'reject') return refused('path_normalization_failed');
  if (escaped) path = path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
  if (rules.normalizesPath) {
    const canonical = canonicalPath(path);
    if (canonical === null) return refused('path_normalization_failed');
    path = canonical;
  }
  if (rules.mergesSlashes) path = path.replace(/\/{2,}/g, '/');
  if (path !== before) head.path = path + query;
  return escaped && rules.escapedSlashes === 'redirect' ? redirect(path + query) : null;
}

/**
 * RFC 3986 section 6.2.2 as Envoy's library does it: backslashes are slashes, dot segments are gone, letters, digits
 * and `-._~` are not escaped, what a path cannot hold is. null: NUL, or nothing that a path could be.
 */
export function canonicalPath(path: string): string | null {
  if (!path.startsWith('/') && !path.startsWith('\\')) return null;
  const plain = path
    .replaceAll('\\', '/')
    .replace(/%[0-9a-f]{2}/gi, plainEscape)
    .replace(/["<>^`{|}]/g, encodeURIComponent);
  if (/%00/.test(plain)) return null;
  const out: string[] = [];
  const segments = plain.split('/').slice(1);
  segments.forEach((segment, index) => {
    const last = index === segments.length - 1;
    if (segment === '..') out.pop();
    else if (segment !== '.') out.push(segment);
    // A dot segment at the end leaves its slash.
    if (last && (segment === '.' || segment === '..')) out.push('');
  });
  return `/${out.join('/')}`;
}

/** Escapes of what needs none are undone; the others stay as they were written. */
function plainEscape(written: string): string {
  const letter = String.fromCharCode(Number.parseInt(written.slice(1), 16));
  return /[A-Za-z0-9._~-]/.test(letter) ? letter : written;
}

function refused(details: string): Denial {
  return { status: 400, body: '', flag: responseFlags.none, details, fields: [] };
}

function redirect(location: string): Denial {
  return {
    status: 307,
    body: '',
    flag: responseFlags.none,
    details: 'path_normalization_failed',
    fields: [['location', location]],
  };
}
