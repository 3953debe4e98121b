// Routes made by chance from what they can be told: matches, rewrites, redirects, weights, edits of headers.

import fc from 'fast-check';
import { typed } from './beside-envoy.ts';

export const optional = <T>(fields: Record<string, fc.Arbitrary<T>>) =>
  fc.record(fields, { requiredKeys: [] });
export const oneOf = <const T>(...values: readonly T[]) => fc.constantFrom(...values);
export const regex = (value: string) => ({ regex: value });

const append = oneOf(
  'APPEND_IF_EXISTS_OR_ADD',
  'ADD_IF_ABSENT',
  'OVERWRITE_IF_EXISTS_OR_ADD',
  'OVERWRITE_IF_EXISTS',
);
const headerName = oneOf('x-a', 'x-b', 'x-new', 'X-Case', 'accept', 'x-from', 'content-language');
const headerValue = oneOf(
  'one',
  'two words',
  '%REQ(:METHOD)%',
  '%REQ(X-A?X-B):3%',
  '%PROTOCOL%',
  '100%%',
  '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
  '%REQ(nothing)%',
  '',
);
const addition = fc.record(
  {
    header: fc.record({ key: headerName, value: headerValue }),
    append_action: append,
    keep_empty_value: fc.boolean(),
  },
  { requiredKeys: ['header'] },
);
const additions = fc.array(addition, { maxLength: 2 });
const removals = fc.array(oneOf('x-a', 'x-b', 'X-From', 'accept'), { maxLength: 2 });
export const edits = optional<unknown>({
  request_headers_to_add: additions,
  request_headers_to_remove: removals,
  response_headers_to_add: additions,
  response_headers_to_remove: removals,
});

const text = fc.oneof(
  oneOf('1', 'one', 'aa').map((exact) => ({ exact })),
  oneOf('1', 'o').map((prefix) => ({ prefix })),
  oneOf('e', '2').map((suffix) => ({ suffix })),
  oneOf('n', 'a').map((contains) => ({ contains })),
  oneOf('[0-9]+', 'o.*').map((value) => ({ safe_regex: regex(value) })),
);
/** The spelling of before there were matchers of strings: `exact_match`, `safe_regex_match`. */
const olderMatch = (said: object) =>
  Object.fromEntries(Object.entries(said).map(([kind, value]) => [`${kind}_match`, value]));
const headerMatch = fc
  .tuple(
    oneOf('x-a', 'x-b', ':method', ':authority', 'x-number'),
    fc.oneof(
      text.map((string_match) => ({ string_match })),
      text.map(olderMatch),
      fc.constant({ present_match: true }),
      fc.constant({ present_match: false }),
      fc.constant({ range_match: { start: 1, end: 12 } }),
    ),
    optional<unknown>({ invert_match: fc.boolean(), treat_missing_header_as_empty: fc.boolean() }),
  )
  .map(([name, match, more]) => ({ name, ...match, ...more }));
const queryMatch = fc
  .tuple(
    oneOf('q', 'x'),
    fc.oneof(
      text.map((string_match) => ({ string_match })),
      fc.constant({ present_match: true }),
    ),
  )
  .map(([name, match]) => ({ name, ...match }));
const pathMatch = fc.oneof(
  oneOf('/', '/a', '/a/', '/A', '//').map((prefix) => ({ prefix })),
  oneOf('/a', '/a/b', '/').map((path) => ({ path })),
  oneOf('/a', '/b').map((path_separated_prefix) => ({ path_separated_prefix })),
  oneOf('/a.*', '/[a-z]+', '.*b').map((value) => ({ safe_regex: regex(value) })),
  oneOf('/{a}', '/*/{b}', '/**', '/a/{rest=**}').map((path_template) => ({
    path_match_policy: {
      name: 'envoy.path.match.uri_template.uri_template_matcher',
      typed_config: typed('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
        path_template,
      }),
    },
  })),
);
export const match = fc
  .tuple(
    pathMatch,
    fc.array(headerMatch, { maxLength: 1 }),
    fc.array(queryMatch, { maxLength: 1 }),
    fc.boolean(),
  )
  .map(([path, headers, query_parameters, sensitive]) => ({
    ...path,
    headers,
    query_parameters,
    ...('safe_regex' in path || 'path_match_policy' in path ? {} : { case_sensitive: sensitive }),
  }));

const substitutions = oneOf(
  ['^/[^?]*$', '/whole'],
  ['a', 'x'],
  ['^/([^/]*)', '/\\1/\\1'],
  ['(a|b)+', '[\\1]'],
  ['/(.)(.*)$', '/\\2\\1'],
  ['//+', '/'],
).map(([pattern = '', substitution = '']) => ({ pattern: regex(pattern), substitution }));
export const rewrite = fc.oneof(
  fc.constant({}),
  oneOf('/', '/new', '/new/').map((prefix_rewrite) => ({ prefix_rewrite })),
  substitutions.map((regex_rewrite) => ({ regex_rewrite })),
);
const hostRewrite = fc.oneof(
  fc.constant({}),
  fc.constant({ host_rewrite_literal: 'other.example' }),
  fc.constant({ host_rewrite_header: 'x-number' }),
  fc.constant({ auto_host_rewrite: true }),
  fc.constant({ host_rewrite_path_regex: { pattern: regex('^/*(\\w*).*$'), substitution: 'h\\1.example' } }),
);
const weight = fc
  .tuple(oneOf(1, 2, 5), edits)
  .map(([one, own]) => ({ name: 'backend', weight: one, ...own }));
const notFound = ['SERVICE_UNAVAILABLE', 'NOT_FOUND', 'INTERNAL_SERVER_ERROR'] as const;
const drawn = fc.array(weight, { minLength: 2, maxLength: 3 });
const target = fc.oneof(
  fc.constant({ cluster: 'backend' }),
  edits.map((own) => ({ weighted_clusters: { clusters: [{ name: 'backend', weight: 1, ...own }] } })),
  drawn.map((clusters) => ({ weighted_clusters: { clusters, header_name: 'x-draw' } })),
  oneOf(...notFound).map((cluster_not_found_response_code) => ({
    cluster_header: 'x-to',
    cluster_not_found_response_code,
  })),
);
const forward = fc
  .tuple(target, rewrite, hostRewrite, optional<unknown>({ append_x_forwarded_host: fc.boolean() }))
  .map((parts) => ({ route: Object.assign({}, ...parts) }));
const redirectPath = fc.oneof(
  fc.constant({}),
  fc.constant({ path_redirect: '/moved' }),
  fc.constant({ prefix_rewrite: '/moved/' }),
  substitutions.map((regex_rewrite) => ({ regex_rewrite })),
);
const redirectScheme = fc.oneof(
  fc.constant({}),
  fc.constant({ https_redirect: true }),
  fc.constant({ scheme_redirect: 'https' }),
);
const redirect = fc
  .tuple(
    redirectPath,
    redirectScheme,
    optional<unknown>({
      host_redirect: fc.constant('else.example'),
      port_redirect: fc.constant(8080),
      strip_query: fc.boolean(),
      response_code: oneOf('FOUND', 'SEE_OTHER', 'TEMPORARY_REDIRECT', 'PERMANENT_REDIRECT'),
    }),
  )
  .map((parts) => ({ redirect: Object.assign({}, ...parts) }));
export const direct = oneOf(200, 204, 404, 418).map((status) => ({
  direct_response: { status, ...(status === 204 ? {} : { body: { inline_string: 'said here' } }) },
}));
const action = fc.oneof(
  { weight: 5, arbitrary: forward },
  { weight: 1, arbitrary: redirect },
  { weight: 1, arbitrary: direct },
);
const route = fc
  .tuple(match, action, edits)
  // Envoy refuses a template with a prefix to be replaced, and so does Weft.
  .filter(([one, does]) => !('path_match_policy' in one && JSON.stringify(does).includes('prefix_rewrite')))
  .map(([one, does, own]) => ({ match: one, ...does, ...own }));
const rest = { match: { prefix: '/' }, route: { cluster: 'backend' } };
export const routes = fc.array(route, { minLength: 1, maxLength: 4 }).map((some) => [...some, rest]);
