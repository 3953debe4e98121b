// Series of virtual clusters and of routes with a stat_prefix, under Envoy's names. Listeners that serve the same route
// table share their series.

import { Histogram, latencyBoundsSeconds, type PrometheusWriter } from '../../../observe/index.ts';
import type { Tally } from '../../stats/index.ts';
import type { AdminContext } from '../context.ts';

interface Group {
  readonly labels: Readonly<Record<string, string>>;
  readonly tallies: Tally[];
}

const counters: readonly (readonly [name: string, help: string, value: (tally: Tally) => number])[] = [
  ['total', 'Attempts sent.', (tally) => tally.attempts],
  ['retry', 'Retries made.', (tally) => tally.retries],
  ['retry_success', 'Requests that ended well after a retry.', (tally) => tally.retrySuccess],
  ['retry_limit_exceeded', 'Retries not made: attempts used up.', (tally) => tally.retryExhausted],
  ['retry_overflow', 'Retries not made: the budget used up.', (tally) => tally.retryOverflow],
  ['timeout', 'Attempts without an answer when the request’s time was over.', (tally) => tally.timeouts],
  ['completed', 'Attempts answered, and not made again.', (tally) => sum(tally.answers.classes)],
];

export function* writeTallyMetrics(writer: PrometheusWriter, context: AdminContext): Iterable<void> {
  for (const kind of ['vcluster', 'route'] as const) {
    const groups = groupsOf(context, kind);
    if (groups.length === 0) continue;
    const prefix = `envoy_vhost_${kind}_upstream_rq`;
    for (const [name, help, value] of counters) {
      writer.family(`${prefix}_${name}`, 'counter', help);
      for (const { labels, tallies } of groups) writer.sample(labels, sum(tallies.map(value)));
      if (writer.full) yield;
    }
    writeAnswers(writer, prefix, groups);
    writer.family(
      `${prefix}_time`,
      'histogram',
      'Milliseconds from sending an attempt to its response head.',
    );
    for (const { labels, tallies } of groups) writer.histogram(labels, times(tallies), 1000);
    if (writer.full) yield;
  }
}

function groupsOf(context: AdminContext, kind: Tally['kind']): readonly Group[] {
  const label = kind === 'route' ? 'envoy_route' : 'envoy_virtual_cluster';
  const groups = new Map<string, Group>();
  for (const { tallies } of context.view.listeners.values()) {
    for (const tally of tallies.all) {
      if (tally.kind !== kind) continue;
      const { name, virtualHost } = tally;
      const key = JSON.stringify([virtualHost, name]);
      const group = groups.get(key);
      if (group !== undefined) group.tallies.push(tally);
      else groups.set(key, { labels: { envoy_virtual_host: virtualHost, [label]: name }, tallies: [tally] });
    }
  }
  return [...groups.values()];
}

function writeAnswers(writer: PrometheusWriter, prefix: string, groups: readonly Group[]): void {
  writer.family(`${prefix}_xx`, 'counter', 'Attempts answered, by class of the status.');
  for (const { labels, tallies } of groups) {
    for (let statusClass = 1; statusClass <= 5; statusClass++) {
      const count = sum(tallies.map(({ answers }) => answers.classes[statusClass] ?? 0));
      if (count > 0) writer.sample({ ...labels, envoy_response_code_class: `${statusClass}` }, count);
    }
  }
  writer.family(prefix, 'counter', 'The same by status.');
  for (const { labels, tallies } of groups) {
    const statuses = new Map<number, number>();
    for (const { answers } of tallies)
      for (const [status, count] of answers.statuses)
        statuses.set(status, (statuses.get(status) ?? 0) + count);
    for (const [status, count] of statuses)
      writer.sample({ ...labels, envoy_response_code: `${status}` }, count);
  }
}

function times(tallies: readonly Tally[]): Histogram {
  const [first] = tallies;
  if (first !== undefined && tallies.length === 1) return first.latency;
  const all = new Histogram(latencyBoundsSeconds);
  for (const { latency } of tallies) all.merge(latency);
  return all;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
