import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Xoshiro128 } from '../../base/index.ts';
import { createBalancer } from './create-balancer.ts';
import { type LoadReport, type LoadWeightsConfig, visitMetrics } from './load-report.ts';
import { isWeighing, noteReport, weighByLoad, weightOf } from './load-weights.ts';
import { at, SimulatedEndpoint } from './play-traffic.ts';

const config: LoadWeightsConfig = {
  blackoutMs: 10_000,
  expirationMs: 180_000,
  updateMs: 1_000,
  errorPenalty: 1,
  metricNames: [],
};

function report(figures: Partial<LoadReport> = {}): LoadReport {
  return {
    cpuUtilization: 0,
    memUtilization: 0,
    applicationUtilization: 0,
    rpsFractional: 100,
    eps: 0,
    requestCost: new Map(),
    utilization: new Map(),
    namedMetrics: new Map(),
    ...figures,
  };
}

const named = new Map([
  ['queue', 0.2],
  ['deep', 0.8],
]);

describe('visitMetrics', () => {
  const said = report({ cpuUtilization: 0.5, namedMetrics: named, utilization: new Map([['*', 3]]) });
  const rows: readonly (readonly [names: readonly string[], visited: Readonly<Record<string, number>>])[] = [
    [['cpu_utilization', 'eps'], { cpu_utilization: 0.5, eps: 0 }],
    [['named_metrics.queue', 'named_metrics.none'], { 'named_metrics.queue': 0.2 }],
    [['named_metrics.*'], { 'named_metrics.queue': 0.2, 'named_metrics.deep': 0.8 }],
    [['utilization.*'], { 'utilization.*': 3 }],
    [['request_cost.*', 'nothing', 'none.such', 'toString', '__proto__.x', ''], {}],
  ];
  for (const [names, visited] of rows) {
    test(names.join(' '), () => {
      const found: Record<string, number> = {};
      visitMetrics(said, names, (name, value) => {
        found[name] = value;
      });
      expect(found).toEqual(visited);
    });
  }
});

describe('weightOf', () => {
  const rows: readonly (readonly [
    what: string,
    figures: Partial<LoadReport>,
    weight: number | null,
    config?: Partial<LoadWeightsConfig>,
  ])[] = [
    ['requests over utilization', { cpuUtilization: 0.5 }, 200],
    [
      'the application’s word before the processor’s',
      { cpuUtilization: 0.5, applicationUtilization: 0.25 },
      400,
    ],
    ['errors add to it', { cpuUtilization: 0.5, eps: 50 }, 100],
    ['as far as they count', { cpuUtilization: 0.5, eps: 50 }, 66, { errorPenalty: 2 }],
    ['or not at all', { cpuUtilization: 0.5, eps: 50 }, 200, { errorPenalty: 0 }],
    ['errors alone are enough', { eps: 50 }, 200],
    ['more is used than was given', { cpuUtilization: 4 }, 25],
    ['no requests', { cpuUtilization: 0.5, rpsFractional: 0 }, null],
    ['no utilization', {}, null],
    ['never nothing', { cpuUtilization: 1, rpsFractional: 0.01 }, 1],
    ['never more than a weight can be', { cpuUtilization: 1e-9, rpsFractional: 1e9 }, 0xffff_ffff],
    [
      'the greatest of the named figures before all',
      { namedMetrics: named, applicationUtilization: 0.1 },
      125,
      { metricNames: ['named_metrics.*'] },
    ],
    [
      'figures of one’s own that say nothing',
      { namedMetrics: new Map([['queue', 0]]), applicationUtilization: 0.1 },
      1_000,
      { metricNames: ['named_metrics.queue'] },
    ],
  ];
  for (const [what, figures, weight, other] of rows)
    test(what, () => expect(weightOf(report(figures), { ...config, ...other })).toBe(weight));

  test('is a weight, or nothing, whatever is reported', () => {
    const number = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(number, number, number, number, (cpuUtilization, rpsFractional, eps, errorPenalty) => {
        const weight = weightOf(report({ cpuUtilization, rpsFractional, eps }), { ...config, errorPenalty });
        if (weight === null) return;
        expect(Number.isInteger(weight) && weight >= 1 && weight <= 0xffff_ffff).toBe(true);
      }),
      { numRuns: 500, seed: 1 },
    );
  });
});

describe('weighByLoad', () => {
  const endpoints = (count: number) =>
    Array.from({ length: count }, (_, index) => new SimulatedEndpoint(`${index}`, 10));
  const say = (endpoint: SimulatedEndpoint, weight: number, nowMs: number) =>
    noteReport(endpoint, report({ cpuUtilization: 100 / weight }), config, nowMs);
  const weights = (all: readonly SimulatedEndpoint[]) => all.map(({ loadWeight }) => loadWeight);

  test('nobody has said anything: all weigh the same, whatever is configured', () => {
    const all = endpoints(3);
    all[0]!.weight = 50;
    expect(weighByLoad(all, config, 0)).toBe(false);
    expect(weights(all)).toEqual([1, 1, 1]);
    expect(isWeighing(all, config, 0)).toBe(false);
  });

  test('a weight counts after the blackout', () => {
    const all = endpoints(2);
    say(all[0]!, 400, 5_000);
    expect(weighByLoad(all, config, 14_999)).toBe(false);
    expect(weighByLoad(all, config, 15_000)).toBe(true);
    // The other gets what is in the middle.
    expect(weights(all)).toEqual([400, 400]);
    expect(weighByLoad(all, config, 15_000)).toBe(false);
  });

  test('who has none gets the median', () => {
    const all = endpoints(4);
    for (const [index, weight] of [100, 900, 200].entries()) say(all[index]!, weight, 0);
    weighByLoad(all, config, 10_000);
    expect(weights(all)).toEqual([100, 900, 200, 200]);
    const more = endpoints(3);
    for (const [index, weight] of [100, 205].entries()) say(more[index]!, weight, 0);
    weighByLoad(more, config, 10_000);
    expect(weights(more)).toEqual([100, 205, 152]);
  });

  test('a weight expires, and has to prove itself anew', () => {
    const all = endpoints(2);
    say(all[0]!, 400, 0);
    say(all[1]!, 100, 0);
    say(all[1]!, 100, 60_000);
    weighByLoad(all, config, 180_000);
    expect(weights(all)).toEqual([400, 100]);
    expect(isWeighing(all, config, 240_000)).toBe(true);
    weighByLoad(all, config, 180_001);
    expect(weights(all)).toEqual([100, 100]);
    say(all[0]!, 300, 200_000);
    weighByLoad(all, config, 209_999);
    expect(weights(all)).toEqual([100, 100]);
    weighByLoad(all, config, 210_000);
    expect(weights(all)).toEqual([300, 100]);
    expect(isWeighing(all, config, 380_001)).toBe(false);
    weighByLoad(all, config, 380_001);
    expect(weights(all)).toEqual([1, 1]);
  });

  test('a report that says nothing changes nothing', () => {
    const [only] = endpoints(1);
    noteReport(only!, report({ rpsFractional: 0, cpuUtilization: 1 }), config, 0);
    expect(only!.reported).toBeNull();
    say(only!, 400, 0);
    noteReport(only!, report({ rpsFractional: 0, cpuUtilization: 1 }), config, 9_000);
    expect(only!.reported).toEqual({ weight: 400, sinceMs: 0, updatedMs: 0 });
  });

  test('endpoints of unequal strength end up equally busy, from reports alone', () => {
    const random = new Xoshiro128(7);
    const balancer = createBalancer<SimulatedEndpoint>({ kind: 'load-weighted', ...config }, random);
    const all = endpoints(4);
    const capacity = [50, 100, 200, 400];
    balancer.update(all);
    let counts = [0, 0, 0, 0];
    for (let second = 0; second < 60; second++) {
      counts = [0, 0, 0, 0];
      for (let turn = 0; turn < 300; turn++) {
        const picked = balancer.pick(at(second * 1_000 + turn))!;
        counts[all.indexOf(picked)]! += 1;
      }
      const nowMs = (second + 1) * 1_000;
      for (const [index, endpoint] of all.entries()) {
        const rps = counts[index]!;
        const said = report({ rpsFractional: rps, cpuUtilization: rps / capacity[index]! });
        noteReport(endpoint, said, config, nowMs);
      }
      if (weighByLoad(all, config, nowMs)) balancer.update(all);
    }
    for (const [index, count] of counts.entries())
      expect(Math.abs(count / capacity[index]! - 300 / 750)).toBeLessThan(0.05);
  });
});
