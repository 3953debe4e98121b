// CPU a request of all cases as bars, in SVG: one group a row, one bar a proxy, as a ratio to Envoy.

import type { CaseResult } from './run.ts';

const colours = ['#0f766e', '#9333ea', '#d97706', '#64748b'] as const;
const barHeight = 12;
const groupGap = 14;
const labelWidth = 330;
const barWidth = 420;
/** Ratios above it are cut. */
const widest = 2;

export function drawChart(results: readonly CaseResult[]): string {
  const groups = results.flatMap(({ name, peers, rows }) => {
    const envoy = peers.indexOf('envoy');
    return rows
      .filter(({ label, values }) => label.includes('CPU us') && Number.isFinite(values[envoy] ?? Number.NaN))
      .map(({ label, values }) => ({
        title: `${name}: ${label}`,
        bars: peers.map((peer, at) => ({ peer, ratio: values[at]! / values[envoy]! })),
      }));
  });
  let y = 30;
  const parts: string[] = [];
  for (const { title, bars } of groups) {
    parts.push(text(labelWidth - 8, y + (bars.length * barHeight) / 2 + 4, title, 'end'));
    for (const [at, { ratio }] of bars.entries()) {
      if (Number.isFinite(ratio)) parts.push(bar(y, ratio, colours[at % colours.length]!));
      y += barHeight;
    }
    y += groupGap;
  }
  const names = results[0]?.peers ?? [];
  const legend = names.map((name, at) =>
    text(labelWidth + at * 90, 16, name, 'start', colours[at % colours.length]),
  );
  const width = labelWidth + barWidth + 60;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" font-family="sans-serif" font-size="11">
<title>CPU a request as a ratio to Envoy</title>
<rect width="${width}" height="${y}" fill="white"/>
${[...legend, ...parts].join('\n')}
</svg>
`;
}

function bar(y: number, ratio: number, colour: string): string {
  const width = (Math.min(ratio, widest) / widest) * barWidth;
  return `<rect x="${labelWidth}" y="${y}" width="${width.toFixed(1)}" height="${barHeight - 2}" fill="${colour}"/>${text(labelWidth + width + 4, y + barHeight - 3, ratio.toFixed(2), 'start')}`;
}

function text(x: number, y: number, words: string, anchor: string, colour = '#111'): string {
  const safe = words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${colour}">${safe}</text>`;
}
