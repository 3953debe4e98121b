// Header edits and rewrites that a route asks for. Nothing here runs for a route that asks for none.

import type { Format, FormatSource } from '../../observe/index.ts';
import type { HeaderEdits, HeaderStep, PathRewrite, Route } from '../../policy/index.ts';
import type { Head, RequestHead } from '../../wire/index.ts';
import { factsOf } from './request-facts.ts';
import type { RequestState } from './request-state.ts';

export function applyEdits(head: Head, edits: HeaderEdits, request: RequestState): void {
  for (let index = 0; index < edits.length; index++) {
    const step = edits[index]!;
    if (step.together === undefined) {
      const value = valueFor(head, step, request);
      if (value !== null) write(head, step, value);
    } else {
      applyTogether(head, edits, index, step.together, request);
      index += step.together - 1;
    }
  }
}

/** Those of a head that belongs to no request: it has nothing yet, so that they are made one after another. */
export function writeSteps(head: Head, edits: HeaderEdits, source: FormatSource): void {
  for (const step of edits) {
    const value = step.format === undefined ? step.value : formatted(step, step.format, source);
    if (isWanted(head, step) && value !== null) write(head, step, value);
  }
}

function applyTogether(
  head: Head,
  edits: HeaderEdits,
  from: number,
  count: number,
  request: RequestState,
): void {
  const values: (string | null)[] = [];
  for (let at = 0; at < count; at++) values.push(valueFor(head, edits[from + at]!, request));
  for (let at = 0; at < count; at++) {
    const value = values[at]!;
    if (value !== null) write(head, edits[from + at]!, value);
  }
}

/** What is to be written; null: nothing, by what the head has or has not, or because a format came to nothing. */
function valueFor(head: Head, step: HeaderStep, request: RequestState): string | null {
  if (!isWanted(head, step)) return null;
  return step.format === undefined ? step.value : formatted(step, step.format, factsOf(request));
}

function isWanted(head: Head, { kind, name }: HeaderStep): boolean {
  if (kind === 'add-if-absent') return head.findName(name) < 0;
  return kind !== 'set-if-present' || head.findName(name) >= 0;
}

function formatted(step: HeaderStep, format: Format, source: FormatSource): string | null {
  const made = format.format(source);
  if (made === '' && step.keepEmpty !== true) return null;
  // What a format brings together may hold what no field may: such bytes become spaces.
  return made.replace(unsendable, ' ');
}

const unsendable = /[^\t\x20-\x7e\x80-\xff]/g;

function write(head: Head, { kind, name }: HeaderStep, value: string): void {
  if (kind === 'remove' || kind === 'set' || kind === 'set-if-present') head.removeName(name);
  if (kind !== 'remove') head.add(name, value);
}

/**
 * The new path with its query. A prefix is replaced as it stands, as Envoy does it; slashes are the writer's to place.
 * null: a pattern left nothing of the path, or parameters that matching left out stand in the way; it then stays.
 */
export function rewritePath(path: string, route: Route, rewrite: PathRewrite): string | null {
  const queryAt = path.indexOf('?');
  const query = queryAt < 0 ? '' : path.slice(queryAt);
  if (rewrite.kind === 'full') return rewrite.value.includes('?') ? rewrite.value : rewrite.value + query;
  if (rewrite.kind === 'pattern') {
    const made = rewrite.rewrite.replaceAll(queryAt < 0 ? path : path.slice(0, queryAt));
    if (made === '') return null;
    // A target begins with a slash (RFC 9112 section 3.2.1), whatever the pattern left of it.
    return (made.startsWith('/') ? made : `/${made}`) + query;
  }
  const { path: match } = route.match;
  // Only what the route's own path matched is replaced; a regex replaces the whole.
  const matched = match.kind === 'regex' ? path.length - query.length : match.value.length;
  if (match.kind !== 'regex' && !startsWith(path, match.value, match.ignoreCase)) return null;
  const rest = path.slice(matched, path.length - query.length);
  return rewrite.value + rest + query;
}

export function redirectLocation(head: RequestHead, route: Route): string {
  const { action } = route;
  if (action.kind !== 'redirect') return '/';
  if (action.verbatim) return `${action.scheme}://${head.authority}${head.path}`;
  const received = schemeOf(head);
  const scheme = action.scheme ?? received;
  const host = action.authority ?? hostOf(head.authority);
  const port = redirectPort(head.authority, scheme, received, action);
  const whole = (action.path === null ? null : rewritePath(head.path, route, action.path)) ?? head.path;
  const strips = action.stripQuery && !ownQuery(action.path);
  const path = strips ? (whole.split('?', 1)[0] ?? whole) : whole;
  return `${scheme}://${host}${port}${path}`;
}

function startsWith(path: string, start: string, ignoreCase: boolean): boolean {
  if (path.startsWith(start)) return true;
  return ignoreCase && path.slice(0, start.length).toLowerCase() === start.toLowerCase();
}

/** What a redirect says itself is not stripped. */
function ownQuery(path: PathRewrite | null): boolean {
  return path?.kind === 'full' && path.value.includes('?');
}

/** Of HTTP/1 the target rarely says it: then what the proxies before this one say, made true by prepareRequest. */
function schemeOf(head: RequestHead): string {
  if (head.scheme !== '') return head.scheme;
  const forwarded = head.getName('x-forwarded-proto')?.toLowerCase();
  return forwarded === 'https' ? forwarded : 'http';
}

/**
 * A port that the route gives is left out where it is the scheme's own (Gateway API, HTTPRequestRedirectFilter); one
 * that was received stays, unless it was the own of a scheme that is left (Envoy's processRequestHost).
 */
function redirectPort(
  authority: string,
  scheme: string,
  received: string,
  action: { readonly authority: string | null; readonly port: number | null },
): string {
  if (action.port !== null) return action.port === ownPort(scheme) ? '' : `:${action.port}`;
  const port = action.authority === null ? authority.slice(hostOf(authority).length) : '';
  return scheme !== received && port === `:${ownPort(received)}` ? '' : port;
}

function ownPort(scheme: string): number {
  return scheme === 'https' ? 443 : 80;
}

function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon < 0 || authority.endsWith(']') ? authority : authority.slice(0, colon);
}
