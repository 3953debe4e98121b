// From the tree to Thompson's construction: one array of instructions, of which only `set` consumes a byte. Of the two
// ways of a `split` the first is the preferred one: what a match by itself does not care for, what its groups hold
// follows from it.

import { fail, ok, type Result } from '../../../base/index.ts';
import { policyLimits } from '../../limits.ts';
import type { ByteSet } from './byte-set.ts';
import type { RegexNode } from './parse.ts';

export type Instruction =
  | { readonly op: 'set'; readonly set: ByteSet; readonly next: number }
  | { readonly op: 'split'; next: number; other: number }
  | { readonly op: 'begin' | 'end'; readonly next: number }
  /** Notes the position: `slot` 2n is where group n begins, 2n + 1 where it ends. */
  | { readonly op: 'save'; readonly slot: number; readonly next: number }
  | { readonly op: 'match' };

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly start: number;
}

interface Emission {
  readonly instructions: Instruction[];
  /** Groups are noted. */
  readonly saves: boolean;
  readonly statesMax: number;
}

/** Without groups. */
export function compileProgram(node: RegexNode): Result<Program, string> {
  return compile(node, {
    instructions: [{ op: 'match' }],
    saves: false,
    statesMax: policyLimits.regexStatesMax,
  });
}

/** With groups noted. */
export function compileGroups(node: RegexNode): Result<Program, string> {
  const statesMax = policyLimits.regexGroupStatesMax;
  return compile(node, { instructions: [{ op: 'match' }], saves: true, statesMax });
}

function compile(node: RegexNode, to: Emission): Result<Program, string> {
  const start = emit(node, 0, to);
  if (isFull(to)) return fail(`must compile to at most ${to.statesMax} states`);
  return ok({ instructions: to.instructions, start });
}

function isFull({ instructions, statesMax }: Emission): boolean {
  return instructions.length > statesMax;
}

/** Emits `node` so that it goes on at `next`; the result is where it begins. Gives up quietly above the limit. */
function emit(node: RegexNode, next: number, to: Emission): number {
  if (isFull(to)) return next;
  const { instructions } = to;
  switch (node.kind) {
    case 'set':
      return instructions.push({ op: 'set', set: node.set, next }) - 1;
    case 'begin':
    case 'end':
      return instructions.push({ op: node.kind, next }) - 1;
    case 'sequence': {
      if (node.group === undefined || !to.saves) return emitParts(node.parts, next, to);
      const end = instructions.push({ op: 'save', slot: 2 * node.group + 1, next }) - 1;
      const begin = emitParts(node.parts, end, to);
      return instructions.push({ op: 'save', slot: 2 * node.group, next: begin }) - 1;
    }
    case 'choice':
      return node.parts
        .map((part) => emit(part, next, to))
        .reduceRight((other, begin) => instructions.push({ op: 'split', next: begin, other }) - 1);
    case 'repeat':
      return emitRepeat(node, next, to);
  }
}

function emitParts(parts: readonly RegexNode[], next: number, to: Emission): number {
  return parts.reduceRight((after, part) => emit(part, after, to), next);
}

type Repeat = Extract<RegexNode, { kind: 'repeat' }>;

/** As RE2 unrolls it: x{2,} is xx+, x{2,4} is xx(x(x)?)?. */
function emitRepeat(node: Repeat, next: number, to: Emission): number {
  let { min } = node;
  let begin = next;
  if (node.max < 0) {
    begin = min === 0 ? emitStar(node, next, to) : emitPlus(node, next, to);
    min -= 1;
  }
  for (let optional = node.min; optional < node.max && !isFull(to); optional++)
    begin = split(node, emit(node.part, begin, to), next, to);
  for (let required = 0; required < min && !isFull(to); required++) begin = emit(node.part, begin, to);
  return begin;
}

/** The body once, then the choice between it and what follows. */
function emitPlus(node: Repeat, next: number, to: Emission): number {
  const loop = split(node, 0, next, to);
  const body = emit(node.part, loop, to);
  aim(to, loop, node, body);
  return body;
}

/** Of a part that may match nothing, x* is (x+)?: else a turn without a byte would stand before those with one. */
function emitStar(node: Repeat, next: number, to: Emission): number {
  if (isNullable(node.part)) return split(node, emitPlus(node, next, to), next, to);
  const loop = split(node, 0, next, to);
  aim(to, loop, node, emit(node.part, loop, to));
  return loop;
}

/** The choice between `part` and `after`; which is preferred, says whether it is lazy. */
function split(node: Repeat, part: number, after: number, to: Emission): number {
  const item: Instruction = node.lazy
    ? { op: 'split', next: after, other: part }
    : { op: 'split', next: part, other: after };
  return to.instructions.push(item) - 1;
}

function aim({ instructions }: Emission, loop: number, node: Repeat, part: number): void {
  const item = instructions[loop]!;
  if (item.op !== 'split') return;
  if (node.lazy) item.other = part;
  else item.next = part;
}

function isNullable(node: RegexNode): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'begin':
    case 'end':
      return true;
    case 'sequence':
      return node.parts.every(isNullable);
    case 'choice':
      return node.parts.some(isNullable);
    case 'repeat':
      return node.min === 0 || isNullable(node.part);
  }
}
