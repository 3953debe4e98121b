// /stats and /stats/prometheus. Both come from the same families, so that there is one list of what is counted; /stats
// says it in Envoy's words (`cluster.NAME.upstream_rq_503`), which its tools and people's scripts read.

import type { AdminContext } from '../context.ts';
import { writeMetrics } from '../metrics/index.ts';
import { type AdminReply, type AdminRequest, json, text } from '../reply.ts';
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
 * Envoy's options: `format` text, json or prometheus; `filter`, on the whole name; `usedonly`; `type`. Histograms are
 * their count and sum.
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
  const all = parseStats([...writeMetrics(context, { usedOnly: request.query.has('usedonly') })].join(''));
  const stats = all.filter((stat) => isWanted(stat) && filter.test(stat.name));
  if (format === 'json') return json({ stats: stats.map(({ name, value }) => ({ name, value })) });
  return text(stats.map(({ name, value }) => `${name}: ${value}\n`).join(''));
}

function parseFilter(filter: string | undefined): RegExp | null {
  try {
    return new RegExp(filter ?? '');
  } catch {
    return null;
  }
}
