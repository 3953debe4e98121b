import { describe, expect, test } from 'bun:test';
import { createRequestHead } from '../../wire/index.ts';
import { clusterConfig, endpointConfig } from '../testing/configs.ts';
import { World } from '../testing/world.ts';
import { peerWishOf } from './peer-wish.ts';

const all = { header: '', asks: true, verifies: true };
const head = (authority: string, fields: readonly (readonly [string, string])[] = []) =>
  createRequestHead('GET', authority, '/', fields);

describe('whom a request is for', () => {
  const cases: readonly (readonly [authority: string, serverName: string | null, expected: string])[] = [
    ['a.example', 'a.example', 'a.example'],
    ['a.example:80', 'a.example', 'a.example'],
    ['10.0.0.1:80', null, '10.0.0.1'],
    ['[::1]:80', null, '::1'],
    [`${'a'.repeat(256)}`, null, 'a'.repeat(256)],
  ];
  for (const [authority, serverName, expected] of cases)
    test(authority.slice(0, 40), () =>
      expect(peerWishOf(head(authority), all)).toEqual({ serverName, expected }),
    );

  test('nobody', () => expect(peerWishOf(head(''), all)).toBeNull());

  test('whom a field names', () => {
    const named = { ...all, header: 'x-name', verifies: false };
    const wish = peerWishOf(head('a.example', [['x-name', 'b.example']]), named);
    expect(wish).toEqual({ serverName: 'b.example', expected: null });
    expect(peerWishOf(head('a.example', [['x-name', '']]), named)?.serverName).toBe('a.example');
  });
});

test('connections are for one name each, and those that nobody uses are forgotten', () => {
  const world = new World();
  world.apply({ clusters: [clusterConfig({ peerNames: all })], endpoints: { ledger: [endpointConfig(9)] } });
  const endpoint = world.cluster().endpoints[0]!;
  const first = endpoint.poolFor(1, false, null, head('a.example'));
  expect(endpoint.poolFor(1, false, null, head('a.example:80'))).toBe(first);
  expect(endpoint.poolFor(1, false, null, head('b.example'))).not.toBe(first);
  for (let number = 0; number < 5_000; number++) endpoint.poolFor(1, false, null, head(`${number}.example`));
  expect(endpoint.poolFor(1, false, null, head('a.example'))).not.toBe(first);
});
