// Every rule, by the message a user sees.

import { describe, expect, test } from 'bun:test';
import { parse } from 'yaml';
import { formatIssue } from '../../base/index.ts';
import { parseManifests } from '../source/parse.ts';
import type { RawObject } from '../source/types.ts';
import { defaultPolicy } from './service-policy.ts';
import { validateObject } from './validate.ts';

function judge(apiVersion: string, kind: string, body: string): readonly string[] {
  const value = { apiVersion, kind, metadata: { name: 'x', namespace: 'n' }, ...(parse(body) as object) };
  const parsed = parseManifests('f', JSON.stringify(value));
  if (!parsed.ok || parsed.value[0] === undefined) throw new Error('not an object');
  const verdict = validateObject(parsed.value[0]);
  if (verdict.kind === 'ignored') return [`note: ${verdict.note}`];
  return verdict.issues.map((issue) => formatIssue(issue).replace(/^n\/[^/]+\/x: /, ''));
}

type Case = readonly [name: string, body: string, ...expected: string[]];

function table(title: string, apiVersion: string, kind: string, cases: readonly Case[]): void {
  describe(title, () => {
    test.each(cases.map((one) => [one[0], one] as const))('%s', (_, [, body, ...expected]) => {
      expect(judge(apiVersion, kind, body)).toEqual(expected);
    });
  });
}

test('of entries whose names are equal the first counts, whatever their case', () => {
  const spec = `{ parentRefs: [{ name: g }], rules: [{
    matches: [{ headers: [{ name: X-A, value: "1" }, { name: x-a, value: "2" }], queryParams: [{ name: q, value: "1" }, { name: q, value: "2" }, { name: Q, value: "3" }] }],
    filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: X-A, value: "1" }, { name: x-a, value: "2" }], add: [{ name: X-B, value: "1" }, { name: x-B, value: "2" }], remove: [X-C, x-c] } }] }] }`;
  const value = {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name: 'x' },
    spec: parse(spec),
  };
  const parsed = parseManifests('f', JSON.stringify(value));
  const verdict = parsed.ok ? validateObject(parsed.value[0] as RawObject) : null;
  if (verdict?.kind !== 'resource' || verdict.resource.kind !== 'HTTPRoute') throw new Error('not a route');
  const [first] = verdict.resource.spec.rules;
  const values = (list: readonly { readonly value: string }[] | undefined) => list?.map((one) => one.value);
  expect([values(first?.matches[0]?.headers), values(first?.matches[0]?.queryParams)]).toEqual([
    ['1'],
    ['1', '3'],
  ]);
  expect(first?.filters).toMatchObject([
    { requestHeaderModifier: { set: [{ value: '1' }], add: [{ value: '1' }], remove: ['x-c'] } },
  ]);
});

const target = 'targetRefs: [{ group: "", kind: Service, name: a }]';
const policy = (settings: string) => `spec: { ${target}, ${settings} }`;
const later = 'is not supported yet by this version';

const access = (rules: string) => `spec: { ${target}, rules: [${rules}] }`;
const oneCaller = 'must be one of serviceAccount, namespace and ipBlock';
const range = 'must be a range of addresses such as 10.0.0.0/8, with no bits behind its prefix';
const somePort = 'must be the name or the number of a port of the Service';

table('AccessPolicy', 'weft.dev/v1alpha1', 'AccessPolicy', [
  ['nobody may call', `spec: { ${target} }`],
  ['no targets', 'spec: {}', 'spec.targetRefs: is required'],
  ['another mode', `spec: { ${target}, mode: Warn }`, 'spec.mode: must be Enforce or Audit (got Warn)'],
  ['everybody may call', access('{}')],
  [
    'nobody in a rule',
    access('{ from: [] }'),
    'spec.rules[0].from: must be a list of 1 to 64 callers; leave it out to let everybody call (got [])',
  ],
  ['a caller of no kind', access('{ from: [{}] }'), `spec.rules[0].from[0]: ${oneCaller} (got {})`],
  [
    'a caller of two kinds',
    access('{ from: [{ namespace: { name: a }, serviceAccount: { name: b } }] }'),
    `spec.rules[0].from[0]: ${oneCaller} (got {"namespace":{"name":"a"},"serviceAccount":{"name":"b"}})`,
  ],
  ...[
    '10.0.0.1',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    'fd00::1/64',
    '10.0.0.0/8/8',
    '010.0.0.0/8',
  ].map(
    (cidr): Case => [
      `a range ${cidr}`,
      access(`{ from: [{ ipBlock: { cidr: "${cidr}" } }] }`),
      `spec.rules[0].from[0].ipBlock.cidr: ${range} (got ${cidr})`,
    ],
  ),
  ['ranges', access('{ from: [{ ipBlock: { cidr: "fd00::/8", except: ["fd00:1::/32"] } }] }')],
  ...['10.0.0.0/8', '0.0.0.0/0', '11.0.0.0/16', 'fd00::/16', '::ffff:10.0.0.0/120'].map(
    (except): Case => [
      `a hole ${except} that is not in its range`,
      access(`{ from: [{ ipBlock: { cidr: 10.0.0.0/8, except: [10.1.0.0/16, "${except}"] } }] }`),
      `spec.rules[0].from[0].ipBlock.except: must be ranges within cidr, and smaller (got ["10.1.0.0/16","${except}"])`,
    ],
  ),
  ['ports', access('{ ports: [http, 80] }')],
  ['a port 0', access('{ ports: [0] }'), `spec.rules[0].ports[0]: ${somePort} (got 0)`],
  ['a port that is neither', access('{ ports: [true] }'), `spec.rules[0].ports[0]: ${somePort} (got true)`],
  [
    'a method in lower case, a path without a slash',
    access('{ http: [{ methods: [get], path: { value: a } }] }'),
    'spec.rules[0].http[0].methods[0]: must be a method (got get)',
    'spec.rules[0].http[0].path.value: must be a path that begins with / (got a)',
  ],
  [
    'two rules, of which one is at fault',
    access('{ from: [{ namespace: { name: a } }] }, { port: [80] }'),
    'spec.rules[1].port: is not a field of this kind (is it ports?)',
  ],
]);

table('ServicePolicy', 'weft.dev/v1alpha1', 'ServicePolicy', [
  ['empty settings', `spec: { ${target} }`],
  ['a status is left alone', `spec: { ${target} }\nstatus: { ancestors: [] }`],
  ['no spec', '{}', 'spec: is required'],
  ['no targets', 'spec: {}', 'spec.targetRefs: is required'],
  ['zero targets', 'spec: { targetRefs: [] }', 'spec.targetRefs: must be a list of 1 to 16 targets (got [])'],
  [
    'a foreign target',
    'spec: { targetRefs: [{ group: "", kind: Pod, name: a }] }',
    'spec.targetRefs[0].kind: must be Service (got Pod)',
  ],
  ['no group', 'spec: { targetRefs: [{ kind: Service, name: a }] }', 'spec.targetRefs[0].group: is required'],
  [
    'a namespace in a target',
    'spec: { targetRefs: [{ group: "", kind: Service, name: a, namespace: b }] }',
    'spec.targetRefs[0].namespace: is not a field of this kind',
  ],
  ['an unknown field', policy('timeout: {}'), 'spec.timeout: is not a field of this kind (is it timeouts?)'],
  [
    'an unknown field inside',
    policy('retry: { attempt: 3 }'),
    'spec.retry.attempt: is not a field of this kind (is it attempts?)',
  ],
  [
    'an unknown field at the top',
    `spec: { ${target} }\nspecs: {}`,
    'specs: is not a field of this kind (is it spec?)',
  ],
  [
    'a wrong balancer',
    policy('loadBalancing: { type: Fast }'),
    'spec.loadBalancing.type: must be LatencyAware, LeastRequest, RoundRobin or Random (got Fast)',
  ],
  [
    'consistent hash',
    policy('loadBalancing: { consistentHash: { algorithm: Maglev } }'),
    `spec.loadBalancing.consistentHash: ${later} (got {"algorithm":"Maglev"})`,
  ],
  [
    'slow start',
    policy('loadBalancing: { type: Random, slowStart: { window: 30s } }'),
    'spec.loadBalancing.slowStart: does not hold for Random (got {"window":"30s"})',
  ],
  [
    'a wrong locality',
    policy('loadBalancing: { locality: Near }'),
    'spec.loadBalancing.locality: must be PreferZone or Any (got Near)',
  ],
  [
    'a duration without unit',
    policy('timeouts: { request: "15" }'),
    'spec.timeouts.request: must be a duration such as 10s or 250ms (got 15)',
  ],
  [
    'a number as duration',
    policy('timeouts: { request: 15 }'),
    'spec.timeouts.request: must be a duration such as 10s or 250ms (got 15)',
  ],
  [
    'days are no Gateway API duration',
    policy('timeouts: { request: 1d }'),
    'spec.timeouts.request: must be a duration such as 10s or 250ms (got 1d)',
  ],
  [
    'a timeout above a day',
    policy('timeouts: { request: 25h }'),
    'spec.timeouts.request: must be 0s to 24h (got 25h)',
  ],
  [
    'no connect timeout',
    policy('timeouts: { connect: 0s }'),
    'spec.timeouts.connect: must be 1ms to 1m (got 0s)',
  ],
  [
    'a wrong condition',
    policy('retry: { on: [Timeout] }'),
    'spec.retry.on[0]: must be ConnectFailure, Reset, Unavailable, GatewayError, ServerError, Conflict, StatusCodes or AttemptTimeout (got Timeout)',
  ],
  [
    'an attempt that is longer than the request',
    policy('timeouts: { request: 1s, attempt: 2s }'),
    'spec.timeouts.attempt: must not be longer than request (got 2s)',
  ],
  ['an attempt of a request without a limit', policy('timeouts: { request: 0s, attempt: 2s }')],
  [
    'a first wait that is longer than the longest',
    policy('retry: { backoff: { base: 1s } }'),
    'spec.retry.backoff.base: must not be longer than max (got 1s)',
  ],
  [
    'a condition twice, with quotes and as YAML 1.1 reads it without',
    policy('retry: { on: [Reset], true: [Reset] }'),
    'spec.retry.true: must not stand beside on: it is what readers of YAML 1.1 make of the same key without quotes (got ["Reset"])',
  ],
  [
    'a condition under the name that YAML 1.1 gives it',
    policy('retry: { true: [Timeout] }'),
    'spec.retry.true[0]: must be ConnectFailure, Reset, Unavailable, GatewayError, ServerError, Conflict, StatusCodes or AttemptTimeout (got Timeout)',
  ],
  [
    'a status code out of range',
    policy('retry: { statusCodes: [99] }'),
    'spec.retry.statusCodes[0]: must be a whole number of 100 to 599 (got 99)',
  ],
  [
    'a method in lower case',
    policy('retry: { methods: [get] }'),
    'spec.retry.methods[0]: must be a method in upper case (got get)',
  ],
  [
    'too many attempts',
    policy('retry: { attempts: 17 }'),
    'spec.retry.attempts: must be a whole number of 0 to 16 (got 17)',
  ],
  [
    'no backoff',
    policy('retry: { backoff: { base: 0s } }'),
    'spec.retry.backoff.base: must be 1ms to 1m (got 0s)',
  ],
  [
    'no header name',
    policy('retry: { idempotencyHeader: "a b" }'),
    'spec.retry.idempotencyHeader: must be a header name (got a b)',
  ],
  [
    'a budget above all',
    policy('retryBudget: { budget: { percent: 101 } }'),
    'spec.retryBudget.budget.percent: must be a whole number of 0 to 100 (got 101)',
  ],
  [
    'a window too short',
    policy('retryBudget: { budget: { interval: 100ms } }'),
    'spec.retryBudget.budget.interval: must be 1s to 1h (got 100ms)',
  ],
  [
    'a rate of nothing',
    policy('retryBudget: { minRetryRate: { count: 0 } }'),
    'spec.retryBudget.minRetryRate.count: must be a whole number of 1 to 1000000 (got 0)',
  ],
  [
    'no connections',
    policy('limits: { connections: 0 }'),
    'spec.limits.connections: must be a whole number of 1 to 1000000 (got 0)',
  ],
  [
    'half a request',
    policy('limits: { requests: 1.5 }'),
    'spec.limits.requests: must be a whole number of 1 to 1000000 (got 1.5)',
  ],
  [
    'all ejected and more',
    policy('outlierDetection: { maxEjectedPercent: 101 }'),
    'spec.outlierDetection.maxEjectedPercent: must be a whole number of 0 to 100 (got 101)',
  ],
  [
    'health checks',
    policy('healthCheck: { http: { path: / }, tcp: {} }'),
    'spec.healthCheck: must hold one of http, tcp (got {"http":{"path":"/"},"tcp":{}})',
  ],
  [
    'a status that is none',
    policy('healthCheck: { http: { expectedStatuses: ["200-700"] } }'),
    'spec.healthCheck.http.expectedStatuses[0]: must be a status such as 200 or a range such as 200-299 (got 200-700)',
  ],
  [
    'rate limits',
    policy('rateLimit: { local: { requests: 1 } }'),
    `spec.rateLimit: ${later} (got {"local":{"requests":1}})`,
  ],
  [
    'an objective',
    policy('objective: { availability: 99.9, latency: { percentile: 99, threshold: 100ms }, window: 30d }'),
  ],
  [
    'an objective of everything',
    policy('objective: { availability: 100 }'),
    'spec.objective.availability: must be above 0 and below 100 (got 100)',
  ],
  [
    'a sidecar, in the notations of Kubernetes',
    policy(
      'sidecar: { resources: { requests: { cpu: "0.3", memory: 1.5Gi }, limits: { cpu: 300m, memory: 1610612736 } }, logLevel: warn }',
    ),
  ],
  [
    'a sidecar’s resources that are no quantities',
    policy(
      'sidecar: { resources: { requests: { cpu: 0.5, memory: 64m }, limits: { cpu: 2 cores, memory: "" } } }',
    ),
    'spec.sidecar.resources.requests.cpu: must be an amount of CPU such as 250m, 2 or "0.5" (got 0.5)',
    'spec.sidecar.resources.requests.memory: must be an amount of memory such as 128Mi (got 64m)',
    'spec.sidecar.resources.limits.cpu: must be an amount of CPU such as 250m, 2 or "0.5" (got 2 cores)',
    'spec.sidecar.resources.limits.memory: must be an amount of memory such as 128Mi',
  ],
  [
    'a sidecar’s request above its limit, whatever the notation',
    policy(
      'sidecar: { resources: { requests: { cpu: 2, memory: 1Gi }, limits: { cpu: 1999m, memory: 1G } } }',
    ),
    'spec.sidecar.resources.requests.cpu: must not be more than the limit (got 2)',
    'spec.sidecar.resources.requests.memory: must not be more than the limit (got 1Gi)',
  ],
  [
    'a level that no log has',
    policy('sidecar: { logLevel: trace }'),
    'spec.sidecar.logLevel: must be debug, info, warn, error or off (got trace)',
  ],
  [
    'two faults at once',
    policy('retry: { attempts: -1 }, limits: { pending: 0 }'),
    'spec.retry.attempts: must be a whole number of 0 to 16 (got -1)',
    'spec.limits.pending: must be a whole number of 1 to 1000000 (got 0)',
  ],
]);

const rule = (text: string) => `spec: { parentRefs: [{ name: g }], rules: [{ ${text} }] }`;
const at = 'spec.rules[0]';

table('HTTPRoute', 'gateway.networking.k8s.io/v1', 'HTTPRoute', [
  ['nothing but a parent', 'spec: { parentRefs: [{ name: g }] }'],
  [
    'an unknown field, which may be a known one misspelt',
    rule('backendRefs: [{ name: a, port: 80 }], timeout: { request: 1s }'),
    `${at}.timeout: is not a field of this kind (is it timeouts?)`,
  ],
  [
    'null is absent, everywhere',
    rule(
      'name: null, matches: [{ path: null, headers: null, method: null }], filters: null, timeouts: null, retry: null, sessionPersistence: null, backendRefs: [{ name: a, port: 80, group: null, kind: null, namespace: null, weight: null, filters: null }]',
    ),
  ],
  ...['connection', 'Content-Length', 'transfer-encoding', 'TE', 'trailer', 'Upgrade'].flatMap((name) =>
    ['Request', 'Response'].flatMap((side) =>
      [
        [`set: [{ name: ${name}, value: a }]`, 'set[0].name'],
        [`add: [{ name: ${name}, value: a }]`, 'add[0].name'],
        [`remove: [${name}]`, 'remove[0]'],
      ].map(([edits, field]): Case => {
        const key = `${side.toLowerCase()}HeaderModifier`;
        return [
          `a framing header, ${side} ${edits}`,
          rule(`filters: [{ type: ${side}HeaderModifier, ${key}: { ${edits} } }]`),
          `${at}.filters[0].${key}.${field}: must not be a framing header (got ${name})`,
        ];
      }),
    ),
  ),
  [
    'a value with two spaces, one without an end',
    rule(
      'matches: [{ headers: [{ name: a, value: "b  c" }], queryParams: [{ name: a, value: "b  c" }] }], backendRefs: [{ name: a, port: 80 }]',
    ),
    `${at}.matches[0].headers[0].value: must begin and end with a visible character, single spaces between (got b  c)`,
  ],
  [
    'a header that is removed twice',
    rule('filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { remove: [a, a] } }]'),
    `${at}.filters[0].requestHeaderModifier.remove: must not have a name twice (got ["a","a"])`,
  ],
  [
    'a modifier twice at a backend',
    rule(
      'backendRefs: [{ name: a, port: 80, filters: [{ type: RequestHeaderModifier, requestHeaderModifier: {} }, { type: RequestHeaderModifier, requestHeaderModifier: {} }] }]',
    ),
    `${at}.backendRefs[0].filters[1]: RequestHeaderModifier must not be there twice (got {"type":"RequestHeaderModifier","requestHeaderModifier":{}})`,
  ],
  ...['requestRedirect', 'urlRewrite'].map((key): Case => {
    const type = key === 'urlRewrite' ? 'URLRewrite' : 'RequestRedirect';
    return [
      `a wildcard to go to, ${type}`,
      rule(`filters: [{ type: ${type}, ${key}: { hostname: "*.example.com" } }]`),
      `${at}.filters[0].${key}.hostname: must not have a wildcard (got *.example.com)`,
      `${at}.filters[0].${key}.hostname: must be a host with an optional port (got *.example.com)`,
    ];
  }),
  ...['/a b', '/a\\nb', '/ä'].flatMap((path) =>
    ['ReplaceFullPath: replaceFullPath', 'ReplacePrefixMatch: replacePrefixMatch'].map((pair): Case => {
      const [type, field] = pair.split(': ');
      return [
        `a path that no request can have, ${type} ${path}`,
        rule(`filters: [{ type: URLRewrite, urlRewrite: { path: { type: ${type}, ${field}: "${path}" } } }]`),
        `${at}.filters[0].urlRewrite.path.${field}: must start with a slash and be visible ASCII without # (got ${path.replace('\\n', '\n')})`,
      ];
    }),
  ),
  [
    'a path to match with a space',
    rule('matches: [{ path: { value: "/a b" } }]'),
    `${at}.matches[0].path.value: must be of letters, digits, -/._~!$&'()*+,;=:@ and %XX (got /a b)`,
  ],
  [
    'an expression too large for Envoy',
    rule('matches: [{ path: { type: RegularExpression, value: "/a{100}" } }]'),
    `${at}.matches[0].path.value: must compile to at most 100 instructions of RE2, as Envoy has it, not to some 105 (got /a{100})`,
  ],
  [
    'a prefix to replace, matches left to their default',
    rule(
      'filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /b } } }]',
    ),
  ],
  [
    'a rule name twice',
    'spec: { rules: [{ name: a }, { name: a }] }',
    'spec.rules: names of rules must be unique (got [{"name":"a"},{"name":"a"}])',
  ],
  [
    'a parent twice',
    'spec: { parentRefs: [{ name: g }, { name: g }] }',
    'spec.parentRefs[1]: must not be there twice (got {"name":"g"})',
  ],
  [
    'more than 128 matches in all',
    `spec: { rules: [${`{ matches: [${'{ method: GET }, '.repeat(60)}] },`.repeat(3)}] }`,
    expect.stringContaining('spec.rules: must have at most 128 matches in all') as unknown as string,
  ],
  ['no rules', 'spec: { rules: [] }', 'spec.rules: must have a rule (got [])'],
  [
    'a relative path',
    rule('matches: [{ path: { value: a } }]'),
    `${at}.matches[0].path.value: must begin with / (got a)`,
  ],
  [
    'a path with dots',
    rule('matches: [{ path: { value: /a/../b } }]'),
    `${at}.matches[0].path.value: must not contain //, /./, /../, %2f, # or ? (got /a/../b)`,
  ],
  [
    'a wrong path type',
    rule('matches: [{ path: { type: Glob, value: / } }]'),
    `${at}.matches[0].path.type: must be Exact, PathPrefix or RegularExpression (got Glob)`,
  ],
  [
    'a broken regex',
    rule('matches: [{ path: { type: RegularExpression, value: "(" } }]'),
    `${at}.matches[0].path.value: must be a regular expression of RE2: missing ) (got ()`,
  ],
  [
    'a look-ahead',
    rule('matches: [{ path: { type: RegularExpression, value: "/(?=a)" } }]'),
    `${at}.matches[0].path.value: must be a regular expression of RE2: look-around is not part of it (got /(?=a))`,
  ],
  [
    'a header regex',
    rule('matches: [{ headers: [{ type: RegularExpression, name: a, value: "[" }] }]'),
    `${at}.matches[0].headers[0].value: must be a regular expression of RE2: missing ] (got [)`,
  ],
  [
    'a wrong method',
    rule('matches: [{ method: FETCH }]'),
    `${at}.matches[0].method: must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH (got FETCH)`,
  ],
  [
    'somebody else’s authorization',
    rule('filters: [{ type: ExternalAuth, externalAuth: {} }]'),
    `${at}.filters[0].type: ExternalAuth ${later} (got ExternalAuth)`,
  ],
  [
    'two shares of copies',
    rule(
      'filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: a, port: 1 }, percent: 1, fraction: { numerator: 1 } } }]',
    ),
    `${at}.filters[0].requestMirror.fraction: must not be there beside percent (got {"numerator":1})`,
  ],
  [
    'an origin that is none',
    rule('filters: [{ type: CORS, cors: { allowOrigins: [example.com] } }]'),
    `${at}.filters[0].cors.allowOrigins[0]: must be an origin, such as https://example.com, https://*.example.com or * (got example.com)`,
  ],
  [
    'an unknown filter',
    rule('filters: [{ type: Magic }]'),
    `${at}.filters[0].type: must be RequestHeaderModifier, ResponseHeaderModifier, RequestMirror, RequestRedirect, URLRewrite, CORS (got Magic)`,
  ],
  [
    'a filter without its body',
    rule('filters: [{ type: URLRewrite }]'),
    `${at}.filters[0].urlRewrite: is required`,
  ],
  [
    'a filter twice',
    rule('filters: [{ type: URLRewrite, urlRewrite: {} }, { type: URLRewrite, urlRewrite: {} }]'),
    `${at}.filters[1]: URLRewrite must not be there twice (got {"type":"URLRewrite","urlRewrite":{}})`,
  ],
  [
    'redirect and rewrite',
    rule('filters: [{ type: URLRewrite, urlRewrite: {} }, { type: RequestRedirect, requestRedirect: {} }]'),
    `${at}.filters: must not have both RequestRedirect and URLRewrite (got [{"type":"URLRewrite","urlRewrite":{}},{"type":"RequestRedirect","requestRedirec…)`,
  ],
  [
    'redirect and backends',
    rule('filters: [{ type: RequestRedirect, requestRedirect: {} }], backendRefs: [{ name: a, port: 80 }]'),
    `${at}.backendRefs: must be empty beside a RequestRedirect (got [{"name":"a","port":80}])`,
  ],
  [
    'a prefix to replace without a prefix',
    rule(
      'matches: [{ path: { type: Exact, value: /a } }], filters: [{ type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /b } } }]',
    ),
    `${at}.filters[0]: ReplacePrefixMatch needs exactly one match, of type PathPrefix (got {"type":"URLRewrite","urlRewrite":{"path":{"type":"ReplacePrefixMatch","replaceP…)`,
  ],
  [
    'a redirect status',
    rule('filters: [{ type: RequestRedirect, requestRedirect: { statusCode: 200 } }]'),
    `${at}.filters[0].requestRedirect.statusCode: must be 301, 302, 303, 307 or 308 (got 200)`,
  ],
  [
    'a host header',
    rule(
      'filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: Host, value: a }] } }]',
    ),
    `${at}.filters[0].requestHeaderModifier.set[0].name: must not be host; a URLRewrite changes it (got Host)`,
  ],
  [
    'a header value of two lines',
    rule(
      'filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: a, value: "b\\r\\nc: d" }] } }]',
    ),
    `${at}.filters[0].requestHeaderModifier.set[0].value: must be printable ASCII (got b\r\nc: d)`,
  ],
  [
    'a backend filter',
    rule('backendRefs: [{ name: a, port: 80, filters: [{ type: URLRewrite, urlRewrite: {} }] }]'),
    `${at}.backendRefs[0].filters[0].type: must be RequestHeaderModifier or ResponseHeaderModifier (others are not supported at a backend) (got URLRewrite)`,
  ],
  [
    'a heavy backend',
    rule('backendRefs: [{ name: a, port: 80, weight: 1000001 }]'),
    `${at}.backendRefs[0].weight: must be a whole number of 0 to 1000000 (got 1000001)`,
  ],
  [
    'an attempt longer than the request',
    rule('timeouts: { request: 1s, backendRequest: 2s }'),
    `${at}.timeouts.backendRequest: must not be longer than timeouts.request (got 2s)`,
  ],
  ['no limit on the request', rule('timeouts: { request: 0s, backendRequest: 2s }')],
  [
    'a code that is no failure',
    rule('retry: { codes: [200] }'),
    `${at}.retry.codes[0]: must be a whole number of 400 to 599 (got 200)`,
  ],
  [
    'session persistence',
    rule('sessionPersistence: { type: Cookie }'),
    `${at}.sessionPersistence: ${later} (got {"type":"Cookie"})`,
  ],
  [
    'an upper-case host',
    'spec: { hostnames: [Example.com] }',
    'spec.hostnames[0]: must be a host name in lower case (got Example.com)',
  ],
]);

table('Service', 'v1', 'Service', [
  [
    'fields the mesh does not use',
    'spec: { clusterIP: 10.0.0.1, sessionAffinity: None, ports: [{ port: 80, nodePort: 30000 }] }',
  ],
  ['null lists', 'spec: { ports: null, selector: null }'],
  [
    'one endpoint for each client',
    'spec: { internalTrafficPolicy: Local, sessionAffinity: ClientIP, sessionAffinityConfig: { clientIP: { timeoutSeconds: 86400 } } }',
  ],
  [
    'which endpoint a caller gets, in no words of Kubernetes',
    'spec: { internalTrafficPolicy: Near, sessionAffinity: Cookie, sessionAffinityConfig: { clientIP: { timeoutSeconds: 86401 } } }',
    'spec.internalTrafficPolicy: must be Cluster or Local (got Near)',
    'spec.sessionAffinity: must be None or ClientIP (got Cookie)',
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds: must be a whole number of 1 to 86400 (got 86401)',
  ],
  [
    'null is absent, everywhere',
    'spec: { type: null, publishNotReadyAddresses: null, ports: [{ name: null, port: 80, protocol: null, targetPort: null, appProtocol: null }] }',
  ],
  ['a null where something must be', 'spec: { ports: [{ port: null }] }', 'spec.ports[0].port: is required'],
  [
    'a null in a list',
    'spec: { ports: [null] }',
    'spec.ports[0]: Invalid input: expected object, received null (got null)',
  ],
  [
    'a port twice',
    'spec: { ports: [{ name: a, port: 80 }, { name: a, port: 81 }, { name: b, port: 80 }, { name: c, port: 80, protocol: UDP }] }',
    'spec.ports[1].name: must not be there twice (got a)',
    'spec.ports[2].port: must not be there twice (got 80)',
  ],
  [
    'a number in a selector',
    'spec: { selector: { app: 1 } }',
    'spec.selector.app: must be text (quote numbers and true or false) (got 1)',
  ],
  ['ExternalName', 'spec: { type: ExternalName, externalName: a.b }'],
  [
    'an ExternalName that is the caller itself: localhost',
    'spec: { type: ExternalName, externalName: "localhost" }',
    'spec.externalName: must not be the host of whoever calls: its admin interface is there (got localhost)',
  ],
  [
    'an ExternalName that is the caller itself: a.localhost.',
    'spec: { type: ExternalName, externalName: "a.localhost." }',
    'spec.externalName: must not be the host of whoever calls: its admin interface is there (got a.localhost.)',
  ],
  [
    'an ExternalName that is the caller itself: 127.0.0.1',
    'spec: { type: ExternalName, externalName: "127.0.0.1" }',
    'spec.externalName: must not be the host of whoever calls: its admin interface is there (got 127.0.0.1)',
  ],
  [
    'an ExternalName that is the caller itself: ::1',
    'spec: { type: ExternalName, externalName: "::1" }',
    'spec.externalName: must not be the host of whoever calls: its admin interface is there (got ::1)',
  ],
  [
    'an ExternalName that is an address',
    'spec: { type: ExternalName, externalName: "10.96.0.1" }',
    'spec.externalName: must be a name, not an address (got 10.96.0.1)',
  ],
  [
    'an unknown type',
    'spec: { type: Magic }',
    'spec.type: must be ClusterIP, NodePort, LoadBalancer or ExternalName (got Magic)',
  ],
  ['no port', 'spec: { ports: [{ name: http }] }', 'spec.ports[0].port: is required'],
  [
    'a wrong port',
    'spec: { ports: [{ port: 0 }] }',
    'spec.ports[0].port: must be a whole number of 1 to 65535 (got 0)',
  ],
  ['a distribution that is not known costs nothing', 'spec: { trafficDistribution: Far }'],
]);

test.each(['ledger.bank', 'x'.repeat(64), '-a'])(
  'a Service is not named %s: it is one part of a DNS name',
  (name) => {
    const parsed = parseManifests(
      'f',
      JSON.stringify({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: {} }),
    );
    const verdict = parsed.ok ? validateObject(parsed.value[0] as RawObject) : null;
    expect(verdict?.kind === 'faulty' ? verdict.issues.map(({ field }) => field) : []).toEqual([
      'metadata.name',
    ]);
  },
);

table('EndpointSlice', 'discovery.k8s.io/v1', 'EndpointSlice', [
  ['nulls', 'addressType: IPv4\nports: null\nendpoints: null'],
  [
    'addresses',
    'addressType: IPv6\nendpoints: [{ addresses: ["::1"] }, { addresses: ["fd00:0:0:0:0:0:0:1"] }, { addresses: ["::ffff:10.0.0.1"] }]',
  ],
  [
    'no addresses',
    'addressType: IPv4\nendpoints: [{ addresses: [10.0.0.256] }, { addresses: [10.0.0.01] }, { addresses: ["1::2::3"] }, { addresses: ["1:2"] }]',
    'endpoints[0].addresses[0]: must be an IP address (got 10.0.0.256)',
    'endpoints[1].addresses[0]: must be an IP address (got 10.0.0.01)',
    'endpoints[2].addresses[0]: must be an IP address (got 1::2::3)',
    'endpoints[3].addresses[0]: must be an IP address (got 1:2)',
  ],
  [
    'names',
    'addressType: FQDN\nendpoints: []',
    'addressType: must be IPv4 or IPv6 (a slice of names has no defined meaning) (got FQDN)',
  ],
  [
    'no address',
    'addressType: IPv4\nendpoints: [{ addresses: [] }]',
    'endpoints[0].addresses: must be a list of 1 to 100 addresses (got [])',
  ],
  [
    'a name as address',
    'addressType: IPv4\nendpoints: [{ addresses: [a.b] }]',
    'endpoints[0].addresses[0]: must be an IP address (got a.b)',
  ],
]);

const listening = (text: string) =>
  `spec: { gatewayClassName: weft, listeners: [{ name: a, port: 80, protocol: HTTP, ${text} }] }`;

table('Gateway', 'gateway.networking.k8s.io/v1', 'Gateway', [
  [
    'a field that is none, of a listener',
    listening('hostnames: [a.example.com]'),
    'spec.listeners[0].hostnames: is not a field of this kind (is it hostname?)',
  ],
  [
    'a field that is none',
    'spec: { gatewayClassName: weft, listeners: [{ name: a, port: 80, protocol: HTTP }], listener: [] }',
    'spec.listener: is not a field of this kind (is it listeners?)',
  ],
  [
    'a protocol that is none',
    'spec: { gatewayClassName: weft, listeners: [{ name: a, port: 80, protocol: "H T" }] }',
    'spec.listeners[0].protocol: must be a protocol, such as HTTP, or one of a domain, such as example.com/chat (got H T)',
  ],
  [
    'a kind and a group that are none',
    listening('allowedRoutes: { kinds: [{ group: A, kind: "1" }] }'),
    'spec.listeners[0].allowedRoutes.kinds[0].group: must be an API group (got A)',
    'spec.listeners[0].allowedRoutes.kinds[0].kind: must be a kind, such as Service (got 1)',
  ],
  [
    'a selector without a key',
    listening(
      'allowedRoutes: { namespaces: { from: Selector, selector: { matchExpressions: [{ key: "", operator: Exists }] } } }',
    ),
    'spec.listeners[0].allowedRoutes.namespaces.selector.matchExpressions[0].key: must not be empty',
  ],
  [
    'no listeners',
    'spec: { gatewayClassName: weft, listeners: [] }',
    'spec.listeners: must have a listener (got [])',
  ],
  [
    'a selector',
    'spec: { gatewayClassName: weft, listeners: [{ name: a, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: Selector, selector: { matchLabels: { a: b } } } } }] }',
  ],
  [
    'a selector that selects nothing',
    'spec: { gatewayClassName: weft, listeners: [{ name: a, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: Selector } } }] }',
    'spec.listeners[0].allowedRoutes.namespaces.selector: must be there where from is Selector',
  ],
  [
    'one name twice',
    'spec: { gatewayClassName: weft, listeners: [{ name: a, port: 80, protocol: HTTP }, { name: a, port: 81, protocol: HTTP }] }',
    'spec.listeners: names of listeners must be unique (got [{"name":"a","port":80,"protocol":"HTTP"},{"name":"a","port":81,"protocol":"HTTP…)',
  ],
]);

table('GatewayClass', 'gateway.networking.k8s.io/v1', 'GatewayClass', [
  [
    'a controller that is none',
    'spec: { controllerName: weft }',
    'spec.controllerName: must be a name of a domain, such as weft.dev/gateway-controller (got weft)',
  ],
]);

table('XBackend', 'gateway.networking.x-k8s.io/v1alpha1', 'XBackend', [
  [
    'the least of it',
    'spec: { type: ExternalHostname, port: { port: 443 }, externalHostname: { hostname: a.example.com } }',
  ],
  [
    'a name of this cluster',
    'spec: { type: ExternalHostname, port: { port: 80 }, externalHostname: { hostname: a.b.svc.cluster.local } }',
    'spec.externalHostname.hostname: must not be of this cluster: a Service is named as such (got a.b.svc.cluster.local)',
  ],
  [
    'a name of this cluster as a resolver in a pod completes it',
    'spec: { type: ExternalHostname, port: { port: 80 }, externalHostname: { hostname: a.b.svc } }',
    'spec.externalHostname.hostname: must not be of this cluster: a Service is named as such (got a.b.svc)',
  ],
  [
    'an address',
    'spec: { type: ExternalHostname, port: { port: 80 }, externalHostname: { hostname: 10.96.0.1 } }',
    'spec.externalHostname.hostname: must be a name, not an address (got 10.96.0.1)',
  ],
  [
    'the caller itself',
    'spec: { type: ExternalHostname, port: { port: 80 }, externalHostname: { hostname: localhost } }',
    'spec.externalHostname.hostname: must not be the host of whoever calls: its admin interface is there (got localhost)',
  ],
  [
    'a certificate that nobody asks for',
    'spec: { type: ExternalHostname, port: { port: 80 }, externalHostname: { hostname: a.b }, tls: { mode: ServerOnly, clientCertificateRef: { name: a } } }',
    'spec.tls.clientCertificateRef: must be there where mode is ClientAndServer, and there alone (got {"name":"a"})',
  ],
  [
    'a protocol and a type that there are not',
    'spec: { type: Pod, port: { port: 80 }, externalHostname: { hostname: a.b }, protocol: GRPC }',
    'spec.type: must be ExternalHostname (got Pod)',
    'spec.protocol: must be TCP, HTTP, HTTP2, HTTP11, H2C or MCP (got GRPC)',
  ],
]);

table('XMesh', 'gateway.networking.x-k8s.io/v1alpha1', 'XMesh', [
  ['ours', 'spec: { controllerName: weft.dev/mesh-controller, description: all of it }'],
  [
    'a controller that is none',
    'spec: { controllerName: weft }',
    'spec.controllerName: must be a name of a domain, such as weft.dev/mesh-controller (got weft)',
  ],
]);

table('ReferenceGrant', 'gateway.networking.k8s.io/v1beta1', 'ReferenceGrant', [
  [
    'nobody',
    'spec: { from: [], to: [] }',
    'spec.from: must be a list of 1 to 16 items (got [])',
    'spec.to: must be a list of 1 to 16 items (got [])',
  ],
]);

table('XBackendTrafficPolicy', 'gateway.networking.x-k8s.io/v1alpha1', 'XBackendTrafficPolicy', [
  [
    'a target twice',
    'spec: { targetRefs: [{ group: "", kind: Service, name: a }, { group: "", kind: Service, name: a }] }',
    'spec.targetRefs: must not have a target twice (got [{"group":"","kind":"Service","name":"a"},{"group":"","kind":"Service","name":"a…)',
  ],
  ['a budget', 'spec: { targetRefs: [{ group: "", kind: Service, name: a }], retryConstraint: {} }'],
  [
    'session persistence',
    'spec: { targetRefs: [{ group: "", kind: Service, name: a }], sessionPersistence: {} }',
    `spec.sessionPersistence: ${later} (got {})`,
  ],
]);

describe('kinds', () => {
  const cases: readonly [string, string, string, readonly string[]][] = [
    ['of others', 'apps/v1', 'Deployment', ['note: apps/v1 Deployment is not a kind that the mesh reads']],
    [
      'of Gateway API, later',
      'gateway.networking.x-k8s.io/v1alpha1',
      'XListenerSet',
      [`kind: ${later} (got XListenerSet)`],
    ],
    [
      'misspelt, of ours',
      'weft.dev/v1alpha1',
      'ServicePolicies',
      ['kind: is not a kind of weft.dev (got ServicePolicies)'],
    ],
    [
      'of a version that is not known',
      'weft.dev/v1',
      'ServicePolicy',
      ['apiVersion: must be weft.dev/v1alpha1 (got weft.dev/v1)'],
    ],
    ['of a core version that is not known', 'v2', 'Service', ['apiVersion: must be v1 (got v2)']],
  ];
  test.each(cases)('%s', (_, apiVersion, kind, expected) => {
    expect(judge(apiVersion, kind, 'spec: {}')).toEqual([...expected]);
  });
});

test('an absent policy has the defaults that the documentation promises', () => {
  expect(defaultPolicy.timeouts).toEqual({
    request: '15s',
    attempt: '5s',
    attemptIsGiven: false,
    requestIsGiven: false,
    connect: '1s',
    idle: '5m',
  });
  expect(defaultPolicy.retry.attempts).toBe(2);
  expect(defaultPolicy.retry.methods).not.toContain('POST');
  expect(defaultPolicy.retryBudget).toEqual({
    budget: { percent: 20, interval: '10s' },
    minRetryRate: { count: 10, interval: '10s' },
  });
  expect(defaultPolicy.loadBalancing.type).toBe('LatencyAware');
  expect(defaultPolicy.objective).toBeUndefined();
});
