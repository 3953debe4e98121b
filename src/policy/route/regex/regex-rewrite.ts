// Envoy's RegexMatchAndSubstitute: every match of a pattern in a text is replaced, \1 to \9 by what its groups hold
// and \0 by all of it (RE2::GlobalReplace).

import { fail, ok, type Result } from '../../../base/index.ts';
import { policyLimits } from '../../limits.ts';
import { GroupFinder } from './group-finder.ts';
import { groupCount, parseRegex } from './parse.ts';
import { compileGroups } from './program.ts';

/** A number is a group's. */
type Piece = string | number;

/** Which of the two is at fault, and the rule that it breaks. */
export interface RewriteFault {
  readonly at: 'pattern' | 'substitution';
  readonly rule: string;
}

export function compileRewrite(pattern: string, substitution: string): Result<RegexRewrite, RewriteFault> {
  const tree = parseRegex(pattern);
  if (!tree.ok) return fail({ at: 'pattern', rule: tree.error });
  const program = compileGroups(tree.value);
  if (!program.ok) return fail({ at: 'pattern', rule: program.error });
  const groups = groupCount(tree.value);
  const pieces = parseSubstitution(substitution, groups);
  if (!pieces.ok) return fail({ at: 'substitution', rule: pieces.error });
  return ok(new RegexRewrite(new GroupFinder(program.value, groups), pieces.value));
}

function parseSubstitution(text: string, groups: number): Result<readonly Piece[], string> {
  if (text.length > policyLimits.regexCharsMax)
    return fail(`must have at most ${policyLimits.regexCharsMax} characters`);
  const pieces: Piece[] = [];
  for (const [part] of text.matchAll(/\\.?|[^\\]+/gs)) {
    if (!part.startsWith('\\')) pieces.push(part);
    else if (part === '\\\\') pieces.push('\\');
    else if (!/^\\\d$/.test(part)) return fail('may have a backslash before a digit or a backslash only');
    else if (Number(part[1]) > groups)
      return fail(`must not refer to a group beyond the pattern’s ${groups}`);
    else pieces.push(Number(part[1]));
  }
  return ok(pieces);
}

export class RegexRewrite {
  private readonly finder: GroupFinder;
  private readonly pieces: readonly Piece[];

  constructor(finder: GroupFinder, pieces: readonly Piece[]) {
    this.finder = finder;
    this.pieces = pieces;
  }

  /** At most {@link policyLimits.rewrittenCharsMax} are made, beside what stays as it is. */
  replaceAll(text: string): string {
    const finder = this.finder;
    const { slots } = finder;
    finder.begin(text);
    let made = '';
    let at = 0;
    let lastEnd = -1;
    while (at <= text.length && made.length <= policyLimits.rewrittenCharsMax && finder.find(at)) {
      const [begin, end] = [slots[0]!, slots[1]!];
      made += text.slice(at, begin);
      at = end;
      // Nothing is not replaced directly behind a match; the search goes on behind the next character.
      if (begin === end && begin === lastEnd) {
        made += text.slice(at, at + 1);
        at += 1;
      } else {
        made += this.filled(text);
        lastEnd = end;
      }
    }
    finder.end();
    return made + text.slice(at);
  }

  private filled(text: string): string {
    const { slots } = this.finder;
    let filled = '';
    for (const piece of this.pieces)
      filled += typeof piece === 'string' ? piece : text.slice(slots[2 * piece], slots[2 * piece + 1]);
    return filled;
  }
}
