import { expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import { EndpointLoad } from '../../policy/index.ts';
import { createResponseHead } from '../../wire/index.ts';
import type { ClusterConfig } from '../config/types.ts';
import { ReportCounts } from '../stats/index.ts';
import { createReports, type ReportingEndpoint, type ReportsOwner } from './endpoint-reports.ts';
import { orcaLimits } from './limits.ts';
import type { LoadMetrics } from './load-metrics.ts';

class Reporting extends EndpointLoad implements ReportingEndpoint {
  readonly priority: number;
  loadMetrics: LoadMetrics | null = null;

  constructor(key: string, priority = 0) {
    super(key, 1);
    this.priority = priority;
  }
}

const weighted = {
  kind: 'load-weighted',
  blackoutMs: 1_000,
  expirationMs: 3_000,
  updateMs: 500,
  errorPenalty: 0,
  metricNames: [],
} as const;

function start(config: Partial<ClusterConfig>) {
  const clock = new VirtualClock();
  const endpoints = [new Reporting('a'), new Reporting('b'), new Reporting('c', 1)];
  const owner = {
    context: { clock },
    config: { balance: { kind: 'random' }, ...config } as ClusterConfig,
    stats: { reports: new ReportCounts() },
    endpoints,
    selected: 0,
    reselect() {
      this.selected += 1;
    },
  } satisfies ReportsOwner & { selected: number };
  const reports = createReports(owner, null);
  const tell = (endpoint: Reporting, text: string) =>
    reports?.read(endpoint, createResponseHead(200, [['endpoint-load-metrics', text]]));
  return { clock, endpoints, owner, reports, tell };
}

test('nobody asks, nobody looks', () => {
  expect(start({}).reports).toBeNull();
});

test('sums what is asked for, and counts what was no report', () => {
  const { endpoints, owner, tell, clock } = start({ reportedMetrics: ['eps', 'named_metrics.q'] });
  const [a] = endpoints;
  expect(tell(a!, 'TEXT eps:1,named_metrics.q:2,named_metrics.other:7')).toBe(true);
  expect(tell(a!, 'TEXT eps:0.5')).toBe(true);
  expect(tell(a!, 'TEXT eps:none')).toBe(false);
  expect(a!.loadMetrics).toEqual({
    counts: new Map([
      ['eps', 2],
      ['named_metrics.q', 1],
    ]),
    totals: new Map([
      ['eps', 1.5],
      ['named_metrics.q', 2],
    ]),
  } as LoadMetrics);
  expect(owner.stats.reports).toMatchObject({ taken: 2, refused: 1, namesLeftOut: 0 });
  // Its balancer does not go by them.
  expect(a!.reported).toBeNull();
  clock.advanceBy(10_000);
  expect(owner.selected).toBe(0);
});

test('an endpoint that invents names has so many', () => {
  const { endpoints, owner, tell } = start({ reportedMetrics: ['named_metrics.*'] });
  for (let index = 0; index < orcaLimits.namesMax + 5; index++)
    tell(endpoints[0]!, `TEXT named_metrics.n${index}:1,named_metrics.always:1`);
  const { counts, totals } = endpoints[0]!.loadMetrics!;
  expect([counts.size, totals.size]).toEqual([orcaLimits.namesMax, orcaLimits.namesMax]);
  expect(counts.get('named_metrics.always')).toBe(orcaLimits.namesMax + 5);
  expect(owner.stats.reports.namesLeftOut).toBe(6);
});

test('weighs in time, each priority for itself, until nothing is fresh', () => {
  const { clock, endpoints, owner, tell } = start({ balance: weighted });
  const [a, b, c] = endpoints;
  const weights = () => endpoints.map(({ loadWeight }) => loadWeight);
  tell(a!, 'TEXT cpu_utilization:0.5,rps_fractional:100');
  tell(b!, 'TEXT cpu_utilization:0.5,rps_fractional:50');
  tell(c!, 'TEXT cpu_utilization:0.5,rps_fractional:10');
  clock.advanceBy(999);
  expect(weights()).toEqual([1, 1, 1]);
  expect(owner.selected).toBe(0);
  clock.advanceBy(1);
  expect(weights()).toEqual([200, 100, 20]);
  expect(owner.selected).toBe(1);
  tell(b!, 'TEXT cpu_utilization:0.5,rps_fractional:50');
  clock.advanceBy(2_500);
  expect(weights()).toEqual([100, 100, 1]);
  expect(owner.selected).toBe(2);
  clock.advanceBy(1_000);
  expect(weights()).toEqual([1, 1, 1]);
  clock.advanceBy(60_000);
  expect(owner.selected).toBe(3);
  expect(clock.armedCount).toBe(0);
});

test('a configuration that asks no more stops it', () => {
  const { clock, endpoints, owner, reports, tell } = start({ balance: weighted });
  tell(endpoints[0]!, 'TEXT cpu_utilization:0.5,rps_fractional:100');
  expect(createReports(owner, reports)).toBe(reports);
  owner.config = { balance: { kind: 'random' } } as ClusterConfig;
  expect(createReports(owner, reports)).toBeNull();
  clock.advanceBy(60_000);
  expect(owner.selected).toBe(0);
});
