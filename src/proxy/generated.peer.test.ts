// Three hundred configurations made by chance from what the connection manager and its routes can be told, each asked
// the same requests by a real Envoy's listener and by Weft's: what the backend saw and what the client got is the same.
// `WEFT_SEED` plays others; what differed once stays as a case of its own in the tests of its part.

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { networkInterfaces } from 'node:os';
import fc from 'fast-check';
import { describeWith } from '../testing/programs.ts';
import { type Ask, BesideEnvoy, type Case, type Told } from './testing/beside-envoy.ts';
import { edits, oneOf, optional, routes } from './testing/generated-routes.ts';

setDefaultTimeout(120_000);

const casesCount = Number(process.env['WEFT_CASES'] ?? 300);
const asksCount = 6;
const seed = Number(process.env['WEFT_SEED'] ?? 20_261_126);

const manager = optional<unknown>({
  use_remote_address: fc.boolean(),
  skip_xff_append: fc.boolean(),
  xff_num_trusted_hops: oneOf(0, 1, 2),
  preserve_external_request_id: fc.boolean(),
  generate_request_id: fc.boolean(),
  add_user_agent: fc.boolean(),
  append_x_forwarded_port: fc.boolean(),
  strip_any_host_port: fc.boolean(),
  strip_trailing_host_dot: fc.boolean(),
  scheme_header_transformation: oneOf('http', 'https').map((scheme_to_overwrite) => ({
    scheme_to_overwrite,
  })),
});
const config = optional<unknown>({
  internal_only_headers: fc.constant(['x-b', 'x-number']),
  ignore_path_parameters_in_path_matching: fc.boolean(),
  ignore_port_in_host_matching: fc.boolean(),
  most_specific_header_mutations_wins: fc.boolean(),
});
const host = optional<unknown>({
  require_tls: oneOf('NONE', 'NONE', 'EXTERNAL_ONLY', 'ALL'),
  domains: oneOf(['*'], ['*'], ['*.example', 'backend'], ['a.example', '*.example:8080']),
});

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
  'x-forwarded-port: 99',
  'x-envoy-internal: true',
  'x-envoy-external-address: 1.2.3.4',
  'x-envoy-original-path: /forged',
  'x-request-id: given',
  'via: 1.1 before',
  'content-language: en',
  'host: a.example:8080',
  'host: a.example.',
  'host: a.example',
  'x-to: backend',
  'x-to: backend',
  'x-to: nowhere',
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
    host: fc.tuple(edits, host).map(([own, more]) => ({ ...own, ...more })),
    config,
    manager,
    asks: fc.array(ask, { minLength: asksCount, maxLength: asksCount }),
  })
  .map(({ config: more, ...parts }) => ({ name: 'made', ...parts, config: more }));

/** Own addresses, for which Envoy writes its own in x-forwarded-for when a client is on the same machine. */
const own = new Set(
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address)),
);

/** Where there is no route or no cluster: Envoy says nothing, and to HEAD the length alone tells. */
const unrouted: ReadonlyMap<string | undefined, string> = new Map([
  ['8', 'no route'],
  ['15', 'no such cluster'],
]);

function withoutWords(told: Told): Told {
  const { answer } = told;
  if (typeof answer === 'string' || told.seen !== null) return told;
  const { 'content-length': length, 'content-type': _, ...fields } = answer.fields;
  const words = unrouted.get(length);
  if (words === undefined || ![words, ''].includes(answer.body)) return told;
  return { ...told, answer: { ...answer, fields, body: '' } };
}

/** Whether a list is in one line or several is the writer's choice (RFC 9110 section 5.3). */
function comparable(told: Told | undefined): unknown {
  if (told?.seen === undefined || told.seen === null) return told && withoutWords(told);
  const fields = Object.entries(told.seen.fields).map(([name, value]) => {
    // A list's empty members are none.
    const parts = value
      .split(/, ?/)
      .filter((part) => part !== '')
      .map((part) => (name === 'x-forwarded-for' && own.has(part) ? 'own' : part))
      .map((part) => (name === 'x-forwarded-port' && part !== '99' ? 'own port' : part));
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
