import { describe, expect, test } from 'bun:test';
import { Xoshiro128 } from '../../base/index.ts';
import { LatencyAware } from './latency-aware.ts';
import { estimateMs, latencyMsMax, recordFinish, recordStart } from './load-meter.ts';
import { at, playTraffic, SimulatedEndpoint } from './play-traffic.ts';
import type { Balancer, EndpointLoad, Outcome } from './types.ts';

const config = { kind: 'latency-aware', decayMs: 10_000, defaultRttMs: 30 } as const;
const seeds = Array.from({ length: 100 }, (_, index) => index + 1);

interface World {
  readonly random: Xoshiro128;
  readonly balancer: Balancer<SimulatedEndpoint>;
  readonly endpoints: readonly SimulatedEndpoint[];
}

function createWorld(
  seed: number,
  latencies: readonly number[],
  balancer?: Balancer<SimulatedEndpoint>,
): World {
  const random = new Xoshiro128(seed);
  const endpoints = latencies.map((latencyMs, index) => new SimulatedEndpoint(String(index), latencyMs));
  const used = balancer ?? new LatencyAware<SimulatedEndpoint>(config, random);
  used.update(endpoints);
  return { random, balancer: used, endpoints };
}

function play(world: World, ratePerSecond: number, requests: number, fromMs: number): number {
  return playTraffic({ ...world, ratePerSecond, requests, fromMs, arrivals: 'poisson' });
}

describe('endpoints that differ little (10 ms and 14 ms)', () => {
  for (const count of [2, 3, 5]) {
    for (const rate of [5, 50, 500]) {
      test(`${count} of them at ${rate}/s: each has at least 0.7 of its fair share`, () => {
        const requests = 1000;
        for (const seed of seeds.slice(0, 20)) {
          const world = createWorld(seed, [10, ...Array(count - 1).fill(14)]);
          for (const endpoint of world.endpoints) endpoint.jitterMs = 3;
          play(world, rate, requests, 0);
          const least = Math.min(...world.endpoints.map((endpoint) => endpoint.picks));
          expect(least).toBeGreaterThan((0.7 * requests) / count);
        }
      });
    }
  }
});

describe('three endpoints, one of them slow (200 ms against 10 ms)', () => {
  for (const rate of [10, 20, 50, 100]) {
    test(`cold at ${rate}/s: at most two of 200 requests are spent on it, learning included`, () => {
      let spent = 0;
      for (const seed of seeds) {
        const world = createWorld(seed, [200, 10, 10]);
        play(world, rate, 200, 0);
        expect(world.endpoints[0]!.picks).toBeLessThanOrEqual(2);
        spent += world.endpoints[0]!.picks;
      }
      expect(spent / seeds.length).toBeLessThan(1.5);
    });

    test(`known at ${rate}/s: turning slow costs one or two requests of the next 200`, () => {
      const costs: number[] = [];
      for (const seed of seeds) {
        const world = createWorld(seed, [10, 10, 10]);
        const nowMs = play(world, rate, 300, 0);
        const [turning] = world.endpoints;
        const before = turning!.picks;
        turning!.latencyMs = 200;
        play(world, rate, 200, nowMs);
        costs.push(turning!.picks - before);
      }
      expect(costs.reduce((sum, cost) => sum + cost, 0) / seeds.length).toBeLessThan(1.2);
      expect(costs.filter((cost) => cost > 2).length).toBeLessThanOrEqual(1);
      // A third one was on its way within the 10 ms in which nobody could know.
      expect(Math.max(...costs)).toBeLessThanOrEqual(3);
    });

    test(`asking it again stays below 0.5 % at ${rate}/s`, () => {
      let spent = 0;
      for (const seed of seeds.slice(0, 20)) {
        const world = createWorld(seed, [200, 10, 10]);
        const nowMs = play(world, rate, 200, 0);
        const before = world.endpoints[0]!.picks;
        play(world, rate, 4000, nowMs);
        spent += world.endpoints[0]!.picks - before;
      }
      expect(spent).toBeGreaterThan(0);
      expect(spent / (20 * 4000)).toBeLessThan(0.005);
    });
  }

  test('a burst on unknown endpoints costs what comes before the first answer', () => {
    for (const seed of seeds) {
      const world = createWorld(seed, [200, 10, 10]);
      play(world, 500, 100, 0);
      // 100 requests in 0.2 s: the slow one has not even answered.
      expect(world.endpoints[0]!.picks).toBeLessThanOrEqual(5);
    }
  });

  test('an unknown endpoint gets one probe at once, and no second one while others have answered', () => {
    const world = createWorld(1, [10, 10, 10]);
    const [unknown, ...others] = world.endpoints;
    for (const other of others) finish(other, 0, 10, 'success');
    expect(world.balancer.pick(at(20))).toBe(unknown!);
    world.balancer.onStart(unknown!, 20);
    for (const other of others) for (let turn = 0; turn < 50; turn++) recordStart(other, 20);
    for (let turn = 0; turn < 100; turn++) expect(world.balancer.pick(at(21 + turn))).not.toBe(unknown!);
  });

  test('healed, it is asked again within 35 s and has its full share within a minute more', () => {
    for (const seed of seeds.slice(0, 20)) {
      const world = createWorld(seed, [200, 10, 10]);
      const healedMs = play(world, 50, 1000, 0);
      const [healed] = world.endpoints;
      const before = healed!.pickedAtMs.length;
      healed!.latencyMs = 10;
      play(world, 50, 50 * 120, healedMs);
      expect(healed!.pickedAtMs[before]! - healedMs).toBeLessThan(35_000);
      const late = healed!.pickedAtMs.filter(
        (atMs) => atMs > healedMs + 95_000 && atMs <= healedMs + 115_000,
      );
      expect(Math.abs(late.length / (20 * 50) - 1 / 3)).toBeLessThan(0.08);
    }
  });
});

describe('failing', () => {
  /** Peak EWMA as Finagle and Envoy's contrib extension have it: a failure is an answer like any other. */
  class PlainPeakEwma extends LatencyAware<SimulatedEndpoint> {
    override onFinish(endpoint: SimulatedEndpoint, nowMs: number, rttMs: number, _outcome: Outcome): void {
      super.onFinish(endpoint, nowMs, rttMs, 'success');
    }
  }

  function failedShare(balancer: (random: Xoshiro128) => Balancer<SimulatedEndpoint>, seed: number): number {
    const random = new Xoshiro128(seed);
    const world = { ...createWorld(seed, [10, 10, 10], balancer(random)), random };
    const nowMs = play(world, 100, 500, 0);
    const [failing] = world.endpoints;
    const before = failing!.picks;
    failing!.failing = true;
    play(world, 100, 3000, nowMs);
    return (failing!.picks - before) / 3000;
  }

  test('plain peak EWMA sends most requests to one that fails fast; the error share keeps it below 1 %', () => {
    for (const seed of seeds.slice(0, 20)) {
      expect(failedShare((random) => new PlainPeakEwma(config, random), seed)).toBeGreaterThan(0.5);
      expect(failedShare((random) => new LatencyAware(config, random), seed)).toBeLessThan(0.01);
    }
  });

  test('an endpoint that refuses its first connection is not preferred as unknown again', () => {
    const world = createWorld(1, [10, 10]);
    const [refusing, fine] = world.endpoints;
    finish(refusing!, 0, 0.2, 'local');
    finish(fine!, 0, 10, 'success');
    for (let turn = 0; turn < 100; turn++) expect(world.balancer.pick(at(100 + turn))).toBe(fine!);
  });

  test('repaired, it gets its share again within two minutes', () => {
    const world = createWorld(3, [10, 10, 10]);
    const [failing] = world.endpoints;
    failing!.failing = true;
    const repairedMs = play(world, 100, 1000, 0);
    failing!.failing = false;
    play(world, 100, 100 * 140, repairedMs);
    const late = failing!.pickedAtMs.filter(
      (atMs) => atMs > repairedMs + 120_000 && atMs <= repairedMs + 135_000,
    );
    expect(Math.abs(late.length / (15 * 100) - 1 / 3)).toBeLessThan(0.1);
  });
});

describe('the estimate', () => {
  test('jumps to a peak at once, and is outweighed by the next good answers', () => {
    const endpoint = new SimulatedEndpoint('a', 10);
    finish(endpoint, 0, 10, 'success');
    finish(endpoint, 100, 100, 'success');
    expect(endpoint.costMs).toBe(100);
    for (let turn = 1; turn <= 40; turn++) finish(endpoint, 100 + turn, 10, 'success');
    expect(endpoint.costMs).toBeLessThan(20);
  });

  test('fades by e each decay while nobody asks', () => {
    const endpoint = new SimulatedEndpoint('a', 10);
    finish(endpoint, 1000, 200, 'success');
    expect(estimateMs(endpoint, 1000, 10_000, 30)).toBeCloseTo(200, 6);
    expect(estimateMs(endpoint, 11_000, 10_000, 30)).toBeCloseTo(200 / Math.E, 6);
  });

  test('counts an answer that is overdue before it comes', () => {
    const endpoint = new SimulatedEndpoint('a', 10);
    finish(endpoint, 0, 10, 'success');
    recordStart(endpoint, 100);
    expect(estimateMs(endpoint, 105, 10_000, 30)).toBeLessThan(10.1);
    expect(estimateMs(endpoint, 400, 10_000, 30)).toBe(300);
  });

  test('an endpoint that answers others is not overdue for one long poll', () => {
    const endpoint = new SimulatedEndpoint('a', 10);
    finish(endpoint, 0, 10, 'success');
    recordStart(endpoint, 100);
    recordStart(endpoint, 5000);
    recordFinish(endpoint, 5010, 10, 'success', 10_000);
    expect(estimateMs(endpoint, 5015, 10_000, 30)).toBeLessThan(11);
  });

  test('is bounded, so that a stalled endpoint comes back in bounded time', () => {
    const endpoint = new SimulatedEndpoint('a', 10);
    finish(endpoint, 0, 3_600_000, 'failure');
    expect(endpoint.costMs).toBe(latencyMsMax);
  });

  test('keeps its state when the candidates change', () => {
    const world = createWorld(1, [10, 10]);
    finish(world.endpoints[0]!, 0, 123, 'success');
    world.balancer.update([world.endpoints[1]!]);
    world.balancer.update(world.endpoints);
    expect(world.endpoints[0]!.costMs).toBe(123);
  });
});

function finish(endpoint: EndpointLoad, nowMs: number, rttMs: number, outcome: Outcome): void {
  recordStart(endpoint, nowMs - rttMs);
  recordFinish(endpoint, nowMs, rttMs, outcome, config.decayMs);
}
