// What becomes of the load reports of a cluster's endpoints: weights for a balancer that goes by them, and sums for
// load reports. A cluster has one of these where its configuration asks for either; others never look for a report.
//
// Weights are looked at every `updateMs` from the first report on, until none is fresh any more.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import {
  type EndpointLoad,
  isWeighing,
  type LoadReport,
  type LoadWeightsConfig,
  noteReport,
  visitMetrics,
  weighByLoad,
} from '../../policy/index.ts';
import type { Head } from '../../wire/index.ts';
import type { ClusterConfig } from '../config/types.ts';
import type { ReportCounts } from '../stats/index.ts';
import { LoadMetrics } from './load-metrics.ts';
import { readReport } from './read-report.ts';

export interface ReportingEndpoint extends EndpointLoad {
  readonly priority: number;
  loadMetrics: LoadMetrics | null;
}

/** The cluster, as this sees it. */
export interface ReportsOwner {
  readonly context: { readonly clock: Clock };
  readonly config: ClusterConfig;
  readonly stats: { readonly reports: ReportCounts };
  readonly endpoints: readonly ReportingEndpoint[];
  /** Weights changed. */
  reselect(): void;
}

export class EndpointReports implements TimerHandler {
  private readonly owner: ReportsOwner;
  private readonly weighing = new Timer(this, 0);

  constructor(owner: ReportsOwner) {
    this.owner = owner;
  }

  /** Of an answer's head, or its trailers. True: there was a report, and it was taken. */
  read(endpoint: ReportingEndpoint, head: Head): boolean {
    const report = readReport(head);
    if (report === null) return false;
    const { reports } = this.owner.stats;
    if (report === 'refused') {
      reports.refused += 1;
      return false;
    }
    this.take(endpoint, report);
    return true;
  }

  stop(): void {
    this.owner.context.clock.cancel(this.weighing);
  }

  onTimer(_kind: number, nowMs: number): void {
    const { balance } = this.owner.config;
    if (balance.kind === 'load-weighted') this.weigh(balance, nowMs);
  }

  private take(endpoint: ReportingEndpoint, report: LoadReport): void {
    const { config, context, stats } = this.owner;
    stats.reports.taken += 1;
    const { balance, reportedMetrics } = config;
    if (reportedMetrics !== undefined) {
      endpoint.loadMetrics ??= new LoadMetrics();
      const { loadMetrics } = endpoint;
      visitMetrics(report, reportedMetrics, (name, value) => {
        if (!loadMetrics.add(name, value)) stats.reports.namesLeftOut += 1;
      });
    }
    if (balance.kind !== 'load-weighted') return;
    noteReport(endpoint, report, balance, context.clock.now());
    if (!this.weighing.armed) context.clock.arm(this.weighing, balance.updateMs);
  }

  /** Each priority for itself: the median of one says nothing of another's endpoints. */
  private weigh(config: LoadWeightsConfig, nowMs: number): void {
    const { context, endpoints } = this.owner;
    let changed = false;
    for (const group of Map.groupBy(endpoints, ({ priority }) => priority).values())
      changed = weighByLoad(group, config, nowMs) || changed;
    if (isWeighing(endpoints, config, nowMs)) context.clock.arm(this.weighing, config.updateMs);
    if (changed) this.owner.reselect();
  }
}

/**
 * null: nothing of the configuration asks what its endpoints report. `before`: what held until this configuration.
 */
export function createReports(owner: ReportsOwner, before: EndpointReports | null): EndpointReports | null {
  const { balance, reportedMetrics } = owner.config;
  if (balance.kind === 'load-weighted' || reportedMetrics !== undefined)
    return before ?? new EndpointReports(owner);
  before?.stop();
  return null;
}
