import { expect, test } from 'bun:test';
import { formatIssue, type Issue, type Result } from '../../base/index.ts';
import { loadLimits } from '../limits.ts';
import { parseMessages } from '../parse-messages.ts';
import type { ScenarioRequest } from '../scenario.ts';
import { planCalls } from './plan-calls.ts';

const proto = `syntax = "proto3"; package bank;
  service Teller { rpc Pay (Order) returns (Order); rpc PayAll (stream Order) returns (Order); }
  message Order { string to = 1; bytes proof = 2; }`;

const request: ScenarioRequest = {
  host: 'h',
  port: 1,
  authority: 'h',
  path: '/bank.Teller/Pay',
  method: 'POST',
  headers: [],
  body: null,
  call: { deadlineMs: 0, messageBytes: [], messageIntervalMs: 0 },
  json: { values: [{ to: 'a' }], count: 0 },
  weight: 1,
  secure: false,
  idempotencyKey: false,
  expects: () => true,
};

async function plan(changes: Partial<ScenarioRequest>): Promise<Result<readonly ScenarioRequest[]>> {
  const sources = { proto: ['bank.proto'], importPaths: [], reflection: false };
  return planCalls([{ ...request, ...changes }], sources, {
    network: null as never,
    clock: null as never,
    read: () => proto,
    tlsOf: () => null,
    addressOf: () => null as never,
    object: 'file',
  });
}

async function planned(changes: Partial<ScenarioRequest>): Promise<readonly ScenarioRequest[]> {
  const calls = await plan(changes);
  if (!calls.ok) throw new Error(calls.error.map(formatIssue).join());
  return calls.value;
}

test('messages of a unary call become requests that take turns', async () => {
  const calls = await planned({ json: { values: [{ to: 'a' }, { to: 'bc' }], count: 0 } });
  expect(calls.map(({ body }) => Buffer.from(body!).toString('hex'))).toEqual([
    '00000000030a0161',
    '00000000040a026263',
  ]);
});

test('messages of a stream follow each other, again and again', async () => {
  const [call] = await planned({
    path: 'bank.Teller.PayAll',
    json: { values: [{ to: 'a' }, {}], count: 3 },
  });
  expect([call!.path, call!.call?.messageBytes]).toEqual(['/bank.Teller/PayAll', [8, 5, 8]]);
});

test('a stream may be empty', async () => {
  const [call] = await planned({ path: '/bank.Teller/PayAll', json: { values: [], count: 0 } });
  expect([call!.body, call!.call?.messageBytes]).toEqual([null, []]);
});

const big = { proof: Buffer.alloc(40 * 1024 * 1024).toString('base64') };

test.each<[string, Partial<ScenarioRequest>, string]>([
  ['no method', { path: '/' }, 'file: method: must be as package.Service/Method (got /)'],
  [
    'a service misspelt',
    { path: '/bank.Taller/Pay' },
    'must name a service; did you mean bank.Teller? (got bank.Taller)',
  ],
  [
    'another method',
    { path: '/bank.Teller/Refund' },
    'must name a method of bank.Teller, one of Pay, PayAll (got Refund)',
  ],
  [
    'an unknown field',
    { json: { values: [{ from: 'a' }], count: 0 } },
    'file bank.Teller/Pay: data: cannot decode',
  ],
  [
    'one of two',
    { json: { values: [{}, { to: 1 }], count: 0 } },
    'data[1]: cannot decode field bank.Order.to from JSON',
  ],
  ['no message', { json: { values: [], count: 0 } }, 'file bank.Teller/Pay: data: must have a message'],
  [
    'a stream of a unary call',
    { json: { values: [{}], count: 2 } },
    'messages: must stand with a method that takes a stream (got 2)',
  ],
  [
    'too many bytes',
    { path: '/bank.Teller/PayAll', json: { values: [big], count: 2 } },
    `data: must have at most ${loadLimits.bodyBytesMax} bytes`,
  ],
  [
    'too many messages',
    { json: { values: Array(loadLimits.messagesMax + 1).fill({}), count: 0 } },
    `data: must have at most ${loadLimits.messagesMax} messages`,
  ],
])('%s', async (_name, changes, words) => {
  const calls = await plan(changes);
  expect(calls.ok ? '' : calls.error.map(formatIssue).join('\n')).toContain(words);
});

test.each<[string, unknown]>([
  ['{"a": 1}', [{ a: 1 }]],
  ['[{"a": 1}, {}]', [{ a: 1 }, {}]],
  ['{"a": 1}\n\n{}\n', [{ a: 1 }, {}]],
])('messages in %j', (text, values) => {
  expect(parseMessages(text, 'file')).toEqual({ ok: true, value: values as never });
});

test('a line that is no JSON is named', () => {
  const parsed = parseMessages('{}\n{', 'file') as { readonly ok: false; readonly error: Issue };
  expect(formatIssue(parsed.error)).toBe(
    'file: line 2: must be JSON: a message, a list, or one a line (got {)',
  );
});
