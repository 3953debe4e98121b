import { describe, expect, test } from 'bun:test';
import type { HeaderEdits, RetryCondition, Route } from '../../../policy/index.ts';
import { parseGatewayDuration } from '../../../xds/index.ts';
import { decodeJson, Faults, routeConfiguration } from '../schema/index.ts';
import { translateRouteConfig } from './route-config.ts';

function translate(routes: readonly object[], host: object = {}, config: object = {}) {
  const faults = new Faults('r');
  const json = { name: 'r', virtual_hosts: [{ name: 'v', domains: ['*'], routes, ...host }], ...config };
  const message = decodeJson(routeConfiguration, json, '', faults);
  return { routes: translateRouteConfig(message, 'r', '', faults), faults: faults.issues };
}

function routeOf(route: object, host: object = {}, config: object = {}): Route {
  const { routes, faults } = translate([{ match: { prefix: '/' }, ...route }], host, config);
  expect(faults).toEqual([]);
  return routes.virtualHosts[0]!.routes[0]!;
}

function faultsOf(route: object, host: object = {}): readonly string[] {
  return translate([{ match: { prefix: '/' }, ...route }], host).faults.map(
    ({ field, rule }) => `${field}: ${rule}`,
  );
}

const to = (fields: object = {}) => ({ route: { cluster: 'c', ...fields } });
const at = 'virtual_hosts[0].routes[0]';

describe('retry_on', () => {
  const cases: readonly (readonly [string, readonly RetryCondition[]])[] = [
    ['5xx', ['ServerError', 'ConnectFailure', 'Reset', 'AttemptTimeout']],
    ['gateway-error', ['GatewayError', 'ConnectFailure', 'Reset', 'AttemptTimeout']],
    ['reset', ['ConnectFailure', 'Reset', 'AttemptTimeout']],
    ['reset-before-request', ['ConnectFailure']],
    ['connect-failure', ['ConnectFailure']],
    ['retriable-4xx', ['Conflict']],
    ['retriable-status-codes', ['StatusCodes']],
    ['unavailable', []],
    ['refused-stream', []],
    ['connect-failure, retriable-4xx', ['ConnectFailure', 'Conflict']],
    ['', []],
  ];
  for (const [words, expected] of cases) {
    test(words === '' ? 'nothing' : words, () => {
      expect(routeOf(to({ retry_policy: { retry_on: words } })).retry?.on).toEqual(expected);
    });
  }

  test('words that Weft does not know are refused', () => {
    expect(faultsOf(to({ retry_policy: { retry_on: 'reset,sometimes' } }))[0]).toStartWith(
      `${at}.route.retry_policy.retry_on: must be of`,
    );
  });

  test('words of gRPC name its statuses', () => {
    const retry_on = 'cancelled, deadline-exceeded,resource-exhausted,internal,unavailable';
    expect(routeOf(to({ retry_policy: { retry_on } })).retry).toMatchObject({
      on: [],
      grpcStatuses: [1, 4, 8, 13, 14],
    });
  });

  test('defaults are Envoy’s: one retry, any method, 25 ms to ten times that', () => {
    expect(routeOf(to({ retry_policy: { retry_on: 'reset' } })).retry).toMatchObject({
      attempts: 1,
      methods: null,
      idempotencyHeader: null,
      backoff: { baseMs: 25, maxMs: 250 },
    });
  });

  test('request headers limit the methods, and name the idempotency header', () => {
    const retriable_request_headers = [
      { name: ':method', string_match: { exact: 'GET' } },
      { name: ':method', exact_match: 'PUT' },
      { name: 'Idempotency-Key', present_match: true },
    ];
    expect(
      routeOf(to({ retry_policy: { retry_on: 'reset', retriable_request_headers } })).retry,
    ).toMatchObject({
      methods: ['GET', 'PUT'],
      idempotencyHeader: 'idempotency-key',
    });
  });

  test('a virtual host’s policy holds for routes without one', () => {
    const host = { retry_policy: { retry_on: 'reset', num_retries: 4 } };
    expect(routeOf(to(), host).retry?.attempts).toBe(4);
    expect(routeOf(to({ retry_policy: { retry_on: 'reset', num_retries: 2 } }), host).retry?.attempts).toBe(
      2,
    );
  });

  test('a maximum below the base is refused', () => {
    const retry_back_off = { base_interval: '1s', max_interval: '0.5s' };
    expect(faultsOf(to({ retry_policy: { retry_on: 'reset', retry_back_off } }))).toEqual([
      `${at}.route.retry_policy.retry_back_off.max_interval: must not be less than base_interval`,
    ]);
  });
});

describe('timeouts', () => {
  const weft = (timeouts: object) => ({ metadata: { filter_metadata: { 'weft.dev': { timeouts } } } });
  const cases: readonly (readonly [string, object, Route['timeouts']])[] = [
    ['nothing said', to(), { requestMs: null, attemptMs: null, idleMs: null }],
    ['0 is no limit', to({ timeout: '0s' }), { requestMs: 0, attemptMs: null, idleMs: null }],
    [
      'all three',
      to({
        timeout: '1.5s',
        idle_timeout: '2s',
        retry_policy: { retry_on: 'reset', per_try_timeout: '0.25s' },
      }),
      { requestMs: 1500, attemptMs: 250, idleMs: 2000 },
    ],
    [
      'Weft’s own words win',
      { ...to({ timeout: '1s' }), ...weft({ request: '3s', attempt: '100ms' }) },
      { requestMs: 3000, attemptMs: 100, idleMs: null },
    ],
  ];
  for (const [name, route, expected] of cases)
    test(name, () => expect(routeOf(route).timeouts).toEqual(expected));
});

describe('header edits', () => {
  const add = (key: string, value: string, fields: object = {}) => ({ header: { key, value }, ...fields });

  test('appending is the default, overwriting is said in two ways and comes first', () => {
    const request_headers_to_add = [
      add('X-A', '1'),
      add('x-b', '2', { append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }),
      add('x-c', '100%%', { append: false }),
    ];
    const expected: HeaderEdits = [
      { kind: 'remove', name: 'x-d', value: '' },
      { kind: 'set', name: 'x-b', value: '2' },
      { kind: 'set', name: 'x-c', value: '100%' },
      { kind: 'add', name: 'x-a', value: '1' },
    ];
    expect(
      routeOf({ ...to(), request_headers_to_add, request_headers_to_remove: ['X-D'] }).requestEdits,
    ).toEqual(expected);
  });

  test('levels are applied from the route outwards', () => {
    const level = (value: string) => ({ response_headers_to_add: [add('x', value, { append: false })] });
    expect(routeOf({ ...to(), ...level('route') }, level('host'), level('config')).responseEdits).toEqual(
      ['route', 'host', 'config'].map((value) => ({ kind: 'set', name: 'x', value })),
    );
  });

  test('a removal of an outer level takes what an inner one added', () => {
    expect(
      routeOf({ ...to(), request_headers_to_add: [add('x', '1')] }, { request_headers_to_remove: ['x'] })
        .requestEdits,
    ).toEqual([
      { kind: 'add', name: 'x', value: '1' },
      { kind: 'remove', name: 'x', value: '' },
    ]);
  });

  const actions = [
    ['APPEND_IF_EXISTS_OR_ADD', 'add'],
    ['ADD_IF_ABSENT', 'add-if-absent'],
    ['OVERWRITE_IF_EXISTS_OR_ADD', 'set'],
    ['OVERWRITE_IF_EXISTS', 'set-if-present'],
  ] as const;
  for (const [append_action, kind] of actions) {
    test(`append_action ${append_action}`, () => {
      const request_headers_to_add = [add('x', '1', { append_action })];
      expect(routeOf({ ...to(), request_headers_to_add }).requestEdits).toEqual([
        { kind, name: 'x', value: '1' },
      ]);
    });
  }

  test('an empty value is left out, unless it is to be kept', () => {
    const request_headers_to_add = [add('x', ''), add('y', '', { keep_empty_value: true })];
    expect(routeOf({ ...to(), request_headers_to_add }).requestEdits).toEqual([
      { kind: 'add', name: 'y', value: '' },
    ]);
  });

  const refused: readonly (readonly [string, object, string])[] = [
    ['a command that is none', add('x', '%NO%'), 'header.value: %NO% is no command'],
    ['a line break', add('x', 'a\r\nb'), 'header.value: must be printable ASCII'],
    ['NUL', add('x', 'a\0b'), 'header.value: must be printable ASCII'],
    ['a control character', add('x', '\x7f'), 'header.value: must be printable ASCII'],
    ['text beyond ASCII', add('x', '5 €'), 'header.value: must be printable ASCII'],
    ['a pseudo header', add(':path', '/'), 'header.key: must not be host or start with a colon'],
    ['the authority', add('Host', 'x'), 'header.key: must not be host'],
    ['framing', add('Content-Length', '1'), 'header.key: must not be a framing header'],
    ['no header name', add('a b', '1'), 'header.key: must be a header name'],
  ];
  for (const [name, option, expected] of refused) {
    test(`${name} is refused`, () => {
      const faults = faultsOf({ ...to(), request_headers_to_add: [option] });
      expect(faults[0]).toStartWith(`${at}.request_headers_to_add[0].${expected}`);
    });
  }
});

describe('matches', () => {
  const header = (fields: object) =>
    routeOf({ ...to(), match: { prefix: '/', headers: [{ name: 'X', ...fields }] } }).match.headers[0]!;

  test('old and new forms mean the same', () => {
    for (const [old, string_match] of [
      [{ exact_match: 'a' }, { exact: 'a' }],
      [{ prefix_match: 'a' }, { prefix: 'a' }],
      [{ suffix_match: 'a' }, { suffix: 'a' }],
      [{ contains_match: 'a' }, { contains: 'a' }],
      [{ safe_regex_match: { regex: 'a+' } }, { safe_regex: { regex: 'a+' } }],
    ] as const) {
      expect(header(old)).toEqual(header({ string_match }));
    }
  });

  test('absence is said in two ways, and twice is presence', () => {
    expect(header({ present_match: false })).toEqual(header({ present_match: true, invert_match: true }));
    expect(header({ present_match: false, invert_match: true })).toEqual(header({ present_match: true }));
  });

  test('grpc is a content type', () => {
    const { headers } = routeOf({ ...to(), match: { prefix: '/', grpc: {} } }).match;
    expect(headers).toEqual([
      { name: 'content-type', match: { kind: 'regex', value: 'application/grpc(\\+.*)?' }, invert: false },
    ]);
  });

  const refused: readonly (readonly [string, object, string])[] = [
    [
      'no path match',
      {},
      'match: one of prefix, path, safe_regex, path_separated_prefix, connect_matcher, path_match_policy must be set',
    ],
    ['two of them', { prefix: '/', path: '/a' }, 'match: only one of prefix, path may be set'],
    [
      'a broken expression',
      { safe_regex: { regex: '(' } },
      'match.safe_regex.regex: must be a regular expression',
    ],
    [
      'a separated prefix with a slash at its end',
      { path_separated_prefix: '/a/' },
      'match.path_separated_prefix: must start with /',
    ],
  ];
  for (const [name, match, expected] of refused) {
    test(`${name} is refused`, () =>
      expect(faultsOf({ ...to(), match })[0]).toStartWith(`${at}.${expected}`));
  }
});

describe('actions', () => {
  test('a whole path is rewritten by the one expression that means it', () => {
    const rewrite = (regex: string, substitution: string) =>
      to({ regex_rewrite: { pattern: { regex }, substitution } });
    expect(routeOf(rewrite('^/[^?]*$', '/x')).action).toMatchObject({
      rewritePath: { kind: 'full', value: '/x' },
    });
    expect(routeOf(rewrite('^/a', '/x')).action).toMatchObject({ rewritePath: { kind: 'pattern' } });
  });

  const pattern = (regex: string, substitution = '') => ({ pattern: { regex }, substitution });
  const any = (type: string, fields: object) => ({
    name: 'template',
    typed_config: { '@type': `type.googleapis.com/envoy.extensions.path.${type}`, ...fields },
  });
  const template = (path_template: string) => ({
    path_match_policy: any('match.uri_template.v3.UriTemplateMatchConfig', { path_template }),
  });
  const made = (path_template_rewrite: string) =>
    to({
      path_rewrite_policy: any('rewrite.uri_template.v3.UriTemplateRewriteConfig', { path_template_rewrite }),
    });
  test.each<readonly [object, string]>([
    [to({ regex_rewrite: pattern('(') }), 'route.regex_rewrite.pattern.regex: must be a regular expression'],
    [
      to({ regex_rewrite: pattern('a', '\\1') }),
      'route.regex_rewrite.substitution: must not refer to a group',
    ],
    [
      to({ regex_rewrite: pattern('a', ' ') }),
      'route.regex_rewrite.substitution: must be visible ASCII without #',
    ],
    [to({ regex_rewrite: { substitution: 'a' } }), 'route.regex_rewrite.pattern: must be set'],
    [to({ host_rewrite_path_regex: pattern('a', '\\x') }), 'host_rewrite_path_regex.substitution: may have'],
    [{ redirect: { regex_rewrite: pattern('*') } }, 'redirect.regex_rewrite.pattern.regex: must be'],
    [
      to({ hash_policy: [{ header: { header_name: 'a', regex_rewrite: pattern('(') } }] }),
      'hash_policy[0].header.regex_rewrite.pattern.regex: must be',
    ],
    [
      { ...to(), match: template('/{a') },
      'match.path_match_policy.typed_config.path_template: must be a template of a path: a brace is not closed',
    ],
    [
      { ...to({ prefix_rewrite: '/x' }), match: template('/{a}') },
      'route.prefix_rewrite: does not go with a match.path_match_policy',
    ],
    [made('/x'), 'route.path_rewrite_policy: needs a match.path_match_policy'],
    [
      { ...made('/{b}'), match: template('/{a}') },
      'route.path_rewrite_policy.typed_config.path_template_rewrite: must name variables',
    ],
    [
      to({ regex_rewrite: { pattern: { regex: 'abc', google_re2: { max_program_size: 6 } } } }),
      'regex_rewrite.pattern.google_re2.max_program_size: must be at least 7',
    ],
    [
      { route: { weighted_clusters: { clusters: [{ weight: 1 }] } } },
      'weighted_clusters.clusters[0]: one of name, cluster_header must be set',
    ],
    [
      {
        route: {
          weighted_clusters: { clusters: [{ name: 'a', weight: 1, host_rewrite_literal: 'a b' }] },
        },
      },
      'weighted_clusters.clusters[0].host_rewrite_literal: must be',
    ],
    [
      {
        ...to(),
        match: {
          prefix: '/',
          dynamic_metadata: [
            { filter: 'f', path: [{ key: 'a' }], value: { string_match: { safe_regex: { regex: '(' } } } },
          ],
        },
      },
      'match.dynamic_metadata[0].value.string_match.safe_regex.regex: must be a regular expression',
    ],
  ])('%j is refused', (route, expected) => {
    expect(faultsOf(route).join('\n')).toContain(expected);
  });

  test('what the answer for an unknown cluster is', () => {
    expect(routeOf(to()).action).not.toHaveProperty('notFoundStatus');
    expect(routeOf(to({ cluster_not_found_response_code: 'INTERNAL_SERVER_ERROR' })).action).toMatchObject({
      notFoundStatus: 500,
    });
  });

  const refused: readonly (readonly [string, object, string])[] = [
    ['no action', {}, 'one of route, redirect, direct_response must be set'],
    ['no cluster', { route: {} }, 'one of cluster, weighted_clusters, cluster_header must be set'],
    [
      'weights that add up to nothing',
      { route: { weighted_clusters: { clusters: [{ name: 'a' }] } } },
      'the weights must add up',
    ],
    ['a direct answer without status', { direct_response: {} }, 'must be 200 to 599'],
    [
      'a direct answer that is too long',
      { direct_response: { status: 200, body: { inline_string: 'x'.repeat(5000) } } },
      'must be at most 4096 bytes',
    ],
    ...[
      { route: { prefix_rewrite: 'a' } },
      { route: { prefix_rewrite: '/a b' } },
      { route: { prefix_rewrite: '/a#b' } },
      { route: { prefix_rewrite: '/\u00fc' } },
      { route: { host_rewrite_literal: 'a\r\nx: y' } },
      { route: { host_rewrite_literal: 'u@b' } },
      { route: { host_rewrite_literal: 'a:65536' } },
      { redirect: { path_redirect: '.example' } },
      { redirect: { prefix_rewrite: '/\n' } },
      { redirect: { host_redirect: 'a\r\nb: c' } },
      { redirect: { scheme_redirect: 'a\nb' } },
    ].map((action): [string, object, string] => {
      const [[kind, fields]] = Object.entries(action) as [[string, object]];
      const [[field, text]] = Object.entries(fields) as [[string, string]];
      const cluster = kind === 'route' ? { cluster: 'c' } : {};
      return [
        `${kind} ${field} ${JSON.stringify(text)}`,
        { [kind]: { ...fields, ...cluster } },
        `${at}.${kind}.${field}: must `,
      ];
    }),
  ];
  for (const [name, route, expected] of refused) {
    test(`${name} is refused`, () => expect(faultsOf(route).join()).toContain(expected));
  }

  test('domains come once, with one star at an end', () => {
    expect(faultsOf(to(), { domains: ['a', 'A'] })).toEqual(['virtual_hosts[0].domains[1]: must be unique']);
    expect(faultsOf(to(), { domains: ['a.*.b'] })).toEqual([
      'virtual_hosts[0].domains[0]: may have one * at its start or its end',
    ]);
    expect(faultsOf(to(), { domains: [] })).toEqual(['virtual_hosts[0].domains: must not be empty']);
  });
});

describe('parseGatewayDuration', () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ['10s', 10_000],
    ['250ms', 250],
    ['1h30m', 5_400_000],
    ['1m30s500ms', 90_500],
    ['0s', 0],
    ['', null],
    ['1', null],
    ['1.5s', null],
    ['-1s', null],
    ['100000s', null],
    ['1d', null],
  ];
  for (const [text, expected] of cases)
    test(`'${text}'`, () => expect(parseGatewayDuration(text)).toBe(expected));
});
