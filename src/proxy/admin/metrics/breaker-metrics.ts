// What remains under the limits of each cluster: of default priority, and of high priority where such requests came.

import type { PrometheusWriter } from '../../../observe/index.ts';
import type { ClusterView, LaneView } from '../../stats/index.ts';

interface BreakerRow {
  /** In `…_NAME_open` and in `…_remaining_NAME`: Envoy writes the pending ones differently in the two. */
  readonly open: string;
  readonly remaining: string;
  readonly left: (lane: LaneView, nowMs: number) => number;
}

const breakerRows: readonly BreakerRow[] = [
  { open: 'cx', remaining: 'cx', left: ({ breaker }) => breaker.limits.connections - breaker.connections },
  // Pools are not limited.
  { open: 'cx_pool', remaining: 'cx_pools', left: () => Number.POSITIVE_INFINITY },
  { open: 'rq', remaining: 'rq', left: ({ breaker }) => breaker.limits.requests - breaker.requests },
  {
    open: 'rq_pending',
    remaining: 'pending',
    left: ({ breaker }) => breaker.limits.pending - breaker.pending,
  },
  {
    open: 'rq_retry',
    remaining: 'retries',
    // -1: nothing limits them, so the breaker never opens.
    left: (lane, nowMs) => {
      const left = lane.retriesLeft(nowMs);
      return left < 0 ? Number.POSITIVE_INFINITY : left;
    },
  },
];

export function writeBreakers(
  writer: PrometheusWriter,
  clusters: readonly ClusterView[],
  nowMs: number,
): void {
  writeLanes(
    writer,
    'default',
    clusters.map(({ config, lane }) => ({ name: config.statName, lane })),
    nowMs,
  );
  const high = clusters.flatMap(({ config, high: lane }) =>
    lane === null ? [] : [{ name: config.statName, lane }],
  );
  if (high.length > 0) writeLanes(writer, 'high', high, nowMs);
}

function writeLanes(
  writer: PrometheusWriter,
  priority: 'default' | 'high',
  lanes: readonly { readonly name: string; readonly lane: LaneView }[],
  nowMs: number,
): void {
  const prefix = `envoy_cluster_circuit_breakers_${priority}`;
  for (const { left, open, remaining } of breakerRows) {
    writer.family(`${prefix}_${open}_open`, 'gauge', '1 while the limit is reached.');
    for (const { name, lane } of lanes)
      writer.sample({ envoy_cluster_name: name }, left(lane, nowMs) > 0 ? 0 : 1);
    writer.family(`${prefix}_remaining_${remaining}`, 'gauge', 'What is left until the limit is reached.');
    for (const { name, lane } of lanes) {
      const count = left(lane, nowMs);
      if (Number.isFinite(count)) writer.sample({ envoy_cluster_name: name }, Math.max(0, count));
    }
  }
}
