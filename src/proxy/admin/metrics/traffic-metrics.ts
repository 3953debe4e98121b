// The golden series: how long requests take, by direction, service, route, caller and class of the answer.

import type { PrometheusWriter } from '../../../observe/index.ts';
import type { AdminContext } from '../context.ts';

/** By class of the status; class 0 got no answer at all. */
const codes = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;

export function* writeTrafficMetrics(writer: PrometheusWriter, context: AdminContext): Iterable<void> {
  writer.family(
    'weft_request_duration_seconds',
    'histogram',
    'Seconds from a request’s head to the end of its answer.',
  );
  // Two listeners of one direction may know the same route: the listener's name keeps their series apart.
  for (const { name: listener, traffic } of context.view.listeners.values()) {
    for (const { direction, service, route, peer, durations } of traffic.series) {
      for (const [statusClass, histogram] of durations.entries()) {
        if (histogram === null) continue;
        writer.histogram({ listener, direction, service, route, peer, code: codes[statusClass]! }, histogram);
      }
      if (writer.full) yield;
    }
  }
}
