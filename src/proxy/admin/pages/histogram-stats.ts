// Histograms of /stats by their buckets: `histogram_buckets=cumulative` or `disjoint`. There are no flush intervals
// here: both figures of a bucket, the interval's and the total, are those since the start.

import { dottedName } from './stat-names.ts';

export interface HistogramStat {
  readonly name: string;
  readonly buckets: readonly { readonly upperBound: number; readonly count: number }[];
}

export const bucketForms = ['cumulative', 'disjoint'] as const;
export type BucketForm = (typeof bucketForms)[number];

/** Out of a scrape, without the bucket that has no bound. */
export function parseHistograms(scrape: string, form: BucketForm): readonly HistogramStat[] {
  const found = new Map<string, { upperBound: number; count: number }[]>();
  for (const line of scrape.split('\n')) {
    const sample = /^([a-zA-Z0-9_]+)_bucket\{(.*?),?le="([^"]+)"\} (\S+)$/.exec(line);
    if (sample === null) continue;
    const [, name = '', labels = '', bound = '', count = ''] = sample;
    const key = dottedName(name, labels);
    const buckets = found.get(key) ?? [];
    found.set(key, buckets);
    if (bound !== '+Inf') buckets.push({ upperBound: Number(bound), count: Number(count) });
  }
  return [...found]
    .map(([name, buckets]) => ({ name, buckets: form === 'cumulative' ? buckets : differences(buckets) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function differences(buckets: HistogramStat['buckets']): HistogramStat['buckets'] {
  return buckets.map(({ upperBound, count }, at) => ({
    upperBound,
    count: count - (buckets[at - 1]?.count ?? 0),
  }));
}

export function writeHistogram({ name, buckets }: HistogramStat): string {
  const text = buckets.map(({ upperBound, count }) => `B${upperBound}(${count},${count})`).join(' ');
  return `${name}: ${buckets.every(({ count }) => count === 0) ? 'No recorded values' : text}\n`;
}

export function describeHistogram({ name, buckets }: HistogramStat): object {
  return {
    name,
    buckets: buckets.map(({ upperBound, count }) => ({
      upper_bound: upperBound,
      interval: count,
      cumulative: count,
    })),
  };
}
