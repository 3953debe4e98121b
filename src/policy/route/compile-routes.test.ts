import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import { formatIssue, type Random, Xoshiro128 } from '../../base/index.ts';
import { effortTimeoutMs, runs } from '../../testing/effort.ts';
import { policyLimits } from '../limits.ts';
import { compileRoutes, type RouteTable } from './compile-routes.ts';
import type {
  HeaderMatch,
  PathMatch,
  RequestView,
  Route,
  RouteMatch,
  StringMatch,
  VirtualHost,
} from './types.ts';

setDefaultTimeout(effortTimeoutMs);

const random = new Xoshiro128(1);

function request(
  authority: string,
  path: string,
  headers: Record<string, string> = {},
  method = 'GET',
): RequestView {
  return { authority, path, method, getName: (name) => headers[name] ?? null };
}

function routeOf(name: string, match: Partial<RouteMatch>, weights: readonly number[] = [1]): Route {
  return {
    name,
    match: { path: { kind: 'prefix', value: '/', ignoreCase: false }, headers: [], query: [], ...match },
    action: {
      kind: 'forward',
      clusters: weights.map((weight, index) => ({
        cluster: `${name}-${index}`,
        weight,
        requestEdits: null,
        responseEdits: null,
      })),
      rewriteAuthority: null,
      rewritePath: null,
    },
    timeouts: { requestMs: null, attemptMs: null, idleMs: null },
    retry: null,
    bufferBytesMax: null,
    requestEdits: null,
    responseEdits: null,
  };
}

function hostOf(
  name: string,
  domains: readonly string[],
  routes: readonly Route[] = [routeOf(name, {})],
): VirtualHost {
  return { name, domains, routes };
}

function compiled(virtualHosts: readonly VirtualHost[]): RouteTable {
  const table = compileRoutes({ name: 'outbound', virtualHosts });
  if (!table.ok) throw new Error(table.error.map(formatIssue).join('\n'));
  return table.value;
}

function issuesOf(virtualHosts: readonly VirtualHost[]): string[] {
  const table = compileRoutes({ name: 'outbound', virtualHosts });
  return table.ok ? [] : table.error.map(formatIssue);
}

function pathOf(kind: 'exact' | 'prefix' | 'separated-prefix', value: string, ignoreCase = false): PathMatch {
  return { kind, value, ignoreCase };
}

describe('domains', () => {
  const table = compiled([
    hostOf('exact', ['svc', 'svc.bank:8080', 'Mixed.Case']),
    hostOf('suffix', ['*.bank.svc']),
    hostOf('longer suffix', ['*.a.bank.svc', '*-x.a.bank.svc']),
    hostOf('prefix', ['svc.*']),
    hostOf('longer prefix', ['svc.bank.*']),
    hostOf('ipv6', ['[::1]:80']),
    hostOf('any', ['*']),
  ]);
  const rows: readonly (readonly [authority: string, host: string])[] = [
    ['svc', 'exact'],
    ['SVC', 'exact'],
    ['mixed.case', 'exact'],
    ['svc:80', 'any'],
    ['svc.bank:8080', 'exact'],
    ['svc.bank:8081', 'prefix'],
    ['x.bank.svc', 'suffix'],
    ['x.a.bank.svc', 'longer suffix'],
    ['b-x.a.bank.svc', 'longer suffix'],
    ['.bank.svc', 'any'],
    ['bank.svc', 'any'],
    ['svc.other', 'prefix'],
    ['svc.', 'any'],
    ['svc.bank.x', 'longer prefix'],
    ['svc.x.bank.svc', 'suffix'],
    ['X.BANK.SVC', 'suffix'],
    ['[::1]:80', 'ipv6'],
    ['', 'any'],
  ];
  for (const [authority, host] of rows) {
    test(`'${authority}' is ${host}`, () => {
      expect(table.match(request(authority, '/'), random)?.virtualHost).toBe(host);
    });
  }

  test('without * an unknown authority has no host', () => {
    expect(compiled([hostOf('a', ['a'])]).match(request('b', '/'), random)).toBeNull();
  });

  test('a host whose routes do not match gives nothing, even where a less exact host would', () => {
    const narrow = hostOf('narrow', ['a'], [routeOf('r', { path: pathOf('exact', '/x') })]);
    expect(compiled([narrow, hostOf('any', ['*'])]).match(request('a', '/y'), random)).toBeNull();
  });
});

describe('paths', () => {
  const rows: readonly (readonly [path: PathMatch, yes: readonly string[], no: readonly string[]])[] = [
    [pathOf('exact', '/a'), ['/a', '/a?x=1', '/a#f'], ['/a/', '/A', '/ab', '/']],
    [pathOf('exact', '/A/b', true), ['/a/B', '/A/b?Q'], ['/a/bc']],
    [pathOf('prefix', '/a'), ['/a', '/ab', '/a/b?x'], ['/', '/A', '?/a']],
    [pathOf('prefix', '/aB', true), ['/Ab', '/ABc'], ['/a']],
    [pathOf('prefix', '/a?x'), [], ['/a?x']],
    [pathOf('separated-prefix', '/a'), ['/a', '/a/', '/a/b', '/a?x', '/a#f'], ['/ab', '/', '/A']],
    [pathOf('separated-prefix', '/A', true), ['/a', '/a/b'], ['/ab']],
    [{ kind: 'regex', value: '/u/[0-9]+' }, ['/u/1', '/u/42?x=y'], ['/u/', '/u/1/', 'x/u/1']],
  ];
  for (const [path, yes, no] of rows) {
    test(`${path.kind} ${path.value}`, () => {
      const table = compiled([hostOf('h', ['*'], [routeOf('r', { path })])]);
      for (const text of yes)
        expect([text, table.match(request('h', text), random)?.route.name]).toEqual([text, 'r']);
      for (const text of no) expect([text, table.match(request('h', text), random)]).toEqual([text, null]);
    });
  }
});

describe('headers and query', () => {
  const header = (name: string, match: StringMatch, invert = false): HeaderMatch => ({ name, match, invert });
  const text = (
    kind: 'exact' | 'prefix' | 'suffix' | 'contains',
    value: string,
    ignoreCase = false,
  ): StringMatch => ({
    kind,
    value,
    ignoreCase,
  });
  const present: StringMatch = { kind: 'present' };
  const rows: readonly (readonly [
    name: string,
    match: HeaderMatch,
    headers: Record<string, string>,
    found: boolean,
  ])[] = [
    ['exact', header('x-a', text('exact', 'v')), { 'x-a': 'v' }, true],
    ['exact differs', header('x-a', text('exact', 'v')), { 'x-a': 'V' }, false],
    ['exact without case', header('x-a', text('exact', 'V', true)), { 'x-a': 'v' }, true],
    ['prefix', header('x-a', text('prefix', 'v')), { 'x-a': 'vw' }, true],
    ['suffix', header('x-a', text('suffix', 'w')), { 'x-a': 'vw' }, true],
    ['contains', header('x-a', text('contains', 'oo')), { 'x-a': 'foot' }, true],
    ['regex', header('x-a', { kind: 'regex', value: 'v+' }), { 'x-a': 'vvv' }, true],
    ['regex is whole', header('x-a', { kind: 'regex', value: 'v+' }), { 'x-a': 'vvx' }, false],
    ['present', header('x-a', present), { 'x-a': '' }, true],
    ['present but missing', header('x-a', present), {}, false],
    ['absent', header('x-a', present, true), {}, true],
    ['absent but there', header('x-a', present, true), { 'x-a': 'v' }, false],
    ['inverted', header('x-a', text('exact', 'v'), true), { 'x-a': 'w' }, true],
    ['inverted, equal', header('x-a', text('exact', 'v'), true), { 'x-a': 'v' }, false],
    ['inverted, missing', header('x-a', text('exact', 'v'), true), {}, false],
    ['missing as empty', { ...header('x-a', text('exact', '')), missingIsEmpty: true }, {}, true],
    [
      'inverted, missing as empty',
      { ...header('x-a', text('exact', 'v'), true), missingIsEmpty: true },
      {},
      true,
    ],
    ['present, missing as empty', { ...header('x-a', { kind: 'present' }), missingIsEmpty: true }, {}, true],
    ['in a range', header('x-a', { kind: 'range', start: 1, end: 12 }), { 'x-a': '11' }, true],
    ['at the end of a range', header('x-a', { kind: 'range', start: 1, end: 12 }), { 'x-a': '12' }, false],
    ['no number in a range', header('x-a', { kind: 'range', start: -5, end: 12 }), { 'x-a': '1.5' }, false],
    ['method', header(':method', text('exact', 'GET')), {}, true],
    ['other method', header(':method', text('exact', 'POST')), {}, false],
    ['authority', header(':authority', text('suffix', 'h')), {}, true],
    ['path with query', header(':path', text('exact', '/p?a=1&b=&c')), {}, true],
    ['unknown pseudo header', header(':scheme', present), {}, false],
    ['upper-case name', header('X-A', text('exact', 'v')), { 'x-a': 'v' }, true],
  ];
  for (const [name, match, headers, found] of rows) {
    test(`header: ${name}`, () => {
      const table = compiled([hostOf('h', ['*'], [routeOf('r', { headers: [match] })])]);
      expect(table.match(request('h', '/p?a=1&b=&c', headers), random) !== null).toBe(found);
    });
  }

  const queries: readonly (readonly [path: string, name: string, match: StringMatch, found: boolean])[] = [
    ['/?a=1', 'a', text('exact', '1'), true],
    ['/?b=2&a=1', 'a', text('exact', '1'), true],
    ['/?aa=1', 'a', present, false],
    ['/?a', 'a', present, true],
    ['/?a', 'a', text('exact', ''), true],
    ['/?a=1&a=2', 'a', text('exact', '2'), false],
    ['/?a=1#a=2', 'a', text('exact', '1'), true],
    ['/#?a=1', 'a', present, false],
    ['/a=1', 'a', present, false],
    ['/?', 'a', present, false],
    ['/?x=a=1', 'a', present, false],
    ['/?a=b%20c', 'a', text('exact', 'b%20c'), true],
    ['/?a=x=y', 'a', text('exact', 'x=y'), true],
    ['/?a=12', 'a', { kind: 'regex', value: '\\d+' }, true],
  ];
  for (const [path, name, match, found] of queries) {
    test(`query: ${path} ${name} ${match.kind}`, () => {
      const table = compiled([hostOf('h', ['*'], [routeOf('r', { query: [{ name, match }] })])]);
      expect(table.match(request('h', path), random) !== null).toBe(found);
    });
  }
});

describe('weights', () => {
  test('are shares; 0 is never chosen', () => {
    const table = compiled([hostOf('h', ['*'], [routeOf('r', {}, [0, 1, 0, 3, 0])])]);
    const counts = new Map<string, number>();
    for (let turn = 0; turn < 20_000; turn++) {
      const cluster = table.match(request('h', '/'), random)!.cluster!.cluster;
      counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['r-1', 'r-3']);
    // Binomial 99.9 % bound around 0.75 of 20,000.
    expect(Math.abs(counts.get('r-3')! / 20_000 - 0.75)).toBeLessThan(
      (3.3 * Math.sqrt(0.75 * 0.25)) / Math.sqrt(20_000),
    );
  });

  test('0 is never chosen at the ends of the random range either', () => {
    const at = (value: number): Random => ({ uint32: () => 0, below: () => 0, float: () => value });
    const table = compiled([hostOf('h', ['*'], [routeOf('r', {}, [0, 2, 0, 1, 0])])]);
    expect(table.match(request('h', '/'), at(0))!.cluster!.cluster).toBe('r-1');
    expect(table.match(request('h', '/'), at(1 - 2 ** -53))!.cluster!.cluster).toBe('r-3');
  });

  test('one cluster takes no random number', () => {
    const never: Random = {
      uint32: () => expect.unreachable(),
      below: () => expect.unreachable(),
      float: () => expect.unreachable(),
    };
    const table = compiled([hostOf('h', ['*'], [routeOf('r', {}, [0, 5])])]);
    expect(table.match(request('h', '/'), never)!.cluster!.cluster).toBe('r-1');
  });

  test('the same hit object is given each time', () => {
    const table = compiled([hostOf('h', ['*'])]);
    expect(table.match(request('h', '/'), random)).toBe(table.match(request('h', '/x'), random));
  });
});

describe('what is refused', () => {
  const rows: readonly (readonly [name: string, hosts: readonly VirtualHost[], issue: string])[] = [
    [
      'a domain twice',
      [hostOf('a', ['x']), hostOf('b', ['X'])],
      'virtual_hosts[1].domains[0]: must be unique',
    ],
    ['* twice', [hostOf('a', ['*']), hostOf('b', ['*'])], 'must be unique'],
    ['a wildcard twice', [hostOf('a', ['*.x', '*.x'])], 'virtual_hosts[0].domains[1]: must be unique'],
    ['a * inside', [hostOf('a', ['a.*.b'])], 'one * at one end'],
    ['a * at both ends', [hostOf('a', ['*a*'])], 'one * at one end'],
    ['an empty domain', [hostOf('a', [''])], 'must not be empty'],
    ['no domain', [hostOf('a', [])], 'at least one domain'],
    [
      'look-around',
      [hostOf('a', ['*'], [routeOf('r', { path: { kind: 'regex', value: '/(?!x).*' } })])],
      'virtual_hosts[0].routes[0].match.safe_regex.regex: must be a regular expression of RE2: look-around',
    ],
    [
      'a back-reference in a header',
      [
        hostOf(
          'a',
          ['*'],
          [
            routeOf('r', {
              headers: [{ name: 'x', match: { kind: 'regex', value: '(a)\\1' }, invert: false }],
            }),
          ],
        ),
      ],
      'routes[0].match.headers[0]: must be a regular expression of RE2: back-references',
    ],
    ['weights of 0', [hostOf('a', ['*'], [routeOf('r', {}, [0, 0])])], 'sum to 1'],
    ['no cluster', [hostOf('a', ['*'], [routeOf('r', {}, [])])], 'sum to 1'],
    ['half a weight', [hostOf('a', ['*'], [routeOf('r', {}, [0.5])])], 'whole weights'],
    ['too much weight', [hostOf('a', ['*'], [routeOf('r', {}, [2 ** 32 - 1, 1])])], 'sum to 1 to 4294967295'],
    [
      'a separated prefix with a slash at its end',
      [hostOf('a', ['*'], [routeOf('r', { path: pathOf('separated-prefix', '/a/') })])],
      'path_separated_prefix: must start with /',
    ],
  ];
  for (const [name, hosts, issue] of rows) {
    test(name, () => {
      const issues = issuesOf(hosts);
      expect(issues.length).toBe(1);
      expect(issues[0]).toContain(issue);
    });
  }

  test('all faults are reported at once', () => {
    const bad = routeOf('r', { path: { kind: 'regex', value: '(' } });
    expect(issuesOf([hostOf('a', ['', 'b'], [bad, bad]), hostOf('b', ['b'])]).length).toBe(4);
  });
});

describe('the index', () => {
  const value = fc.constantFrom(
    '/',
    '/a',
    '/b',
    '/a/',
    '/a/b',
    '/a/b/',
    '/a/b/c',
    '/ab',
    '/A',
    '/c/d',
    '//',
    '',
  );
  const path: fc.Arbitrary<PathMatch> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('exact' as const, 'prefix' as const),
      value,
      ignoreCase: fc.boolean(),
    }),
    fc.record({
      kind: fc.constant('separated-prefix' as const),
      value: fc.constantFrom('/a', '/a/b', '/ab', '/A', '/c/d'),
      ignoreCase: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('regex' as const), value: fc.constantFrom('/a.*', '/[ab]', '.*/d') }),
  );
  const route = fc.record({ path, guarded: fc.boolean() });
  const asked = fc.tuple(
    fc.constantFrom(
      '/',
      '/a',
      '/a/',
      '/a/b',
      '/a/b/c',
      '/a/b/c/d',
      '/ab',
      '/abc',
      '/A/B',
      '/c/d',
      '/c',
      '//',
      '//x',
      '*',
      '',
    ),
    fc.constantFrom('', '?q=1', '?/a/b', '#x', '?'),
    fc.boolean(),
  );

  const tables = new Map<string, RouteTable>();
  const tableOfOne = (match: RouteMatch): RouteTable => {
    const key = JSON.stringify(match);
    const table = tables.get(key) ?? compiled([hostOf('h', ['*'], [routeOf('one', match)])]);
    tables.set(key, table);
    return table;
  };

  test('finds the same route as walking all of them in order', () => {
    fc.assert(
      fc.property(
        fc.array(route, { minLength: policyLimits.routesWalkedMax + 1, maxLength: 40 }),
        fc.array(asked),
        (routes, paths) => {
          const guard: HeaderMatch = { name: 'x-g', match: { kind: 'present' }, invert: false };
          const all = routes.map(({ path: match, guarded }, index) =>
            routeOf(String(index), { path: match, headers: guarded ? [guard] : [] }),
          );
          const table = compiled([hostOf('h', ['*'], all)]);
          // The oracle: a table of one route each, asked in order; tables this small are walked.
          const alone = all.map(({ match }) => tableOfOne(match));
          for (const [start, query, guarded] of paths) {
            const view = request('h', start + query, guarded ? { 'x-g': '1' } : {});
            const expected = alone.findIndex((one) => one.match(view, random) !== null);
            expect(table.match(view, random)?.route.name ?? '-1').toBe(String(expected));
          }
        },
      ),
      { numRuns: runs(150), seed: 1 },
    );
  });
});

test('one draw decides for all routes that take a share, walked or indexed', () => {
  for (const others of [0, policyLimits.routesWalkedMax]) {
    const unasked = Array.from({ length: others }, (_, index) =>
      routeOf(`other-${index}`, { path: { kind: 'exact', value: `/other/${index}`, ignoreCase: false } }),
    );
    const table = compiled([
      hostOf(
        'a',
        ['*'],
        [
          routeOf('never', { share: 0 }),
          routeOf('few', { share: 0.25 }),
          routeOf('half', { share: 0.5 }),
          routeOf('rest', {}),
          ...unasked,
        ],
      ),
    ]);
    const counts: Record<string, number> = {};
    for (let index = 0; index < 4000; index++) {
      const name = table.match(request('a', '/x'), random)?.route.name ?? '';
      counts[name] = (counts[name] ?? 0) + 1;
    }
    expect(Object.keys(counts).sort()).toEqual(['few', 'half', 'rest']);
    for (const [name, expected] of [
      ['few', 1000],
      ['half', 1000],
      ['rest', 2000],
    ] as const)
      expect(Math.abs((counts[name] ?? 0) - expected)).toBeLessThan(150);
  }
});
