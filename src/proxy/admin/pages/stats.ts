// /stats and /stats/prometheus. Both come from the same families, so that there is one list of what is counted; /stats
// says it in Envoy's words (`cluster.NAME.upstream_rq_503`), which its tools and people's scripts read.

import type { AdminContext } from '../context.ts';
import { writeMetrics } from '../metrics/index.ts';
import { type AdminReply, type AdminRequest, json, text } from '../reply.ts';
import { bucketForms, describeHistogram, parseHistograms, writeHistogram } from './histogram-stats.ts';
import { parseStats, type Stat } from './stat-names.ts';

/** Envoy's `usedonly` leaves out what never counted; `filter` is a regular expression on the family's name. */
export function prometheusPage(context: AdminContext, request: AdminRequest): AdminReply {
  const families = parseFilter(request.query.get('filter'));
  if (families === null) return text('filter must be a regular expression\n', 400);
  return {
    status: 200,
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    body: writeMetrics(context, { families, usedOnly: request.query.has('usedonly') }),
  };
}

const types: Readonly<Record<string, (stat: Stat) => boolean>> = {
  All: () => true,
  Counters: ({ type }) => type === 'counter',
  Gauges: ({ type }) => type === 'gauge',
  Histograms: ({ type }) => type === 'histogram',
  TextReadouts: () => false,
};

/**
 * Envoy's options: `format` text, json or prometheus; `filter`, on the whole name; `usedonly`; `type`;
 * `histogram_buckets`. Histograms are their count and sum where nothing else is said.
 */
export function statsPage(context: AdminContext, request: AdminRequest): AdminReply {
  const format = request.query.get('format') ?? 'text';
  if (format === 'prometheus') return prometheusPage(context, request);
  if (format !== 'text' && format !== 'json')
    return text('usage: /stats?format=text, json or prometheus\n', 400);
  const filter = parseFilter(request.query.get('filter'));
  if (filter === null) return text('filter must be a regular expression\n', 400);
  const isWanted = types[request.query.get('type') ?? 'All'];
  if (isWanted === undefined) return text(`type must be one of ${Object.keys(types).join(', ')}\n`, 400);
  const form = request.query.get('histogram_buckets') ?? 'summary';
  const buckets = bucketForms.find((known) => known === form) ?? null;
  if (buckets === null && form !== 'summary')
    return text('usage: /stats?histogram_buckets=cumulative, disjoint or summary\n', 400);
  const scrape = [...writeMetrics(context, { usedOnly: request.query.has('usedonly') })].join('');
  const all = context
    .sinceReset(parseStats(scrape))
    .filter(({ type }) => buckets === null || type !== 'histogram');
  const wantsHistograms =
    buckets !== null && ['All', 'Histograms'].includes(request.query.get('type') ?? 'All');
  const histograms = wantsHistograms
    ? parseHistograms(scrape, buckets).filter(({ name }) => filter.test(name))
    : [];
  const stats = all.filter((stat) => isWanted(stat) && filter.test(stat.name));
  if (format === 'json') {
    const described = histograms.length === 0 ? [] : [{ histograms: histograms.map(describeHistogram) }];
    return json({ stats: [...stats.map(({ name, value }) => ({ name, value })), ...described] });
  }
  const lines = [...stats.map(({ name, value }) => `${name}: ${value}\n`), ...histograms.map(writeHistogram)];
  return text(lines.join(''));
}

function parseFilter(filter: string | undefined): RegExp | null {
  try {
    return new RegExp(filter ?? '');
  } catch {
    return null;
  }
}

/** Counters of /stats begin at 0 again; those of Prometheus, whose rates would see a restart, go on. */
export function resetCountersPage(context: AdminContext): AdminReply {
  context.resetCounters(parseStats([...writeMetrics(context)].join('')));
  return text('OK\n');
}
