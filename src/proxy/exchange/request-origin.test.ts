import { describe, expect, test } from 'bun:test';
import { createIpRange, type IpRange } from '../../base/index.ts';
import type { SecureFacts } from '../../net/index.ts';
import { createRequestHead, type RequestHead } from '../../wire/index.ts';
import type { HttpOptions } from '../config/types.ts';
import { httpOptions, ip } from '../testing/configs.ts';
import { type RequestOrigin, sanitizeRequest, strippedNames } from './request-origin.ts';

const loopback = createIpRange('127.0.0.0', 8) as IpRange;
const ten = createIpRange('10.0.0.0', 8) as IpRange;

const origins: Readonly<Record<RequestOrigin, Partial<HttpOptions>>> = {
  internal: { useRemoteAddress: true, internalRanges: [loopback] },
  external: {},
  edge: { useRemoteAddress: true },
};

function headWith(fields: readonly (readonly [string, string])[]): RequestHead {
  const head = createRequestHead('GET', '/', 'a', []);
  for (const [name, value] of fields) head.add(name, value);
  return head;
}

function sanitize(
  fields: readonly (readonly [string, string])[],
  http: Partial<HttpOptions>,
  secure = false,
) {
  const head = headWith(fields);
  const origin = sanitizeRequest(
    head,
    { remote: ip(4000), local: ip(80), secure: secure ? ({} as SecureFacts) : null },
    httpOptions(http),
    null,
  );
  return { head, origin };
}

for (const [origin, http] of Object.entries(origins)) {
  describe(`${origin} requests`, () => {
    const names = strippedNames[origin as RequestOrigin];
    for (const name of new Set(Object.values(strippedNames).flat())) {
      const stripped = names.includes(name);
      test(`${name} ${stripped ? 'is stripped' : 'passes'}`, () => {
        const { head, origin: found } = sanitize([[name, 'forged']], http);
        expect(found).toBe(origin as RequestOrigin);
        expect(head.getName(name) ?? '').not.toBe(stripped ? 'forged' : '');
        if (!stripped) expect(head.getName(name)).toBe('forged');
      });
    }
  });
}

interface Case {
  readonly name: string;
  readonly http: Partial<HttpOptions>;
  readonly fields: readonly (readonly [string, string])[];
  readonly expected: Readonly<Record<string, string | null>>;
}

const two = ['x-forwarded-for', '8.8.8.8, 10.0.0.1'] as const;

const cases: readonly Case[] = [
  {
    name: 'without use_remote_address a chain passes untouched',
    http: {},
    fields: [two],
    expected: { 'x-forwarded-for': '8.8.8.8, 10.0.0.1', 'x-forwarded-proto': 'http' },
  },
  {
    name: 'an edge appends its peer and names it',
    http: { useRemoteAddress: true },
    fields: [two, ['x-envoy-external-address', '1.1.1.1']],
    expected: { 'x-forwarded-for': '8.8.8.8, 10.0.0.1,127.0.0.1', 'x-envoy-external-address': '127.0.0.1' },
  },
  {
    name: 'one trusted hop names the last of the chain',
    http: { useRemoteAddress: true, trustedHops: 1 },
    fields: [two],
    expected: { 'x-envoy-external-address': '10.0.0.1' },
  },
  {
    name: 'two trusted hops name the one before',
    http: { useRemoteAddress: true, trustedHops: 2 },
    fields: [two],
    expected: { 'x-envoy-external-address': '8.8.8.8' },
  },
  {
    name: 'more hops than the chain has: the peer',
    http: { useRemoteAddress: true, trustedHops: 9 },
    fields: [two],
    expected: { 'x-envoy-external-address': '127.0.0.1' },
  },
  {
    name: 'no address in the chain: the peer',
    http: { useRemoteAddress: true, trustedHops: 1 },
    fields: [['x-forwarded-for', 'zzz']],
    expected: { 'x-envoy-external-address': '127.0.0.1', 'x-forwarded-for': 'zzz,127.0.0.1' },
  },
  {
    name: 'skip_xff_append leaves the chain alone',
    http: { useRemoteAddress: true, skipForwardedFor: true },
    fields: [two],
    expected: { 'x-forwarded-for': '8.8.8.8, 10.0.0.1' },
  },
  {
    name: 'an edge says the scheme itself',
    http: { useRemoteAddress: true },
    fields: [['x-forwarded-proto', 'https']],
    expected: { 'x-forwarded-proto': 'http' },
  },
  {
    name: 'behind a trusted hop the scheme is the one it said',
    http: { useRemoteAddress: true, trustedHops: 1 },
    fields: [['x-forwarded-proto', 'https']],
    expected: { 'x-forwarded-proto': 'https' },
  },
  {
    name: 'a single internal address in the chain is internal',
    http: { internalRanges: [ten] },
    fields: [['x-forwarded-for', '10.0.0.1']],
    expected: { 'x-envoy-internal': 'true' },
  },
  {
    name: 'a chain of two is not: its sender wrote the first',
    http: { internalRanges: [ten] },
    fields: [['x-forwarded-for', '10.0.0.1, 10.0.0.2']],
    expected: { 'x-envoy-internal': null },
  },
  {
    name: 'a chain sent to an internal edge is not',
    http: { useRemoteAddress: true, internalRanges: [loopback] },
    fields: [['x-forwarded-for', '10.0.0.1']],
    expected: { 'x-envoy-internal': null },
  },
  {
    name: 'no address in the chain is not, wherever it was sent from',
    http: { internalRanges: [loopback] },
    fields: [['x-forwarded-for', 'zzz']],
    expected: { 'x-envoy-internal': null },
  },
  {
    name: 'where nothing is said no address is internal',
    http: {},
    fields: [
      ['x-forwarded-for', '10.0.0.1'],
      ['x-envoy-internal', 'true'],
    ],
    expected: { 'x-envoy-internal': null },
  },
];

for (const { name, http, fields, expected } of cases) {
  test(name, () => {
    const { head } = sanitize(fields, http);
    const found = Object.fromEntries(Object.keys(expected).map((field) => [field, head.getName(field)]));
    expect(found).toEqual({ ...expected });
  });
}

test('TLS is https', () => {
  expect(sanitize([], {}, true).head.getName('x-forwarded-proto')).toBe('https');
});
