// Tables: envoy.config.route.v3.InternalRedirectPolicy and its predicates.

import { f, forPeople, message, notEmpty } from './field.ts';

export const allowListedRoutes = message(
  'envoy.extensions.internal_redirect.allow_listed_routes.v3.AllowListedRoutesConfig',
  { allowed_route_names: f.repeated(f.string(1, '', notEmpty)) },
);

export const previousRoutes = message(
  'envoy.extensions.internal_redirect.previous_routes.v3.PreviousRoutesConfig',
  {},
);

export const safeCrossScheme = message(
  'envoy.extensions.internal_redirect.safe_cross_scheme.v3.SafeCrossSchemeConfig',
  {},
);

const predicate = message('envoy.config.core.v3.TypedExtensionConfig', {
  name: f.string(1, forPeople),
  typed_config: f.any(2, [allowListedRoutes, previousRoutes, safeCrossScheme]),
});

export const internalRedirectPolicy = message('envoy.config.route.v3.InternalRedirectPolicy', {
  max_internal_redirects: f.uint32Value(1, 'default 1'),
  redirect_response_codes: f.repeated(
    f.uint32(2, '301, 302, 303, 307, 308; others are not looked at; default 302'),
  ),
  predicates: f.repeated(f.message(3, predicate)),
  allow_cross_scheme_redirect: f.bool(4),
  response_headers_to_copy: f.repeated(f.string(5, '', notEmpty)),
});
