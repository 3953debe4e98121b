// Who is heard against whose object: a proven pod is sent much that is others', and may refuse it in any words.

import { describe, expect, test } from 'bun:test';
import { isBelieved, joinVoices, plain, voiceOf } from './refusals.ts';

const ledger = 'bank/ServicePolicy/ledger';

describe('against bank/ServicePolicy/ledger', () => {
  test.each<readonly [string, readonly string[], boolean]>([
    ['a pod of its namespace', ['sidecar~ledger-0.bank'], true],
    ['a pod of its namespace whose name has dots', ['grpc~ledger.v1.bank'], true],
    ['an agent of a node', ['agent~node-1'], true],
    ['one that proved nothing', ['envoy-7'], true],
    ['a pod of another namespace', ['sidecar~x.evil'], false],
    ['many of another namespace', ['sidecar~x.evil', 'sidecar~y.evil', 'gateway~z.evil'], false],
    ['a gateway’s proxy of another namespace', ['gateway~edge-0.edge'], false],
    ['pods of two other namespaces', ['sidecar~x.shop', 'sidecar~y.web'], true],
    ['a pod that is named as one of it', ['sidecar~bank.evil'], false],
  ])('%s', (_, nodes, believed) => {
    const voices = joinVoices(nodes.map((node) => voiceOf(node, ledger)));
    expect(isBelieved({ nodeId: '', message: '', proxies: nodes.length, voices })).toBe(believed);
    expect(voices.length).toBeLessThanOrEqual(2);
  });
});

test('a Gateway’s proxy is heard about what reaches it by its Gateway, wherever that is', () => {
  for (const owner of ['edge/Gateway/a', 'shop/HTTPRoute/a', 'shop/TLSRoute/a', 'shop/ListenerSet/a'])
    expect([owner, voiceOf('gateway~x.edge', owner)]).toEqual([owner, '*']);
  expect(voiceOf('sidecar~x.edge', 'shop/HTTPRoute/a')).toBe('edge');
});

test('words are one line, and bounded', () => {
  expect(plain('no\n\u001b[31mWarning\u2028\u202ehere')).toBe('no [31mWarning here');
  expect(plain('x'.repeat(5_000))).toHaveLength(500);
});
