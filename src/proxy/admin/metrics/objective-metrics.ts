// What services promise, and how much of their error budgets is left, as this proxy saw it.

import type { PrometheusWriter } from '../../../observe/index.ts';
import { budgetsLeft, type ObjectiveConfig } from '../../../policy/index.ts';
import type { ClusterView } from '../../stats/index.ts';

interface Row {
  readonly labels: { readonly cluster: string; readonly service: string; readonly objective: string };
  readonly target: number;
  readonly requests: number;
  readonly failures: number;
  readonly left: number;
}

export function writeObjectives(
  writer: PrometheusWriter,
  clusters: Iterable<ClusterView>,
  nowMs: number,
): void {
  const rows: Row[] = [];
  for (const cluster of clusters)
    if (cluster.config.objective !== null) rows.push(...describe(cluster, cluster.config.objective, nowMs));
  const write = (
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    value: (row: Row) => number,
  ): void => {
    writer.family(name, type, help);
    for (const row of rows) writer.sample(row.labels, value(row));
  };
  write('weft_objective_ratio', 'gauge', 'Share of the requests that must be good.', ({ target }) => target);
  write('weft_objective_requests_total', 'counter', 'Requests that count.', ({ requests }) => requests);
  write('weft_objective_failures_total', 'counter', 'Those that were not good.', ({ failures }) => failures);
  write(
    'weft_error_budget_remaining',
    'gauge',
    'Share of the error budget of the window that is left; below 0: overdrawn.',
    ({ left }) => left,
  );
}

function describe(cluster: ClusterView, config: ObjectiveConfig, nowMs: number): readonly Row[] {
  cluster.settleBudget(nowMs);
  const { objective: counts } = cluster.stats;
  const left = budgetsLeft(config, counts);
  const labels = { cluster: cluster.name, service: cluster.config.service };
  const rows: Row[] = [
    {
      labels: { ...labels, objective: 'availability' },
      target: config.availability / 100,
      requests: counts.requests,
      failures: counts.failures,
      left: left.availability,
    },
  ];
  if (config.latency !== null && left.latency !== null)
    rows.push({
      labels: { ...labels, objective: 'latency' },
      target: config.latency.percentile / 100,
      requests: counts.requests - counts.failures,
      failures: counts.slow,
      left: left.latency,
    });
  return rows;
}
