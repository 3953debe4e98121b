// The table: a row a figure, a column a proxy, the ratio to Envoy behind it.

import type { CaseResult } from './run.ts';

/** A Markdown table; in each cell the figure and, where Envoy took part, its ratio to Envoy's. */
export function formatCase({ name, about, peers, rows }: CaseResult): string {
  const envoy = peers.indexOf('envoy');
  const cells = (values: readonly number[]) =>
    values.map((value, at) => {
      const ratio = at === envoy ? Number.NaN : value / (values[envoy] ?? Number.NaN);
      return Number.isFinite(ratio) ? `${format(value)} (${ratio.toFixed(2)})` : format(value);
    });
  return [
    `## ${name}`,
    '',
    foldProse(about),
    '',
    'In brackets: ratio to Envoy.',
    '',
    `| | ${peers.join(' | ')} |`,
    `|---|${peers.map(() => '---').join('|')}|`,
    ...rows.map(({ label, values }) => `| ${label} | ${cells(values).join(' | ')} |`),
    '',
  ].join('\n');
}

/** At 120 columns, as all prose here. */
function foldProse(text: string): string {
  return text.replaceAll(/(.{1,120})(?: |$)/g, '$1\n').trimEnd();
}

function format(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}
