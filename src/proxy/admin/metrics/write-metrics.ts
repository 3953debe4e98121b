// One scrape: all families in a fixed order, each written once over all clusters or listeners.

import { PrometheusWriter } from '../../../observe/index.ts';
import type { AdminContext } from '../context.ts';
import { writeClusterMetrics } from './cluster-metrics.ts';
import { writeListenerMetrics } from './listener-metrics.ts';
import { writeProxyMetrics } from './proxy-metrics.ts';
import { writeTrafficMetrics } from './traffic-metrics.ts';

export function writeMetrics(context: AdminContext): string {
  const writer = new PrometheusWriter({ foldedBefore: context.foldedSeries });
  // The few golden series come first: what a scrape that is too large folds is at its end.
  writeProxyMetrics(writer, context);
  writeTrafficMetrics(writer, context);
  writeListenerMetrics(writer, context);
  writeClusterMetrics(writer, context);
  const body = writer.toString();
  context.foldedSeries = writer.folded;
  return body;
}
