// /stats and /stats/prometheus. Both come from the same families, so that there is one list of what is counted.

import type { AdminContext } from '../context.ts';
import { writeMetrics } from '../metrics/index.ts';
import { type AdminReply, type AdminRequest, text } from '../reply.ts';

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

/** Name and value a line, without the buckets; `filter` is a regular expression on the name with its labels. */
export function statsPage(context: AdminContext, request: AdminRequest): AdminReply {
  const filter = parseFilter(request.query.get('filter'));
  if (filter === null) return text('filter must be a regular expression\n', 400);
  const lines = [...writeMetrics(context)]
    .join('')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket{') && filter.test(line))
    .map((line) => `${line.slice(0, line.lastIndexOf(' '))}: ${line.slice(line.lastIndexOf(' ') + 1)}\n`);
  return text(lines.join(''));
}

function parseFilter(filter: string | undefined): RegExp | null {
  try {
    return new RegExp(filter ?? '');
  } catch {
    return null;
  }
}
