// What HTTP filters counted, under Envoy's names. Filters of listeners that share a stat prefix share their series.

import { Histogram, type PrometheusWriter } from '../../../observe/index.ts';
import type { FilterSample } from '../../stats/index.ts';
import type { AdminContext } from '../context.ts';

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
  readonly histogram: Histogram | null;
}

interface Family {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly series: Map<string, Series>;
}

export function* writeFilterMetrics(writer: PrometheusWriter, context: AdminContext): Iterable<void> {
  const families = new Map<string, Family>();
  for (const { config, filters, network } of context.view.listeners.values()) {
    for (const sample of network?.samples() ?? []) add(families, sample, config.statPrefix);
    for (const filter of filters.filters)
      for (const sample of filter.samples()) add(families, sample, config.statPrefix);
  }
  for (const [name, { type, series }] of [...families].sort(([a], [b]) => (a < b ? -1 : 1))) {
    writer.family(
      name.startsWith('weft_') ? name : `envoy_${name}`,
      type,
      'Of a filter, under the name that Envoy gives it.',
    );
    for (const { labels, value, histogram } of series.values())
      if (histogram === null) writer.sample(labels, value);
      else writer.histogram(labels, histogram, 1000);
    if (writer.full) yield;
  }
}

function add(families: Map<string, Family>, sample: FilterSample, prefix: string): void {
  const { name, value, histogram } = sample;
  const type = histogram === undefined ? (sample.type ?? 'counter') : 'histogram';
  const labels = {
    ...(name.startsWith('http_') && !name.startsWith('http_local_rate_limit')
      ? { envoy_http_conn_manager_prefix: prefix }
      : {}),
    ...sample.labels,
  };
  const family = families.get(name) ?? { type, series: new Map<string, Series>() };
  families.set(name, family);
  const key = JSON.stringify(labels);
  const known = family.series.get(key) ?? { labels, value: 0, histogram: emptyLike(histogram) };
  family.series.set(key, known);
  known.value += value;
  if (histogram !== undefined) known.histogram?.merge(histogram);
}

function emptyLike(histogram: Histogram | undefined): Histogram | null {
  return histogram === undefined ? null : new Histogram(histogram.bounds);
}
