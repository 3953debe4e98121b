// Results on disk: JSON for programs, Markdown for people, SVG for the eye.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawChart } from './chart.ts';
import { describeMachine } from './machine.ts';
import { formatCase } from './report.ts';
import type { CaseResult } from './run.ts';

/** Writes `results.json`, `results.md` and `cpu.svg` into the folder. */
export function writeResults(folder: string, command: string, results: readonly CaseResult[]): void {
  const machine = describeMachine();
  const commit = Bun.spawnSync(['git', 'rev-parse', '--short', 'HEAD']).stdout.toString().trim();
  const day = new Date().toISOString().slice(0, 10);
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'results.json'),
    `${JSON.stringify({ day, commit, command, machine, results }, null, 2)}\n`,
  );
  const { programs, ...rest } = machine;
  const facts = Object.entries({ ...rest, ...programs }).map(([name, value]) => `- ${name}: ${value}`);
  const head = [`# Bench of ${day}`, '', `\`${command}\` on commit ${commit}.`, '', ...facts, ''];
  const note = ['![CPU a request as a ratio to Envoy](cpu.svg)', ''];
  writeFileSync(join(folder, 'results.md'), [...head, ...note, ...results.map(formatCase)].join('\n'));
  writeFileSync(join(folder, 'cpu.svg'), drawChart(results));
}
