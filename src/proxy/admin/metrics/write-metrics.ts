// One scrape: all families in a fixed order, each written once over all clusters or listeners. A proxy with hundreds of
// clusters writes megabytes; they come in slices, so that no request waits for a scrape.

import { PrometheusWriter, type PrometheusWriterOptions } from '../../../observe/index.ts';
import type { AdminContext } from '../context.ts';
import { writeCertificateMetrics } from './certificate-metrics.ts';
import { writeClusterMetrics } from './cluster-metrics.ts';
import { writeFilterMetrics } from './filter-metrics.ts';
import { writeListenerMetrics } from './listener-metrics.ts';
import { writeOverloadMetrics } from './overload-metrics.ts';
import { writeProxyMetrics } from './proxy-metrics.ts';
import { writeSslMetrics } from './ssl-metrics.ts';
import { writeTallyMetrics } from './tally-metrics.ts';
import { writeTrafficMetrics } from './traffic-metrics.ts';

export type MetricWriter = (writer: PrometheusWriter, context: AdminContext) => Iterable<void>;

/** The few golden series come first: what a scrape that is too large folds is at its end. */
const writers: readonly MetricWriter[] = [
  writeProxyMetrics,
  writeOverloadMetrics,
  writeTrafficMetrics,
  writeListenerMetrics,
  writeFilterMetrics,
  writeTallyMetrics,
  writeClusterMetrics,
  writeSslMetrics,
  writeCertificateMetrics,
];

/** Which part of the scrape is wanted. */
export type MetricsSelection = Pick<PrometheusWriterOptions, 'families' | 'usedOnly'>;

/** The scrape in slices of text. */
export function* writeMetrics(
  context: AdminContext,
  selection: MetricsSelection = {},
): Generator<string, void> {
  const writer = new PrometheusWriter({ ...selection, foldedBefore: context.foldedSeries });
  for (const write of writers) for (const _ of write(writer, context)) yield writer.take();
  const rest = writer.toString();
  context.foldedSeries = writer.folded;
  yield rest;
}
