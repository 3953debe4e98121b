// From the tree to Thompson's construction: one array of instructions, of which only `set` consumes a byte.

import { fail, ok, type Result } from '../../../base/index.ts';
import { policyLimits } from '../../limits.ts';
import type { ByteSet } from './byte-set.ts';
import type { RegexNode } from './parse.ts';

export type Instruction =
  | { readonly op: 'set'; readonly set: ByteSet; readonly next: number }
  | { readonly op: 'split'; next: number; other: number }
  | { readonly op: 'begin' | 'end'; readonly next: number }
  | { readonly op: 'match' };

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly start: number;
}

export function compileProgram(node: RegexNode): Result<Program, string> {
  const instructions: Instruction[] = [{ op: 'match' }];
  const start = emit(node, 0, instructions);
  if (instructions.length > policyLimits.regexStatesMax)
    return fail(`must compile to at most ${policyLimits.regexStatesMax} states`);
  return ok({ instructions, start });
}

/** Emits `node` so that it goes on at `next`; the result is where it begins. Gives up quietly above the limit. */
function emit(node: RegexNode, next: number, to: Instruction[]): number {
  if (to.length > policyLimits.regexStatesMax) return next;
  switch (node.kind) {
    case 'set':
      return to.push({ op: 'set', set: node.set, next }) - 1;
    case 'begin':
    case 'end':
      return to.push({ op: node.kind, next }) - 1;
    case 'sequence':
      return node.parts.reduceRight((after, part) => emit(part, after, to), next);
    case 'choice':
      return node.parts
        .map((part) => emit(part, next, to))
        .reduceRight((other, begin) => to.push({ op: 'split', next: begin, other }) - 1);
    case 'repeat':
      return emitRepeat(node, next, to);
  }
}

function emitRepeat(node: Extract<RegexNode, { kind: 'repeat' }>, next: number, to: Instruction[]): number {
  let begin = next;
  if (node.max < 0) {
    const loop: Instruction = { op: 'split', next: 0, other: next };
    begin = to.push(loop) - 1;
    loop.next = emit(node.part, begin, to);
  }
  for (let optional = node.min; optional < node.max; optional++) {
    const part = emit(node.part, begin, to);
    begin = to.push({ op: 'split', next: part, other: next }) - 1;
    if (to.length > policyLimits.regexStatesMax) return begin;
  }
  for (let required = 0; required < node.min; required++) {
    begin = emit(node.part, begin, to);
    if (to.length > policyLimits.regexStatesMax) return begin;
  }
  return begin;
}
