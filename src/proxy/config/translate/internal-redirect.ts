// internal_redirect_policy of a route, and the deprecated pair of fields that says less.

import type { InternalRedirects, RedirectPredicate } from '../../../policy/index.ts';
import {
  allowListedRoutes,
  type Faults,
  type internalRedirectPolicy,
  join,
  type MessageOf,
  previousRoutes,
  safeCrossScheme,
  unpack,
} from '../schema/index.ts';

type Policy = MessageOf<typeof internalRedirectPolicy>;

interface Said {
  readonly internal_redirect_policy?: Policy | undefined;
  readonly internal_redirect_action?: string | undefined;
  readonly max_internal_redirects?: number | undefined;
}

const followed: readonly number[] = [301, 302, 303, 307, 308];

/** The policy wins; null: redirects are for the client. */
export function translateRedirects(action: Said, path: string, faults: Faults): InternalRedirects | null {
  const policy = action.internal_redirect_policy;
  if (policy !== undefined) return translatePolicy(policy, join(path, 'internal_redirect_policy'), faults);
  if (action.internal_redirect_action !== 'HANDLE_INTERNAL_REDIRECT') return null;
  return {
    max: action.max_internal_redirects ?? 1,
    statuses: [302],
    crossScheme: false,
    copied: [],
    predicates: [],
  };
}

function translatePolicy(policy: Policy, path: string, faults: Faults): InternalRedirects {
  const codes = policy.redirect_response_codes;
  const copied = policy.response_headers_to_copy.map((name) => name.toLowerCase());
  copied.forEach((name, index) => {
    if (name.startsWith(':') || name === 'host')
      faults.add(`${join(path, 'response_headers_to_copy')}[${index}]`, 'must not be :… or host', name);
  });
  return {
    max: policy.max_internal_redirects ?? 1,
    statuses: codes.length === 0 ? [302] : codes.filter((code) => followed.includes(code)),
    crossScheme: policy.allow_cross_scheme_redirect === true,
    copied,
    predicates: policy.predicates.flatMap(({ typed_config: config }, index) => {
      const predicate = translatePredicate(config);
      if (predicate === null) faults.add(`${join(path, 'predicates')}[${index}].typed_config`, 'must be set');
      return predicate ?? [];
    }),
  };
}

function translatePredicate(config: Policy['predicates'][number]['typed_config']): RedirectPredicate | null {
  const listed = unpack(config, allowListedRoutes);
  if (listed !== null) return { kind: 'allow-listed', names: new Set(listed.allowed_route_names) };
  if (unpack(config, previousRoutes) !== null) return { kind: 'previous' };
  return unpack(config, safeCrossScheme) === null ? null : { kind: 'safe-cross-scheme' };
}
