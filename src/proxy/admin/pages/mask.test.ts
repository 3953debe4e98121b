import { describe, expect, test } from 'bun:test';
import { applyMask, parseMask } from './mask.ts';

const dump = {
  '@type': 't',
  cluster: { name: 'a', connect_timeout: '1s', lb: { policy: 'RANDOM', share: 3 } },
  list: [{ name: 'b' }],
  last_updated: 'now',
};

const cases: readonly (readonly [mask: string, expected: unknown])[] = [
  ['cluster.name', { '@type': 't', cluster: { name: 'a' } }],
  ['cluster.name,cluster.lb.share', { '@type': 't', cluster: { name: 'a', lb: { share: 3 } } }],
  ['cluster', { '@type': 't', cluster: dump.cluster }],
  ['list', { '@type': 't', list: dump.list }],
  ['list.name', { '@type': 't', list: dump.list }],
  ['last_updated,nothing', { '@type': 't', last_updated: 'now' }],
  ['cluster.nothing', undefined],
];

describe('applyMask', () => {
  for (const [mask, expected] of cases)
    test(mask, () => expect(applyMask(dump, parseMask(mask)!)).toEqual(expected as never));
});

describe('what is no mask', () => {
  for (const text of ['', 'a..b', 'a,', '.a', 'a-b', 'a[0]'])
    test(JSON.stringify(text), () => expect(parseMask(text)).toBeNull());
});
