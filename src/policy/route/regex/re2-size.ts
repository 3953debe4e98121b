// How large RE2 would make a pattern's program. A stock Envoy refuses a whole route configuration for one pattern above
// 100 instructions (re2.max_program_size.error_level), so a control plane must know before it sends one. Never below
// RE2's own count; above it where RE2 joins common beginnings. re2-size.test.ts holds counts taken from RE2 itself.

import { policyLimits } from '../../limits.ts';
import { hasByte } from './byte-set.ts';
import { parseRegex, type RegexNode } from './parse.ts';
import { compileRegex } from './safe-regex.ts';

/** Instructions that every program has: fail, match and the search before them. */
const frame = 4;
/** RE2 matches UTF-8: a set that takes bytes beyond ASCII is a small tree of ranges. */
const beyondAscii = 6;
const capture = 2;

/** The rule that a pattern breaks, for all proxies together: those of Weft and of Envoy. */
export function portableRegexFault(pattern: string): string | null {
  // Envoy's own rule of RegexMatcher.regex; an empty one fits the empty text alone.
  if (pattern === '') return 'must not be empty';
  const regex = compileRegex(pattern);
  if (!regex.ok) return regex.error;
  const size = re2Size(pattern);
  const { re2InstructionsMax } = policyLimits;
  return size > re2InstructionsMax
    ? `must compile to at most ${re2InstructionsMax} instructions of RE2, as Envoy has it, not to some ${size}`
    : null;
}

/** Infinity for what does not parse. */
export function re2Size(pattern: string): number {
  const tree = parseRegex(pattern);
  return tree.ok ? frame + sizeOf(tree.value) : Number.POSITIVE_INFINITY;
}

function sizeOf(node: RegexNode): number {
  switch (node.kind) {
    case 'set':
      return sizeOfSet(node.set);
    case 'begin':
    case 'end':
      return 0;
    case 'sequence':
    case 'choice':
      return node.parts.reduce((sum, part) => sum + sizeOf(part), node.group === undefined ? 0 : capture);
    case 'repeat': {
      const part = sizeOf(node.part);
      if (node.max < 0) return node.min === 0 ? part : part * node.min + 1;
      return part * node.max + (node.max - node.min);
    }
  }
}

function sizeOfSet(set: Parameters<typeof hasByte>[0]): number {
  let ranges = 0;
  for (let byte = 0; byte < 0x80; byte++)
    if (hasByte(set, byte) && (byte === 0 || !hasByte(set, byte - 1))) ranges++;
  let beyond = false;
  for (let byte = 0x80; byte < 0x100; byte++) beyond ||= hasByte(set, byte);
  return Math.max(1, ranges + (beyond && ranges > 0 ? beyondAscii : 0));
}
