import { expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { KindClaims } from './host-claims.ts';
import { covers } from './hosts.ts';
import { randomHost } from './testing/random-host.ts';

test('a name is contested by what covers it and by what it covers, of other kinds alone', () => {
  const random = new Xoshiro128(11);
  const seen = { true: 0, false: 0 };
  for (let round = 0; round < 200; round++) {
    const claims = new KindClaims();
    const taken: (readonly [host: string, kind: string])[] = [];
    for (let at = 0; at < 12; at++) {
      const [host, other] = [randomHost(random), randomHost(random)];
      const kind = random.float() < 0.5 ? 'HTTPRoute' : 'GRPCRoute';
      const hosts = [host, other];
      const expected = taken.some(
        ([name, by]) => by !== kind && hosts.some((one) => covers(name, one) || covers(one, name)),
      );
      expect(claims.isContested(hosts, kind)).toBe(expected);
      seen[`${expected}`]++;
      if (expected && random.float() < 0.8) continue;
      claims.take(host, kind);
      taken.push([host, kind]);
    }
  }
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(200);
});
