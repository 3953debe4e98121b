import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Xoshiro128 } from '../../base/index.ts';
import { EndpointLoad, isUsable } from '../balance/index.ts';
import { OutlierDetector } from './outlier-detector.ts';
import { type OutlierConfig, OutlierCounts } from './types.ts';

const config: OutlierConfig = {
  consecutiveFailures: 5,
  successRate: null,
  intervalMs: 10_000,
  baseEjectionMs: 10_000,
  maxEjectionMs: 60_000,
  maxEjectedPercent: 50,
};

interface World {
  readonly detector: OutlierDetector<EndpointLoad>;
  readonly counts: OutlierCounts;
  readonly endpoints: readonly EndpointLoad[];
}

function createWorld(count: number, changes: Partial<OutlierConfig> = {}, random = new Xoshiro128(1)): World {
  const counts = new OutlierCounts();
  const detector = new OutlierDetector<EndpointLoad>({ ...config, ...changes }, counts, random);
  const endpoints = Array.from({ length: count }, (_, index) => new EndpointLoad(String(index), 1));
  detector.update(endpoints);
  return { detector, counts, endpoints };
}

/** Failures in a row; the answer of the last one. */
function failTimes(world: World, index: number, times: number, nowMs: number): boolean {
  let ejected = false;
  for (let turn = 0; turn < times; turn++)
    ejected = world.detector.onOutcome(world.endpoints[index]!, 'failure', nowMs);
  return ejected;
}

describe('failures in a row', () => {
  test('eject at the limit, not before', () => {
    const world = createWorld(3);
    expect(failTimes(world, 0, 4, 0)).toBe(false);
    expect(failTimes(world, 0, 1, 0)).toBe(true);
    expect(world.endpoints[0]!.ejectedUntilMs).toBe(10_000);
    expect(world.counts.enforced.consecutive_5xx).toBe(1);
  });

  test('a success between them starts the count anew', () => {
    const world = createWorld(3);
    failTimes(world, 0, 4, 0);
    world.detector.onOutcome(world.endpoints[0]!, 'success', 0);
    expect(failTimes(world, 0, 4, 0)).toBe(false);
  });

  test('connections that came to nothing count', () => {
    const world = createWorld(2);
    for (let turn = 0; turn < 4; turn++) world.detector.onOutcome(world.endpoints[0]!, 'local', 0);
    expect(world.detector.onOutcome(world.endpoints[0]!, 'local', 0)).toBe(true);
  });

  test('0 switches them off', () => {
    expect(failTimes(createWorld(3, { consecutiveFailures: 0 }), 0, 100, 0)).toBe(false);
  });

  test('what ends while it is ejected does not lengthen the ejection', () => {
    const world = createWorld(3);
    failTimes(world, 0, 5, 0);
    failTimes(world, 0, 20, 100);
    expect(world.endpoints[0]!.ejectedUntilMs).toBe(10_000);
  });
});

describe('how many', () => {
  test('the only endpoint is never ejected, nor the last of several', () => {
    expect(failTimes(createWorld(1), 0, 50, 0)).toBe(false);
    const world = createWorld(2, { maxEjectedPercent: 100 });
    expect(failTimes(world, 0, 5, 0)).toBe(true);
    expect(failTimes(world, 1, 50, 0)).toBe(false);
    expect(world.counts.overflows).toBeGreaterThan(0);
  });

  test('an unhealthy endpoint is not what is left', () => {
    const world = createWorld(2, { maxEjectedPercent: 100 });
    world.endpoints[1]!.healthy = false;
    expect(failTimes(world, 0, 50, 0)).toBe(false);
  });

  test('at most the percentage, but one even when it is more', () => {
    const half = createWorld(4);
    expect([0, 1, 2].map((index) => failTimes(half, index, 5, 0))).toEqual([true, true, false]);
    const tenth = createWorld(4, { maxEjectedPercent: 10 });
    expect([0, 1].map((index) => failTimes(tenth, index, 5, 0))).toEqual([true, false]);
  });

  test('not even one where the percentage is to hold for the first too', () => {
    const strict = createWorld(3, { maxEjectedPercent: 10, alwaysEjectOne: false });
    expect(failTimes(strict, 0, 5, 0)).toBe(false);
    expect(strict.counts.overflows).toBe(1);
    const enough = createWorld(3, { maxEjectedPercent: 34, alwaysEjectOne: false });
    expect(failTimes(enough, 0, 5, 0)).toBe(true);
    expect(failTimes(enough, 1, 5, 0)).toBe(false);
  });

  test('jitter spreads the returns', () => {
    const world = createWorld(30, { maxEjectedPercent: 90, jitterMs: 5_000 });
    for (let index = 0; index < 20; index++) failTimes(world, index, 5, 0);
    const ends = world.endpoints.slice(0, 20).map(({ ejectedUntilMs }) => ejectedUntilMs);
    expect(Math.min(...ends)).toBeGreaterThanOrEqual(10_000);
    expect(Math.max(...ends)).toBeLessThan(15_000);
    expect(Math.max(...ends) - Math.min(...ends)).toBeGreaterThan(3_000);
  });

  test('an active check that passes ends an ejection, unless it is not to', () => {
    for (const returnOnCheck of [true, false]) {
      const world = createWorld(3, { returnOnCheck });
      failTimes(world, 0, 5, 0);
      expect(world.detector.onCheckPassed(world.endpoints[1]!, 1)).toBe(false);
      expect(world.detector.onCheckPassed(world.endpoints[0]!, 1)).toBe(returnOnCheck);
      expect(isUsable(world.endpoints[0]!, 1)).toBe(returnOnCheck);
    }
  });

  test('0 percent ejects none', () => {
    expect(failTimes(createWorld(4, { maxEjectedPercent: 0 }), 0, 50, 0)).toBe(false);
  });
});

describe('coming back', () => {
  test('when its time is over, at a sweep or between two', () => {
    const world = createWorld(3);
    failTimes(world, 0, 5, 0);
    expect(world.detector.nextReturnMs()).toBe(10_000);
    expect(world.detector.returnDue(9999)).toEqual([]);
    expect(world.detector.returnDue(10_000)).toEqual([world.endpoints[0]!]);
    expect(world.endpoints[0]!.ejectedUntilMs).toBe(-1);
    expect(world.detector.nextReturnMs()).toBe(-1);
    failTimes(world, 1, 5, 10_000);
    expect(world.detector.sweep(world.endpoints, 20_000)).toEqual([world.endpoints[1]!]);
  });

  test('is on probation: one failure ejects again, for longer', () => {
    const world = createWorld(3);
    failTimes(world, 0, 5, 0);
    world.detector.returnDue(10_000);
    expect(failTimes(world, 0, 1, 10_001)).toBe(true);
    expect(world.endpoints[0]!.ejectedUntilMs).toBe(30_001);
  });

  test('one success ends the probation', () => {
    const world = createWorld(3);
    failTimes(world, 0, 5, 0);
    world.detector.returnDue(10_000);
    world.detector.onOutcome(world.endpoints[0]!, 'success', 10_001);
    expect(failTimes(world, 0, 4, 10_002)).toBe(false);
  });

  test('ejections grow up to the maximum and are forgotten sweep by sweep', () => {
    const world = createWorld(3);
    const [endpoint] = world.endpoints;
    let nowMs = 0;
    const lengths: number[] = [];
    failTimes(world, 0, 4, 0);
    for (let turn = 0; turn < 8; turn++) {
      expect(failTimes(world, 0, 1, nowMs)).toBe(true);
      lengths.push(endpoint!.ejectedUntilMs - nowMs);
      nowMs = endpoint!.ejectedUntilMs;
      world.detector.returnDue(nowMs);
    }
    expect(lengths).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 60_000, 60_000]);
    world.detector.onOutcome(endpoint!, 'success', nowMs);
    for (let turn = 0; turn < 20; turn++) world.detector.sweep(world.endpoints, nowMs + turn);
    expect(endpoint!.ejections).toBe(0);
    failTimes(world, 0, 5, nowMs);
    expect(endpoint!.ejectedUntilMs - nowMs).toBe(10_000);
  });

  test('the estimate of its latency is kept', () => {
    const world = createWorld(3);
    world.endpoints[0]!.costMs = 77;
    failTimes(world, 0, 5, 0);
    world.detector.returnDue(10_000);
    expect(world.endpoints[0]!.costMs).toBe(77);
  });
});

describe('success rates', () => {
  const rule = { minimumHosts: 5, minimumRequests: 100, stdevFactor: 1.9 };

  function answer(endpoint: EndpointLoad, successes: number, failures: number): void {
    endpoint.successes = successes;
    endpoint.failures = failures;
  }

  test('far below the others ejects', () => {
    const world = createWorld(10, { successRate: rule });
    for (const [index, endpoint] of world.endpoints.entries())
      answer(endpoint, index === 3 ? 50 : 99, index === 3 ? 50 : 1);
    expect(world.detector.sweep(world.endpoints, 0)).toEqual([world.endpoints[3]!]);
    expect(world.counts.enforced.success_rate).toBe(1);
    expect(world.endpoints[3]!.successes).toBe(0);
  });

  test("Envoy's example: mean minus 1.9 deviations", () => {
    // Rates 1, 1, 1, 1, 0.8 have mean 0.96 and deviation 0.08: the threshold is 0.808.
    for (const [failures, ejected] of [
      [20, true],
      [10, true],
    ] as const) {
      const world = createWorld(5, { successRate: rule });
      for (const endpoint of world.endpoints) answer(endpoint, 100, 0);
      answer(world.endpoints[0]!, 100 - failures, failures);
      expect(world.detector.sweep(world.endpoints, 0).length === 1).toBe(ejected);
    }
    // With a factor of 2.1 the same endpoint is not far enough out.
    const world = createWorld(5, { successRate: { ...rule, stdevFactor: 2.1 } });
    for (const endpoint of world.endpoints) answer(endpoint, 100, 0);
    answer(world.endpoints[0]!, 80, 20);
    expect(world.detector.sweep(world.endpoints, 0)).toEqual([]);
  });

  test('equal rates eject nobody, whatever rounding does', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 100, max: 1000 }),
        fc.integer({ min: 5, max: 20 }),
        (failures, requests, count) => {
          const world = createWorld(count, { successRate: rule });
          for (const endpoint of world.endpoints) answer(endpoint, requests - failures, failures);
          expect(world.detector.sweep(world.endpoints, 0)).toEqual([]);
        },
      ),
      { numRuns: 200, seed: 1 },
    );
  });

  test('too few requests, or too few endpoints with enough, eject nobody', () => {
    const few = createWorld(5, { successRate: rule });
    for (const endpoint of few.endpoints) answer(endpoint, 100, 0);
    answer(few.endpoints[0]!, 0, 99);
    expect(few.detector.sweep(few.endpoints, 0)).toEqual([]);
    const hosts = createWorld(4, { successRate: rule });
    for (const endpoint of hosts.endpoints) answer(endpoint, 100, 0);
    answer(hosts.endpoints[0]!, 0, 100);
    expect(hosts.detector.sweep(hosts.endpoints, 0)).toEqual([]);
  });
});

test('whatever happens, somebody is left and the percentage holds', () => {
  const step = fc.record({
    index: fc.nat(5),
    outcome: fc.constantFrom('success' as const, 'failure' as const, 'local' as const),
    waitMs: fc.nat(3000),
    sweep: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.nat(100),
      fc.array(step, { maxLength: 300 }),
      (count, maxEjectedPercent, steps) => {
        const world = createWorld(count, { maxEjectedPercent, consecutiveFailures: 2 });
        let nowMs = 0;
        for (const { index, outcome, waitMs, sweep } of steps) {
          nowMs += waitMs;
          if (sweep) world.detector.sweep(world.endpoints, nowMs);
          else if (index < count) world.detector.onOutcome(world.endpoints[index]!, outcome, nowMs);
          const usable = world.endpoints.filter((endpoint) => isUsable(endpoint, nowMs)).length;
          expect(usable).toBeGreaterThan(0);
          expect(count - usable).toBeLessThanOrEqual(Math.max(1, (count * maxEjectedPercent) / 100));
        }
      },
    ),
    { numRuns: 300, seed: 1 },
  );
});

describe('Envoy’s other causes', () => {
  const of = (world: World, index: number, outcomes: string): boolean => {
    let ejected = false;
    for (const letter of outcomes) {
      const outcome = ({ s: 'success', f: 'failure', g: 'gateway', l: 'local' } as const)[letter as 's'];
      ejected = world.detector.onOutcome(world.endpoints[index]!, outcome, 0) || ejected;
    }
    return ejected;
  };

  const gateway = { consecutiveFailures: 0, consecutiveGatewayFailures: 3 };
  const split = { consecutiveFailures: 3, consecutiveLocalFailures: 2 };
  const cases: readonly [string, Partial<OutlierConfig>, string, boolean][] = [
    ['three gateway failures in a row', gateway, 'ggg', true],
    ['a plain 500 between them', gateway, 'ggfgg', false],
    ['connections that came to nothing are gateway failures', gateway, 'gll', true],
    ['split: local ones count alone', split, 'll', true],
    ['split: and not among the others', split, 'flfl'.slice(0, 3), false],
    ['split: an answer of any kind starts it anew, for it was reached', split, 'lfl', false],
    ['split: a success starts it anew', split, 'lsl', false],
    ['not split: they count as failures', { consecutiveFailures: 3 }, 'flg', true],
  ];
  for (const [name, changes, outcomes, expected] of cases)
    test(`${name}: ${expected ? 'ejected' : 'stays'}`, () => {
      expect(of(createWorld(3, changes), 0, outcomes)).toBe(expected);
    });

  test('a percentage of failures ejects at its threshold, among enough endpoints with enough requests', () => {
    const rule = { threshold: 50, minimumHosts: 3, minimumRequests: 4 };
    const world = createWorld(3, { consecutiveFailures: 0, failurePercentage: rule });
    for (const [index, outcomes] of ['ffss', 'fsss', 'ssss'].entries()) of(world, index, outcomes);
    expect(world.detector.sweep(world.endpoints, 0)).toEqual([world.endpoints[0]!]);
    expect(world.counts.enforced.failure_percentage).toBe(1);
    const few = createWorld(2, { consecutiveFailures: 0, failurePercentage: rule });
    for (const [index, outcomes] of ['ffff', 'ssss'].entries()) of(few, index, outcomes);
    expect(few.detector.sweep(few.endpoints, 0)).toEqual([]);
  });

  test('split: who cannot be reached is held against the same rules by itself', () => {
    const rules = {
      consecutiveFailures: 0,
      consecutiveLocalFailures: 0,
      successRate: { minimumHosts: 3, minimumRequests: 4, stdevFactor: 1 },
      failurePercentage: { threshold: 50, minimumHosts: 3, minimumRequests: 4 },
    };
    for (const [enforcing, cause] of [
      [{ local_origin_failure_percentage: 0 }, 'local_origin_success_rate'],
      [{ local_origin_success_rate: 0 }, 'local_origin_failure_percentage'],
    ] as const) {
      const world = createWorld(3, { ...rules, enforcing });
      // Answers of any kind are successes here: of those that were answered nobody is worse than another.
      for (const [index, outcomes] of ['llsf', 'sfsf', 'sfsf'].entries()) of(world, index, outcomes);
      expect(world.detector.sweep(world.endpoints, 0)).toEqual([world.endpoints[0]!]);
      expect(world.counts.enforced).toMatchObject({ [cause]: 1, success_rate: 0, failure_percentage: 0 });
      expect(world.endpoints[0]!.localFailures).toBe(0);
    }
    const one = createWorld(3, { ...rules, consecutiveLocalFailures: 9 });
    for (const [index, outcomes] of ['lll', 'sss', 'sss'].entries()) of(one, index, outcomes);
    expect(one.detector.sweep(one.endpoints, 0)).toEqual([]);
  });

  test('enforcing 0 detects and ejects nobody; 50 ejects about half', () => {
    const none = createWorld(3, { enforcing: { consecutive_5xx: 0 } });
    for (let turn = 0; turn < 10; turn++) expect(failTimes(none, 0, 5, 0)).toBe(false);
    expect([none.counts.detected.consecutive_5xx, none.counts.enforced.consecutive_5xx]).toEqual([10, 0]);
    const random = new Xoshiro128(2);
    let ejected = 0;
    for (let turn = 0; turn < 200; turn++) {
      const half = createWorld(3, { enforcing: { consecutive_5xx: 50 } }, random);
      if (failTimes(half, 0, 5, 0)) ejected += 1;
    }
    expect(Math.abs(ejected - 100)).toBeLessThan(30);
  });

  test('a cause that is only detected leaves the others their counts (Envoy’s defaults)', () => {
    const world = createWorld(3, {
      consecutiveFailures: 5,
      consecutiveGatewayFailures: 5,
      enforcing: { consecutive_gateway_failure: 0 },
    });
    expect(of(world, 0, 'gggg')).toBe(false);
    expect(of(world, 0, 'g')).toBe(true);
    expect(world.counts.detected.consecutive_gateway_failure).toBe(1);
    expect(world.counts.enforced).toMatchObject({ consecutive_5xx: 1, consecutive_gateway_failure: 0 });
  });
});
