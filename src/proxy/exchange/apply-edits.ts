// Header edits and rewrites that a route asks for. Nothing here runs for a route that asks for none.

import type { HeaderEdits, HeaderStep, PathRewrite, Route } from '../../policy/index.ts';
import type { Head, RequestHead } from '../../wire/index.ts';
import { factsOf } from './request-facts.ts';
import type { RequestState } from './request-state.ts';

export function applyEdits(head: Head, edits: HeaderEdits, request: RequestState): void {
  for (let index = 0; index < edits.length; index++) {
    const step = edits[index]!;
    if (step.format === undefined) applyStep(head, step, step.value);
    else applyFormatted(head, step, step.format.format(factsOf(request)));
  }
}

/** What a format brings together may hold what no field may: such bytes become spaces. */
function applyFormatted(head: Head, step: HeaderStep, made: string): void {
  if (made === '' && step.keepEmpty !== true) return;
  applyStep(head, step, made.replace(unsendable, ' '));
}

const unsendable = /[\0\r\n]/g;

function applyStep(head: Head, { kind, name }: HeaderStep, value: string): void {
  switch (kind) {
    case 'remove':
      head.removeName(name);
      return;
    case 'add-if-absent':
      if (head.findName(name) >= 0) return;
      break;
    case 'set-if-present':
      if (head.findName(name) < 0) return;
      head.removeName(name);
      break;
    case 'set':
      head.removeName(name);
      break;
    case 'add':
      break;
  }
  head.add(name, value);
}

/**
 * The new path with its query. A prefix is replaced as it stands, as Envoy does it; slashes are the writer's to place.
 */
export function rewritePath(path: string, route: Route, rewrite: PathRewrite): string {
  const queryAt = path.indexOf('?');
  const query = queryAt < 0 ? '' : path.slice(queryAt);
  if (rewrite.kind === 'full') return rewrite.value + query;
  const { path: match } = route.match;
  // Only what the route's own prefix matched is replaced; a regex or an exact match replaces the whole path.
  const matched =
    match.kind === 'prefix' || match.kind === 'separated-prefix'
      ? match.value.length
      : path.length - query.length;
  const rest = path.slice(matched, path.length - query.length);
  return rewrite.value + rest + query;
}

export function redirectLocation(head: RequestHead, route: Route): string {
  const { action } = route;
  if (action.kind !== 'redirect') return '/';
  const scheme = action.scheme ?? (head.scheme === '' ? 'http' : head.scheme);
  const host = action.authority ?? hostOf(head.authority);
  const port = redirectPort(head.authority, scheme, action);
  const path = action.path === null ? head.path : rewritePath(head.path, route, action.path);
  return `${scheme}://${host}${port}${action.stripQuery ? path.replace(/\?.*$/s, '') : path}`;
}

/**
 * A port that is the scheme's own is left out; a changed scheme or host drops the old port, as in Envoy (Gateway API,
 * HTTPRequestRedirectFilter).
 */
function redirectPort(
  authority: string,
  scheme: string,
  action: { readonly scheme: string | null; readonly authority: string | null; readonly port: number | null },
): string {
  const received = authority.slice(hostOf(authority).length + 1);
  const port =
    action.port !== null
      ? `${action.port}`
      : action.scheme === null && action.authority === null
        ? received
        : '';
  if (port === '' || (scheme === 'http' && port === '80') || (scheme === 'https' && port === '443'))
    return '';
  return `:${port}`;
}

function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  return colon < 0 || authority.endsWith(']') ? authority : authority.slice(0, colon);
}
