// The story as a page: what the clients felt, second by second, above the steps, and a table of them.

import type { StoryReport } from './report.ts';
import type { StepReport } from './stage.ts';
import type { Part } from './usage.ts';

const width = 1100;
const chartHeight = 180;
const parts: readonly Part[] = ['service', 'agent', 'sidecar', 'envoy', 'gateway', 'control'];

export function drawPage(report: StoryReport): string {
  const { steps, seconds, requests, failed, calls, money, faults } = report;
  const verdict = faults.length === 0 ? 'It went well.' : faults.map(escapeText).join('<br>');
  const latency = drawChart('latency in ms: p50, p99 (log)', steps, [
    seconds.map(({ atSeconds, p50Ms }) => [atSeconds, Math.log10(1 + (p50Ms ?? 0))] as const),
    seconds.map(({ atSeconds, p99Ms }) => [atSeconds, Math.log10(1 + (p99Ms ?? 0))] as const),
  ]);
  const pace = drawChart('answers and failures a second', steps, [
    seconds.map((second) => [second.atSeconds, second.requests] as const),
    seconds.map((second) => [second.atSeconds, second.failed] as const),
  ]);
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>The bank moves</title>
<style>body{font:14px sans-serif;margin:2em;max-width:${width}px}td,th{padding:.2em .6em;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child,td:last-child{text-align:left}svg{background:#fafafa}</style>
<h1>The bank moves</h1>
<p>${requests} requests, ${failed} failed; at least ${calls} calls between services; ${money.agreed} transfers, ${money.lost} lost,
${money.doubled} doubled.</p><p>${verdict}</p>
${latency}
${pace}
<table><tr><th>step<th>s<th>requests<th>failed<th>p50 ms<th>p99 ms${parts.map((part) => `<th>${part}: n, % of a core, MB each`).join('')}<th>detail</tr>
${steps.map(drawRow).join('\n')}
</table></html>
`;
}

function drawRow(step: StepReport): string {
  const { name, about, seconds, requests, failed, p50Ms, p99Ms, usage, detail, fault } = step;
  const usages = parts.map((part) => {
    const used = usage[part];
    return used === undefined
      ? '<td>'
      : `<td>${used.processes}, ${used.corePercent.toFixed(0)}, ${used.megabytes.toFixed(0)}`;
  });
  const said = escapeText(
    fault === '' ? (detail === undefined ? about : `${about} ${JSON.stringify(detail)}`) : fault,
  );
  return `<tr><td>${escapeText(name)}<td>${seconds.toFixed(1)}<td>${requests}<td>${failed}<td>${p50Ms ?? ''}<td>${p99Ms ?? ''}${usages.join('')}<td>${said}</tr>`;
}

type Line = readonly (readonly [x: number, y: number])[];

const colours = ['#0f766e', '#b91c1c'] as const;

function drawChart(title: string, steps: readonly StepReport[], lines: readonly Line[]): string {
  const offset = steps.find(({ requests }) => requests > 0)?.beganSeconds ?? 0;
  const xMax = Math.max(1, ...lines.flat().map(([x]) => x));
  const yMax = Math.max(1, ...lines.flat().map(([, y]) => y));
  const x = (value: number) => ((value / xMax) * width).toFixed(1);
  const y = (value: number) => (chartHeight - (value / yMax) * (chartHeight - 20)).toFixed(1);
  const marks = steps
    .filter(({ beganSeconds }) => beganSeconds >= offset)
    .map(({ name, beganSeconds }, at) => {
      const left = x(Math.min(xMax, beganSeconds - offset));
      return `<line x1="${left}" x2="${left}" y1="0" y2="${chartHeight}" stroke="#ccc"/><text x="${left}" y="${12 + 11 * (at % 3)}" font-size="10">${escapeText(name)}</text>`;
    });
  const paths = lines.map((line, at) => {
    const points = line.map(([left, top]) => `${x(left)},${y(top)}`).join(' ');
    return `<polyline points="${points}" fill="none" stroke="${colours[at % colours.length]}"/>`;
  });
  return `<h3>${escapeText(title)}</h3><svg viewBox="0 0 ${width} ${chartHeight}" width="${width}">${marks.join('')}${paths.join('')}</svg>`;
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
