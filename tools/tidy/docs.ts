// Links in Markdown files lead somewhere, and every decision is in the index.

import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { Finding, Source } from './source.ts';

/** Findings on one Markdown file; `exists` answers for paths from the root. */
export function checkLinks(source: Source, exists: (path: string) => boolean = existsSync): Finding[] {
  return source.lines.flatMap((text, index) =>
    [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)/g)].flatMap((match) => {
      const target = normalize(join(dirname(source.path), match[1] ?? ''));
      if (exists(target)) return [];
      return [{ path: source.path, line: index + 1, rule: 'links', message: `${target} does not exist` }];
    }),
  );
}

/** Every file in docs/decisions must be linked from its README.md, and have its number for itself. */
export function checkDecisionIndex(files: readonly string[], index: string): Finding[] {
  const decisions = files.filter((path) => /^docs\/decisions\/\d{4}-.*\.md$/.test(path));
  const numbers = decisions.map((path) => nameOf(path).slice(0, 4));
  return decisions.flatMap((path, at) => {
    const finding = (message: string) => ({ path, line: 0, rule: 'decisions', message });
    const first = numbers.indexOf(numbers[at] ?? '');
    return [
      ...(index.includes(nameOf(path)) ? [] : [finding('not linked from docs/decisions/README.md')]),
      ...(first === at ? [] : [finding(`has the number of ${nameOf(decisions[first] ?? '')}`)]),
    ];
  });
}

function nameOf(path: string): string {
  return path.split('/').at(-1) ?? path;
}
