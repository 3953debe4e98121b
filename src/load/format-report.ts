// The report as a person reads it. What was not measured is not printed: a run without a success has no latency.

import { notHttp2 } from './http2-connection.ts';
import type { LatencySummary, LoadReport } from './types.ts';

/** Above this share of the median latency, the generator's own lateness spoils the figures. */
const latenessShareMax = 0.5;

export function formatReport(report: LoadReport): string {
  const { due, succeeded, failed, unfinished } = report;
  const seconds = (report.elapsedMs / 1000).toFixed(1);
  const lines = [
    `${due} requests in ${seconds} s: ${succeeded} succeeded, ${failed} failed` +
      (unfinished > 0 ? `, ${unfinished} unfinished` : ''),
    `${report.throughputPerSecond.toFixed(1)}/s of ${report.ratePerSecond}/s wanted, ${formatBytes(report.bytesReceived)} received`,
    '',
    ...formatTimes(report),
    `status    ${formatCounts(report.statuses)}`,
  ];
  if (Object.keys(report.grpcStatuses).length > 0) {
    lines.push(`gRPC      ${formatCounts(report.grpcStatuses)}`);
    lines.push(`messages  ${report.messagesReceived} received`);
  }
  if (failed > 0) lines.push(`failures  ${formatCounts(report.failures)}`);
  return [...lines, ...formatRemarks(report)].join('\n');
}

function formatTimes({ latencyMs, serviceMs, latenessMs }: LoadReport): string[] {
  if (latencyMs === null) return ['no latency: no request succeeded', ''];
  return [
    'ms                   mean       p50       p90       p99     p99.9       max',
    formatRow('latency', latencyMs),
    ...(serviceMs === null ? [] : [formatRow('service time', serviceMs)]),
    ...(latenessMs === null ? [] : [formatRow('own lateness', latenessMs)]),
    '',
  ];
}

/** What a reader of the figures must know of them. */
function formatRemarks(report: LoadReport): string[] {
  const { waited, connections, failures, streams } = report;
  const remarks: string[] = [];
  if (waited > 0) {
    const all = connections === 1 ? 'the connection was' : `all ${connections} connections were`;
    const dropped = (failures['overflow'] ?? 0) > 0 ? ', and too many waited (overflow)' : '';
    remarks.push(
      `connections exhausted: for ${waited} requests ${all} busy when they were due${dropped}; see --connections${streams > 0 ? ', --streams' : ''}`,
    );
  }
  if ((failures[notHttp2] ?? 0) > 0)
    remarks.push(`${notHttp2}: a server answered HTTP/1; without --http2 it is asked so`);
  if (report.interrupted) remarks.push('interrupted: this is what was done until then');
  if (isSelfMade(report))
    remarks.push('warning: the generator itself was late; lower the rate or give it more CPU');
  return remarks;
}

function isSelfMade({ latenessMs, latencyMs }: LoadReport): boolean {
  if (latenessMs === null) return false;
  if (latenessMs.p50 > 1) return true;
  return latencyMs !== null && latenessMs.p99 > 1 && latenessMs.p99 > latencyMs.p99 * latenessShareMax;
}

function formatRow(name: string, summary: LatencySummary): string {
  const { mean, p50, p90, p99, p999, max } = summary;
  const cells = [mean, p50, p90, p99, p999, max].map((value) => value.toFixed(3).padStart(10));
  return `${name.padEnd(15)}${cells.join('')}`;
}

function formatCounts(counts: Readonly<Record<string, number>>): string {
  const cells = Object.entries(counts).map(([name, count]) => `${name}: ${count}`);
  return cells.length === 0 ? 'none answered' : cells.join('  ');
}

function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]!}`;
}
