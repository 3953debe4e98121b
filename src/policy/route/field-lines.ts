// Fields that were sent in several lines, as Envoy's header matchers see them: joined by a comma alone, and asked for a
// range line by line.

import type { LinesView } from '../retry/types.ts';

/** Of a ValueMatcher, what is asked of it here. */
interface Matcher {
  readonly kind: string;
  matches(text: string): boolean;
}

/** `joined`: all lines of `name`, joined by a comma and a space. */
export function matchesLines(matcher: Matcher, name: string, joined: string, view: LinesView): boolean {
  // Nearly always there is one, and nothing to take apart.
  if (!joined.includes(', ')) return matcher.matches(joined);
  const lines = linesOf(name, view);
  if (lines.length < 2) return matcher.matches(joined);
  return matcher.kind === 'range'
    ? lines.some((line) => matcher.matches(line))
    : matcher.matches(lines.join(','));
}

function linesOf(name: string, view: LinesView): string[] {
  const lines: string[] = [];
  for (let index = 0; index < (view.count ?? 0); index++)
    if (view.isRemoved?.(index) === false && view.nameAt?.(index) === name)
      lines.push(view.valueAt?.(index) ?? '');
  return lines;
}
