import { describe, expect, test } from 'bun:test';
import { formatIssue } from '../base/index.ts';
import { parseScenario, parseStatuses, type ScenarioRequest } from './scenario.ts';

function parsed(...requests: readonly Record<string, unknown>[]): readonly ScenarioRequest[] {
  const scenario = parseScenario({ requests }, 'file');
  if (!scenario.ok) throw new Error(scenario.error.map(formatIssue).join('\n'));
  return scenario.value.requests;
}

function issuesOf(document: unknown): string[] {
  const scenario = parseScenario(document, 'file');
  return scenario.ok ? [] : scenario.error.map(formatIssue);
}

test('a URL alone is a GET of it', () => {
  expect(parsed({ url: 'http://127.0.0.1:8080/a/b?c=d#e' })[0]).toMatchObject({
    host: '127.0.0.1',
    port: 8080,
    authority: '127.0.0.1:8080',
    path: '/a/b?c=d',
    method: 'GET',
    headers: [],
    body: null,
    weight: 1,
    idempotencyKey: false,
  });
});

test('a host header names the service, the URL the place', () => {
  const [request] = parsed({ url: 'http://localhost', headers: { Host: 'ledger.bank', 'X-A': 'b' } });
  expect(request).toMatchObject({
    host: 'localhost',
    port: 80,
    authority: 'ledger.bank',
    path: '/',
    headers: [['x-a', 'b']],
  });
});

test('an IPv6 address is taken out of its brackets', () => {
  expect(parsed({ url: 'http://[::1]:81/' })[0]).toMatchObject({
    host: '::1',
    port: 81,
    authority: '[::1]:81',
  });
});

test.each([
  ['http://h/a/../b?x=%2F', '/a/../b?x=%2F'],
  ["http://h/a//b?q='<>|{}", "/a//b?q='<>|{}"],
  ['http://h?q=1', '/?q=1'],
  ['http://h', '/'],
  ['HTTP://h/A%zz#f', '/A%zz'],
])('the target of %s is sent as written', (url, path) => {
  expect(parsed({ url })[0]!.path).toBe(path);
});

describe('headers', () => {
  test('a name may have several values, and a list may repeat it', () => {
    const twice = [
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
    ] as const;
    expect(parsed({ url: 'http://h', headers: { Cookie: ['a=1', 'b=2'] } })[0]!.headers).toEqual(twice);
    const list = [
      ['Cookie', 'a=1'],
      ['cookie', 'b=2'],
    ];
    expect(parsed({ url: 'http://h', headers: list })[0]!.headers).toEqual(twice);
  });

  test('a value is sent as the bytes of its UTF-8', () => {
    const [request] = parsed({ url: 'http://h', headers: { 'x-name': 'é€' } });
    const value = Buffer.from(request!.headers[0]![1], 'latin1');
    expect([...value]).toEqual([...Buffer.from('é€')]);
  });
});

test('a body of bytes stays as it is', () => {
  const body = Uint8Array.from({ length: 256 }, (_, at) => at);
  expect(parsed({ url: 'http://h', method: 'POST', body })[0]!.body).toEqual(body);
});

test('a body is UTF-8', () => {
  expect(parsed({ url: 'http://h', method: 'POST', body: 'é' })[0]!.body).toEqual(
    new Uint8Array([0xc3, 0xa9]),
  );
});

describe('refused', () => {
  const rows: readonly (readonly [name: string, document: unknown, issue: string])[] = [
    ['nothing', null, 'file: '],
    ['no requests', { requests: [] }, 'requests'],
    ['an unknown key', { requests: [{ url: 'http://h', wait: 1 }] }, 'requests[0]'],
    ['ftp', { requests: [{ url: 'ftp://h' }] }, 'requests[0].url: must be an http:// or https:// URL'],
    ['no URL', { requests: [{ url: 'nonsense' }] }, 'requests[0].url'],
    ['a space in the path', { requests: [{ url: 'http://h/a b' }] }, 'percent-encoded'],
    ['a path beyond ASCII', { requests: [{ url: 'http://h/ü' }] }, 'percent-encoded'],
    [
      'two hosts',
      {
        requests: [
          {
            url: 'http://h',
            headers: [
              ['host', 'a'],
              ['Host', 'b'],
            ],
          },
        ],
      },
      'must have one Host',
    ],
    ['a user', { requests: [{ url: 'http://u:p@h' }] }, 'requests[0].url'],
    [
      'a method of two words',
      { requests: [{ url: 'http://h', method: 'GET /' }] },
      'requests[0].method: must be a token',
    ],
    [
      'a header of two lines',
      { requests: [{ url: 'http://h', headers: { a: 'b\r\nc: d' } }] },
      'must be one line',
    ],
    [
      'a header name with a space',
      { requests: [{ url: 'http://h', headers: { 'a b': 'c' } }] },
      'tokens as names',
    ],
    [
      'framing',
      { requests: [{ url: 'http://h', headers: { 'Content-Length': '3' } }] },
      'must leave framing',
    ],
    ['a weight of 0', { requests: [{ url: 'http://h', weight: 0 }] }, 'requests[0].weight'],
    ['statuses', { requests: [{ url: 'http://h', status: '2xx' }] }, 'requests[0].status: must be statuses'],
  ];
  for (const [name, document, issue] of rows) {
    test(name, () => {
      const issues = issuesOf(document);
      expect(issues.length).toBe(1);
      expect(issues[0]).toContain(issue);
    });
  }

  test('everything at once', () => {
    expect(issuesOf({ requests: [{ url: 'x' }, { url: 'http://h', status: '' }] }).length).toBe(2);
  });
});

test('statuses are single ones and ranges', () => {
  const expects = parseStatuses('200, 300-302')!;
  expect([200, 201, 299, 300, 302, 303].map(expects)).toEqual([true, false, false, true, true, false]);
  for (const wrong of ['', '99', '600', '300-200', '2', 'a', '200-']) expect(parseStatuses(wrong)).toBeNull();
});

describe('calls of gRPC', () => {
  const url = 'http://h/bank.Teller/Pay';

  test('a message is JSON until its method is known', () => {
    const scenario = parseScenario(
      { requests: [{ url, message: { a: 1 }, messages: 3, deadline: '1.5s' }], proto: 'bank.proto' },
      'file',
    );
    if (!scenario.ok) throw new Error(scenario.error.map(formatIssue).join('\n'));
    const [request] = scenario.value.requests;
    expect(scenario.value.descriptors).toEqual({ proto: ['bank.proto'], importPaths: [], reflection: false });
    expect([request!.json, request!.call?.deadlineMs]).toEqual([{ values: [{ a: 1 }], count: 3 }, 1500]);
    expect(request!.headers).toContainEqual(['grpc-timeout', '1500000u']);
  });

  test.each([
    ['200ms', '200000u'],
    ['2h', '7200000m'],
    ['168h', '604800S'],
  ])('a deadline of %s', (deadline, expected) => {
    const scenario = parseScenario({ requests: [{ url, grpc: true, deadline }] }, 'file');
    const timeout = scenario.ok
      ? scenario.value.requests[0]!.headers.find(([name]) => name === 'grpc-timeout')
      : null;
    expect(timeout?.[1] ?? '1').toBe(expected);
  });

  test.each([
    [{ message: {} }, 'requests[0].message: must have proto, or reflection'],
    [{ message: {}, body: 'x' }, 'requests[0].message: must stand without a body'],
    [{ messages: 2 }, 'requests[0].messages: must stand with grpc (got 2)'],
    [{ grpc: true, messages: 2 }, 'requests[0].messages: must stand with a message (got 2)'],
    [{ deadline: '1s' }, 'requests[0].deadline: must stand with grpc (got 1s)'],
    [
      { grpc: true, deadline: 'soon' },
      'requests[0].deadline: must be a time as 10s, 500ms or 5m, at most 7 days',
    ],
    [{ grpc: true, messageInterval: 'x' }, 'requests[0].messageInterval: must be a time'],
  ])('%j is refused', (request, words) => {
    expect(issuesOf({ requests: [{ url, ...request }] }).join('\n')).toContain(words);
  });
});
