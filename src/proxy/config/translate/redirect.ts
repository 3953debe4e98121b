// RedirectAction: the answer that sends a client elsewhere.

import type { PathRewrite, RouteAction } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type redirectAction } from '../schema/index.ts';
import { checkAuthority, checkLocationPath, checkScheme } from './message-text.ts';
import { translatePathPattern } from './rewrites.ts';

type RedirectMessage = MessageOf<typeof redirectAction>;

const redirectStatus = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
} as const;

export function translateRedirect(redirect: RedirectMessage, path: string, faults: Faults): RouteAction {
  if (redirect.host_redirect) checkAuthority(redirect.host_redirect, join(path, 'host_redirect'), faults);
  if (redirect.scheme_redirect) checkScheme(redirect.scheme_redirect, join(path, 'scheme_redirect'), faults);
  return {
    kind: 'redirect',
    status: redirectStatus[redirect.response_code ?? 'MOVED_PERMANENTLY'],
    scheme: redirect.https_redirect === true ? 'https' : redirect.scheme_redirect || null,
    authority: redirect.host_redirect || null,
    port: redirect.port_redirect || null,
    ...(redirect.strip_query === true ? { stripQuery: true as const } : {}),
    path: translateRedirectPath(redirect, path, faults),
  };
}

function translateRedirectPath(redirect: RedirectMessage, path: string, faults: Faults): PathRewrite | null {
  const { path_redirect: full, prefix_rewrite: prefix, regex_rewrite: pattern } = redirect;
  if (full) {
    checkLocationPath(full, join(path, 'path_redirect'), faults);
    return { kind: 'full', value: full };
  }
  if (prefix) {
    checkLocationPath(prefix, join(path, 'prefix_rewrite'), faults);
    return { kind: 'prefix', value: prefix };
  }
  return pattern === undefined ? null : translatePathPattern(pattern, join(path, 'regex_rewrite'), faults);
}
