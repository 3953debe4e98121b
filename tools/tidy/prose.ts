// Text that people read and review line by line: prose no wider than a screen, tables without padding, so that a change
// of one cell is a change of one line.

import type { Finding, Rule, Source } from './source.ts';

/** Columns of prose in documents, and of comments in code. */
export const proseColumnsMax = 120;

/** Prose and tables of one Markdown file. Code, links that stand alone and images may be as long as they must. */
export function checkProse(source: Source): Finding[] {
  const findings: Finding[] = [];
  const report = (at: number, rule: string, message: string) =>
    findings.push({ path: source.path, line: at + 1, rule, message });
  let code = false;
  for (const [at, line] of source.lines.entries()) {
    if (/^\s*```/.test(line)) code = !code;
    if (code || /^\s*!?\[[^\]]*\]\([^)]*\)$/.test(line)) continue;
    if (line.startsWith('|')) {
      if (isPadded(line)) report(at, 'table', 'one space beside a cell, three dashes under a head');
    } else if (line.length > proseColumnsMax)
      report(at, 'prose', `${line.length} columns, at most ${proseColumnsMax}`);
  }
  return findings;
}

function isPadded(line: string): boolean {
  return /[^|\s] {2,}\||-{4,}\s*\|/.test(line.replaceAll(/`[^`]*`/g, 'x'));
}

export const commentRule: Rule = {
  name: 'comment',
  check: (source) =>
    source.lines.flatMap((line, at) =>
      /^\s*(\/\/|\*|\/\*\*)/.test(line) && line.length > proseColumnsMax
        ? [{ line: at + 1, message: `${line.length} columns, at most ${proseColumnsMax}` }]
        : [],
    ),
};
