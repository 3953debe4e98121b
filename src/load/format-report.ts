// The report as a person reads it.

import type { LatencySummary, LoadReport } from './types.ts';

/** Above this share of the median latency, the generator's own lateness spoils the figures. */
const latenessShareMax = 0.5;

export function formatReport(report: LoadReport): string {
  const seconds = (report.elapsedMs / 1000).toFixed(1);
  const lines = [
    `${report.due} requests in ${seconds} s: ${report.succeeded} succeeded, ${report.failed} failed` +
      (report.unfinished > 0 ? `, ${report.unfinished} unfinished` : ''),
    `${report.throughputPerSecond.toFixed(1)}/s of ${report.ratePerSecond}/s wanted, ${formatBytes(report.bytesReceived)} received`,
    '',
    'ms                   mean       p50       p90       p99     p99.9       max',
    formatRow('latency', report.latencyMs),
    formatRow('service time', report.serviceMs),
    formatRow('own lateness', report.latenessMs),
    '',
    `status    ${formatCounts(report.statuses)}`,
  ];
  if (report.failed > 0) lines.push(`failures  ${formatCounts(report.failures)}`);
  if (report.interrupted) lines.push('interrupted: this is what was done until then');
  if (isSelfMade(report))
    lines.push('warning: the generator itself was late; lower the rate or give it more CPU');
  return lines.join('\n');
}

function isSelfMade({ latenessMs, latencyMs }: LoadReport): boolean {
  return latenessMs.p50 > 1 || (latenessMs.p99 > 1 && latenessMs.p99 > latencyMs.p99 * latenessShareMax);
}

function formatRow(name: string, summary: LatencySummary): string {
  const { mean, p50, p90, p99, p999, max } = summary;
  const cells = [mean, p50, p90, p99, p999, max].map((value) => value.toFixed(3).padStart(10));
  return `${name.padEnd(15)}${cells.join('')}`;
}

function formatCounts(counts: Readonly<Record<string, number>>): string {
  const cells = Object.entries(counts).map(([name, count]) => `${name}: ${count}`);
  return cells.length === 0 ? '-' : cells.join('  ');
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
