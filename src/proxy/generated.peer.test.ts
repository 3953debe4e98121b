// Three hundred configurations made by chance from what the connection manager and its routes can be told, each asked
// the same requests by a real Envoy's listener and by Weft's: what the backend saw and what the client got is the same.
// `WEFT_SEED` plays others; what differed once stays as a case of its own in the tests of its part.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { describeWith } from '../testing/programs.ts';
import { type Ask, BesideEnvoy, type Case, type Told, typed } from './testing/beside-envoy.ts';

setDefaultTimeout(120_000);

const casesCount = Number(process.env['WEFT_CASES'] ?? 300);
const asksCount = 6;
const seed = Number(process.env['WEFT_SEED'] ?? 20_261_126);

const optional = <T>(fields: Record<string, fc.Arbitrary<T>>) => fc.record(fields, { requiredKeys: [] });
const oneOf = <const T>(...values: readonly T[]) => fc.constantFrom(...values);
const regex = (value: string) => ({ regex: value });

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
const edits = optional<unknown>({
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
const headerMatch = fc
  .tuple(
    oneOf('x-a', 'x-b', ':method', ':authority', 'x-number'),
    fc.oneof(
      text.map((string_match) => ({ string_match })),
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
const match = fc
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
const rewrite = fc.oneof(
  fc.constant({}),
  oneOf('/', '/new', '/new/').map((prefix_rewrite) => ({ prefix_rewrite })),
  substitutions.map((regex_rewrite) => ({ regex_rewrite })),
);
const hostRewrite = fc.oneof(
  fc.constant({}),
  fc.constant({ host_rewrite_literal: 'other.example' }),
  fc.constant({ host_rewrite_header: 'x-number' }),
  fc.constant({ host_rewrite_path_regex: { pattern: regex('^/*(\\w*).*$'), substitution: 'h\\1.example' } }),
);
const weight = fc
  .tuple(oneOf(1, 2, 5), edits)
  .map(([one, own]) => ({ name: 'backend', weight: one, ...own }));
const drawn = fc.array(weight, { minLength: 2, maxLength: 3 });
const target = fc.oneof(
  fc.constant({ cluster: 'backend' }),
  edits.map((own) => ({ weighted_clusters: { clusters: [{ name: 'backend', weight: 1, ...own }] } })),
  drawn.map((clusters) => ({ weighted_clusters: { clusters, header_name: 'x-draw' } })),
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
const direct = oneOf(200, 204, 404, 418).map((status) => ({
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
const routes = fc.array(route, { minLength: 1, maxLength: 4 }).map((some) => [...some, rest]);

const manager = optional<unknown>({
  use_remote_address: fc.boolean(),
  skip_xff_append: fc.boolean(),
  xff_num_trusted_hops: oneOf(0, 1, 2),
  preserve_external_request_id: fc.boolean(),
  generate_request_id: fc.boolean(),
  add_user_agent: fc.boolean(),
  scheme_header_transformation: oneOf('http', 'https').map((scheme_to_overwrite) => ({
    scheme_to_overwrite,
  })),
});
const config = optional<unknown>({
  internal_only_headers: fc.constant(['x-b', 'x-number']),
  ignore_path_parameters_in_path_matching: fc.boolean(),
  most_specific_header_mutations_wins: fc.boolean(),
});
const tls = optional<unknown>({ require_tls: oneOf('NONE', 'NONE', 'EXTERNAL_ONLY', 'ALL') });

const path = oneOf(
  '/',
  '/a',
  '/a/b',
  '/A/B',
  '/a?x=1&q=one',
  '/a/?q=2&q=1',
  '//a//b',
  '/a/../b',
  '/a/./b?x=/../c',
  '/a/%2e%2e/b',
  '/a%2fb',
  '/a%5Cb?x=%2F',
  '/a;v=1',
  '/ab',
  '/%61',
  '/a//',
  '/b',
);
const field = oneOf(
  'x-a: 1',
  'x-a: one',
  'X-A: aa',
  'x-b: two2',
  'x-number: 7',
  'x-number: 12',
  'x-number: 99',
  'x_under: 1',
  'accept: text/plain',
  'x-forwarded-for: 10.1.2.3',
  'x-forwarded-for: 8.8.8.8, 10.1.2.3',
  'x-forwarded-proto: https',
  'x-forwarded-host: before.example',
  'x-envoy-internal: true',
  'x-envoy-external-address: 1.2.3.4',
  'x-envoy-original-path: /forged',
  'x-request-id: given',
  'via: 1.1 before',
  'content-language: en',
  'host: a.example:8080',
  'host: a.example.',
  'host: a.example',
);
const ask: fc.Arbitrary<Ask> = fc
  .tuple(
    oneOf('GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
    path,
    fc.array(field, { maxLength: 4 }),
  )
  .map(([method, where, fields]) => ({
    method,
    path: where,
    fields: [...keepFirstHost(fields), `x-draw: ${drawnBy(fields)}`],
    ...(method === 'POST' || method === 'PUT' ? { body: 'sent' } : {}),
  }));

/** Of its fields, so that both sides draw alike. */
function drawnBy(fields: readonly string[]): number {
  return fields.join().length;
}

/** Two of them are refused before anything is asked. */
function keepFirstHost(fields: readonly string[]): readonly string[] {
  const first = fields.findIndex((one) => one.startsWith('host:'));
  return fields.filter((one, at) => at === first || !one.startsWith('host:'));
}

const oneCase: fc.Arbitrary<Case> = fc
  .record({
    routes,
    host: fc.tuple(edits, tls).map(([own, required]) => ({ ...own, ...required })),
    config,
    manager,
    asks: fc.array(ask, { minLength: asksCount, maxLength: asksCount }),
  })
  .map(({ config: more, ...parts }) => ({ name: 'made', ...parts, config: more }));

/** Own addresses, for which Envoy writes its own in x-forwarded-for when a client is on the same machine. */
const own = new Set(
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
);

/** Whether a list is in one line or several is the writer's choice (RFC 9110 section 5.3). */
function comparable(told: Told | undefined): unknown {
  if (told?.seen === undefined || told.seen === null) return told;
  const fields = Object.entries(told.seen.fields).map(([name, value]) => {
    // A list's empty members are none.
    const parts = value
      .split(/, ?/)
      .filter((part) => part !== '')
      .map((part) => (name === 'x-forwarded-for' && own.has(part) ? 'own' : part));
    return [name, parts.join()];
  });
  return { ...told, seen: { ...told.seen, fields: Object.fromEntries(fields) } };
}

/** A port that was free may be taken by the time that it is bound: with so many of them that happens. */
async function startBeside(cases: readonly Case[], attemptsLeft = 3): Promise<BesideEnvoy> {
  const beside = new BesideEnvoy({ cases });
  try {
    await beside.start();
    return beside;
  } catch (error) {
    await beside.stop();
    if (attemptsLeft === 1) throw error;
    return await startBeside(cases, attemptsLeft - 1);
  }
}

describeWith(['envoy'], 'configurations made by chance', () => {
  const cases = fc.sample(oneCase, { numRuns: casesCount, seed });
  let beside: BesideEnvoy;
  beforeAll(async () => {
    beside = await startBeside(cases);
  }, 180_000);
  afterAll(() => beside.stop());

  test(`${casesCount} of them, seed ${seed}`, async () => {
    const differing: object[] = [];
    for (const [index, one] of cases.entries()) {
      const { envoy, weft } = await beside.play(index);
      for (const [at, asked] of one.asks.entries()) {
        if (Bun.deepEquals(comparable(envoy[at]), comparable(weft[at]))) continue;
        const { routes: made, host, manager: managed } = one;
        differing.push({ asked, envoy: envoy[at], weft: weft[at], made, host, managed });
      }
    }
    expect(differing.slice(0, 3)).toEqual([]);
  });
});
