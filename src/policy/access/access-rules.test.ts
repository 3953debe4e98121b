import { describe, expect, test } from 'bun:test';
import { createIpRange, parseIp } from '../../base/index.ts';
import type { StringMatch } from '../route/index.ts';
import {
  type AccessFacts,
  AccessRules,
  type AccessRulesConfig,
  type Condition,
  type ValueMatch,
} from './index.ts';

const exact = (value: string): StringMatch => ({ kind: 'exact', value, ignoreCase: false });

interface Setup {
  readonly fields?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly sources?: Readonly<Record<'direct' | 'connection' | 'client', string>>;
  readonly destination?: string;
  readonly port?: number;
  readonly serverName?: string;
  readonly principals?: readonly string[] | null;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

function factsOf(setup: Setup): AccessFacts {
  const sources = setup.sources ?? { direct: '127.0.0.1', connection: '10.0.0.1', client: '2001:db8::1' };
  return {
    head: {
      method: 'GET',
      authority: 'a.example',
      path: setup.path ?? '/a?b=c',
      getName: (name) => setup.fields?.[name] ?? null,
    },
    source: (of) => parseIp(sources[of]),
    destination: () => parseIp(setup.destination ?? '10.0.0.9'),
    destinationPort: setup.port ?? 80,
    serverName: setup.serverName ?? '',
    principals: () => setup.principals ?? null,
    metadata: (filter) => (filter === 'f' ? setup.metadata : undefined),
  };
}

function holds(condition: Condition, setup: Setup = {}): boolean {
  const always: Condition = { kind: 'always' };
  const policies = (permission: Condition, principal: Condition) => [
    { name: 'p', permissions: [permission], principals: [principal] },
  ];
  const facts = factsOf(setup);
  const asPermission = new AccessRules({ action: 'allow', policies: policies(condition, always) });
  const asPrincipal = new AccessRules({ action: 'allow', policies: policies(always, condition) });
  expect(asPermission.judge(facts)).toEqual(asPrincipal.judge(facts));
  return asPermission.judge(facts).allowed;
}

function range(text: string) {
  const [address = '', bits = ''] = text.split('/');
  const made = createIpRange(address, Number(bits));
  if (made === null) throw new Error(text);
  return made;
}

const yes: Condition = { kind: 'always' };
const no: Condition = { kind: 'not', of: yes };

describe('a condition', () => {
  const source = (of: 'direct' | 'connection' | 'client', text: string): Condition => ({
    kind: 'source',
    of,
    range: range(text),
  });
  const spiffe = { principals: ['spiffe://x/a', 'a.example', 'CN=a'] };
  const cases: readonly (readonly [name: string, Condition, Setup, boolean])[] = [
    ['always', yes, {}, true],
    ['not', no, {}, false],
    ['all of none', { kind: 'all', of: [] }, {}, true],
    ['any of none', { kind: 'any', of: [] }, {}, false],
    ['all', { kind: 'all', of: [yes, no] }, {}, false],
    ['any', { kind: 'any', of: [no, yes] }, {}, true],
    [
      'a header',
      { kind: 'header', match: { name: 'x', match: exact('1'), invert: false } },
      { fields: { x: '1' } },
      true,
    ],
    [
      'a header that is missing',
      { kind: 'header', match: { name: 'x', match: exact('1'), invert: false } },
      {},
      false,
    ],
    ['the path without its query', { kind: 'path', match: exact('/a') }, {}, true],
    ['the path without its fragment', { kind: 'path', match: exact('/a') }, { path: '/a#b?c' }, true],
    ['the peer of the socket', source('direct', '127.0.0.0/8'), {}, true],
    ['whom PROXY names', source('connection', '10.0.0.0/8'), {}, true],
    ['whom forwarding fields name', source('client', '2001:db8::/32'), {}, true],
    ['another family', source('client', '10.0.0.0/8'), {}, false],
    ['a destination', { kind: 'destination', range: range('10.0.0.9/32') }, {}, true],
    ['another destination', { kind: 'destination', range: range('10.0.0.8/32') }, {}, false],
    ['a port', { kind: 'destination-port', start: 80, end: 81 }, {}, true],
    ['the end of a range of ports', { kind: 'destination-port', start: 70, end: 80 }, {}, false],
    ['a server name', { kind: 'server-name', match: exact('a') }, { serverName: 'a' }, true],
    ['nobody authenticated', { kind: 'authenticated', match: null }, {}, false],
    ['anybody authenticated', { kind: 'authenticated', match: null }, { principals: [''] }, true],
    ['a URI', { kind: 'authenticated', match: exact('spiffe://x/a') }, spiffe, true],
    ['a DNS name', { kind: 'authenticated', match: exact('a.example') }, spiffe, true],
    ['a subject', { kind: 'authenticated', match: exact('CN=a') }, spiffe, true],
    ['somebody else', { kind: 'authenticated', match: exact('spiffe://x/b') }, spiffe, false],
    [
      'anybody’s name without a certificate',
      { kind: 'authenticated', match: { kind: 'present' } },
      {},
      false,
    ],
  ];
  for (const [name, condition, setup, expected] of cases)
    test(name, () => expect(holds(condition, setup)).toBe(expected));
});

describe('metadata', () => {
  const metadata = { s: 'text', n: 2.5, b: true, z: null, l: ['a', 3], o: { k: 'deep' } };
  const cases: readonly (readonly [name: string, path: readonly string[], ValueMatch, boolean])[] = [
    ['a text', ['s'], { kind: 'string', match: exact('text') }, true],
    ['a text for a number', ['s'], { kind: 'number', min: 0, max: 9, exact: false }, false],
    ['a number in a range', ['n'], { kind: 'number', min: 2.5, max: 3, exact: false }, true],
    ['the end of a range', ['n'], { kind: 'number', min: 0, max: 2.5, exact: false }, false],
    ['a number', ['n'], { kind: 'number', min: 2.5, max: 2.5, exact: true }, true],
    ['yes', ['b'], { kind: 'bool', value: true }, true],
    ['no', ['b'], { kind: 'bool', value: false }, false],
    ['null', ['z'], { kind: 'null' }, true],
    ['what is missing is not null', ['q'], { kind: 'null' }, false],
    ['present', ['z'], { kind: 'present', value: true }, true],
    ['missing', ['q'], { kind: 'present', value: true }, false],
    ['absent', ['q'], { kind: 'present', value: false }, false],
    [
      'a member of a list',
      ['l'],
      { kind: 'list', item: { kind: 'number', min: 3, max: 3, exact: true } },
      true,
    ],
    ['a list of no such member', ['l'], { kind: 'list', item: { kind: 'bool', value: true } }, false],
    ['below', ['o', 'k'], { kind: 'string', match: exact('deep') }, true],
    ['below what is no object', ['s', 'k'], { kind: 'present', value: true }, false],
    ['what every object has', ['o', 'constructor'], { kind: 'present', value: true }, false],
    [
      'one or the other',
      ['b'],
      { kind: 'or', values: [{ kind: 'null' }, { kind: 'bool', value: true }] },
      true,
    ],
  ];
  for (const [name, path, value, expected] of cases) {
    const condition = (invert: boolean): Condition => ({
      kind: 'metadata',
      match: { filter: 'f', path, value, invert },
    });
    test(name, () => {
      expect(holds(condition(false), { metadata })).toBe(expected);
      expect(holds(condition(true), { metadata })).toBe(!expected);
    });
  }
});

describe('rules', () => {
  const policy = (name: string, permission: Condition): AccessRulesConfig['policies'][number] => ({
    name,
    permissions: [permission],
    principals: [yes],
  });
  const cases: readonly (readonly [
    AccessRulesConfig['action'],
    readonly Condition[],
    boolean,
    string | null,
  ])[] = [
    ['allow', [], false, null],
    ['deny', [], true, null],
    ['log', [], true, null],
    ['allow', [no, yes], true, 'p1'],
    ['deny', [no, yes], false, 'p1'],
    ['log', [yes, yes], true, 'p0'],
    ['allow', [no], false, null],
  ];
  for (const [action, permissions, allowed, name] of cases) {
    test(`${action} of ${permissions.length}: ${allowed ? 'allowed' : 'denied'} by ${name}`, () => {
      const policies = permissions.map((permission, index) => policy(`p${index}`, permission));
      expect(new AccessRules({ action, policies }).judge(factsOf({}))).toEqual({ allowed, policy: name });
    });
  }

  test('a policy takes both, a permission and a principal', () => {
    const policies = [{ name: 'p', permissions: [yes], principals: [no] }];
    expect(new AccessRules({ action: 'allow', policies }).judge(factsOf({})).allowed).toBe(false);
  });
});
