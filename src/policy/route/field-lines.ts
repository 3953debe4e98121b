// Fields that were sent in several lines: as in Envoy, a header matcher holds where it holds for one of them.

import type { LinesView } from '../retry/types.ts';

/** Of a ValueMatcher, what is asked of it here. */
interface Matcher {
  matches(text: string): boolean;
}

/** `joined`: all lines of `name`, joined by a comma and a space. */
export function matchesLines(matcher: Matcher, name: string, joined: string, view: LinesView): boolean {
  // Nearly always there is one, and nothing to take apart.
  if (!joined.includes(', ')) return matcher.matches(joined);
  const lines = linesOf(name, view);
  if (lines.length < 2) return matcher.matches(joined);
  return lines.some((line) => matcher.matches(line));
}

function linesOf(name: string, view: LinesView): string[] {
  const lines: string[] = [];
  for (let index = 0; index < (view.count ?? 0); index++)
    if (view.isRemoved?.(index) === false && view.nameAt?.(index) === name)
      lines.push(view.valueAt?.(index) ?? '');
  return lines;
}
