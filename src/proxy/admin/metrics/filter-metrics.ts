// What HTTP filters did: one counter for all kinds, since each kind has outcomes of its own.

import type { PrometheusWriter } from '../../../observe/index.ts';
import type { AdminContext } from '../context.ts';

export function* writeFilterMetrics(writer: PrometheusWriter, context: AdminContext): Iterable<void> {
  writer.family('weft_http_filter_total', 'counter', 'What HTTP filters did with requests.');
  for (const { name: listener, filters } of context.view.listeners.values()) {
    for (const { name: filter, counts } of filters.filters) {
      for (const outcome in counts) writer.sample({ listener, filter, outcome }, counts[outcome]!);
    }
    if (writer.full) yield;
  }
}
