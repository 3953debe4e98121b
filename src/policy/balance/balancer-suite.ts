// What every balancer promises, whatever it decides by.

import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type Random, Xoshiro128 } from '../../base/index.ts';
import { at, playTraffic, SimulatedEndpoint } from './play-traffic.ts';
import type { Balancer } from './types.ts';

export function runBalancerSuite(
  name: string,
  create: (random: Random) => Balancer<SimulatedEndpoint>,
  options: { readonly weightsAreShares: boolean },
): void {
  describe(`${name}: every balancer`, () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const endpoints = (count: number): SimulatedEndpoint[] =>
      names.slice(0, count).map((key) => new SimulatedEndpoint(key, 10));

    test('has nothing to give without candidates', () => {
      const balancer = create(new Xoshiro128(1));
      expect(balancer.pick(at(0))).toBeNull();
      balancer.update(endpoints(2));
      balancer.update([]);
      expect(balancer.pick(at(0))).toBeNull();
    });

    test('gives the only candidate, also when it was tried', () => {
      const balancer = create(new Xoshiro128(1));
      const [only] = endpoints(1);
      balancer.update([only!]);
      expect(balancer.pick(at(0))).toBe(only!);
      expect(balancer.pick(at(0, [only!]))).toBe(only!);
    });

    test('passes over what was tried while any other is left', () => {
      fc.assert(
        fc.property(fc.integer(), fc.integer({ min: 2, max: 5 }), fc.nat(31), (seed, count, mask) => {
          const balancer = create(new Xoshiro128(seed));
          const all = endpoints(count);
          balancer.update(all);
          const tried = all.filter((_, index) => (mask >> index) & 1);
          const picked = balancer.pick(at(1000, tried));
          expect(all).toContain(picked!);
          if (tried.length < all.length) expect(tried).not.toContain(picked!);
        }),
        { numRuns: 200, seed: 1 },
      );
    });

    test('a tried endpoint that is no candidate any more changes nothing', () => {
      const balancer = create(new Xoshiro128(1));
      const all = endpoints(3);
      balancer.update(all.slice(0, 2));
      for (let turn = 0; turn < 20; turn++)
        expect(all.slice(0, 2)).toContain(balancer.pick(at(turn, [all[2]!]))!);
    });

    test('gives only candidates, through changes of the set under load', () => {
      const random = new Xoshiro128(7);
      const balancer = create(random);
      const all = endpoints(5);
      let candidates: readonly SimulatedEndpoint[] = all;
      balancer.update(candidates);
      const before = new Map<SimulatedEndpoint, number>();
      playTraffic({
        balancer,
        random,
        ratePerSecond: 400,
        fromMs: 0,
        requests: 4000,
        arrivals: 'poisson',
        onArrival: (index) => {
          for (const endpoint of all) {
            if (!candidates.includes(endpoint)) expect(endpoint.picks).toBe(before.get(endpoint) ?? 0);
          }
          if (index % 100 !== 0) return;
          candidates = all.filter(() => random.below(3) > 0);
          for (const endpoint of all) before.set(endpoint, endpoint.picks);
          balancer.update(candidates);
        },
      });
      for (const endpoint of all) {
        expect(endpoint.active).toBe(0);
        expect(endpoint.waitingSinceMs).toBe(-1);
      }
    });

    test('gives equal endpoints equal shares', () => {
      const all = endpoints(4);
      play(create, all, 8000);
      for (const endpoint of all) expect(Math.abs(endpoint.picks / 8000 - 0.25)).toBeLessThan(0.03);
    });

    test(options.weightsAreShares ? 'weights are shares' : 'a heavier endpoint gets more', () => {
      const all = endpoints(3);
      for (const [index, weight] of [1, 2, 5].entries()) {
        all[index]!.weight = weight;
        all[index]!.loadWeight = weight;
      }
      play(create, all, 8000);
      const [one, two, five] = all.map((endpoint) => endpoint.picks / 8000);
      expect(one!).toBeLessThan(two!);
      expect(two!).toBeLessThan(five!);
      if (!options.weightsAreShares) return;
      expect(Math.abs(one! - 1 / 8)).toBeLessThan(0.04);
      expect(Math.abs(five! - 5 / 8)).toBeLessThan(0.04);
    });

    test('the same seed gives the same picks, another seed others', () => {
      const trace = (seed: number): string => {
        const random = new Xoshiro128(seed);
        const balancer = create(random);
        balancer.update(endpoints(5));
        return Array.from({ length: 50 }, (_, turn) => balancer.pick(at(turn))!.key).join('');
      };
      expect(trace(1)).toBe(trace(1));
      expect(trace(1)).not.toBe(trace(2));
    });

    test('measures latency and errors, whether it decides by them or not', () => {
      const balancer = create(new Xoshiro128(1));
      const [only] = endpoints(1);
      balancer.update([only!]);
      balancer.onStart(only!, 0);
      balancer.onFinish(only!, 40, 40, 'success');
      expect(only!.costMs).toBe(40);
      expect(only!.errorShare).toBe(0);
      balancer.onStart(only!, 50);
      balancer.onFinish(only!, 51, 1, 'failure');
      expect(only!.costMs).toBe(40);
      expect(only!.errorShare).toBeGreaterThan(0);
      expect(only!.picks).toBe(2);
    });
  });
}

function play(
  create: (random: Random) => Balancer<SimulatedEndpoint>,
  all: readonly SimulatedEndpoint[],
  requests: number,
): void {
  const random = new Xoshiro128(3);
  const balancer = create(random);
  balancer.update(all);
  playTraffic({ balancer, random, ratePerSecond: 200, fromMs: 0, requests, arrivals: 'poisson' });
}
