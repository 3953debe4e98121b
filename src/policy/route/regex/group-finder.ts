// Where a pattern matches within a text, and what its groups hold, as RE2 finds them: the leftmost match, by the
// preferred choices. Time grows with the text alone, over all of its matches together, where repeated searches are
// quadratic: one pass from the end notes for each position which instructions can still reach a match from there (the
// notes of one position follow from those after it and the byte between: a DFA backwards, its states shared), and with
// these notes the way of a match is walked without a wrong turn.

import { policyLimits } from '../../limits.ts';
import { hasByte } from './byte-set.ts';
import type { Instruction, Program } from './program.ts';

/** From where a match is reached, and what is reached before it, by the byte that was read. */
class Reach {
  readonly bits: Uint32Array;
  readonly before: (Reach | undefined)[] = [];
  /** The same where that byte is the text's first. */
  readonly beforeFirst: (Reach | undefined)[] = [];

  constructor(size: number) {
    this.bits = new Uint32Array((size + 31) >>> 5);
  }

  has(instruction: number): boolean {
    return ((this.bits[instruction >>> 5]! >>> (instruction & 31)) & 1) === 1;
  }

  add(instruction: number): void {
    this.bits[instruction >>> 5]! |= 1 << (instruction & 31);
  }
}

/** Stands for all code units that are no byte. */
const beyondBytes = 0x100;

export class GroupFinder {
  private readonly instructions: readonly Instruction[];
  private readonly start: number;
  /** Begin and end of each group, the whole match first; -1 where one took no part. */
  readonly slots: Int32Array;
  private known = new Map<string, Reach>();
  /** At the end of a text. */
  private last: Reach | null = null;
  private text = '';
  private reaches: Reach[] = [];
  /** Instructions that were visited since the last byte: the preferred way to each comes first. */
  private readonly visited: Uint32Array;
  private visit = 0;

  constructor(program: Program, groups: number) {
    this.instructions = program.instructions;
    this.start = program.start;
    this.slots = new Int32Array(2 * (groups + 1));
    this.visited = new Uint32Array(program.instructions.length);
  }

  /** Takes a text; {@link find} is asked of it. */
  begin(text: string): void {
    this.text = text;
    const { length } = text;
    const reaches: Reach[] = new Array(length + 1);
    this.last ??= this.reachAt(null, beyondBytes, false);
    let reach = length === 0 ? this.reachAt(null, beyondBytes, true) : this.last;
    reaches[length] = reach;
    for (let at = length - 1; at >= 0; at--) {
      const byte = Math.min(text.charCodeAt(at), beyondBytes);
      reach = (at === 0 ? reach.beforeFirst[byte] : reach.before[byte]) ?? this.step(reach, byte, at === 0);
      reaches[at] = reach;
    }
    this.reaches = reaches;
  }

  /** Forgets the text. */
  end(): void {
    this.text = '';
    this.reaches = [];
  }

  /** The first match from `from` on, left in {@link slots}. */
  find(from: number): boolean {
    const { length } = this.text;
    let at = from;
    while (at <= length && !this.reaches[at]!.has(this.start)) at++;
    if (at > length) return false;
    this.slots.fill(-1);
    this.slots[0] = at;
    let instruction = this.start;
    for (;;) {
      this.visit = (this.visit + 1) >>> 0;
      if (this.visit === 0) this.visited.fill(0);
      const reached = this.walk(instruction, at);
      const item = this.instructions[reached]!;
      if (item.op !== 'set') break;
      instruction = item.next;
      at += 1;
    }
    this.slots[1] = at;
    return true;
  }

  /** The first instruction by preference that consumes a byte and still leads to a match, or the match; -1: none. */
  private walk(instruction: number, at: number): number {
    if (this.visited[instruction] === this.visit || !this.reaches[at]!.has(instruction)) return -1;
    this.visited[instruction] = this.visit;
    const item = this.instructions[instruction]!;
    switch (item.op) {
      case 'match':
      case 'set':
        return instruction;
      case 'begin':
      case 'end':
        return this.walk(item.next, at);
      case 'split': {
        const first = this.walk(item.next, at);
        return first >= 0 ? first : this.walk(item.other, at);
      }
      case 'save': {
        const before = this.slots[item.slot]!;
        this.slots[item.slot] = at;
        const reached = this.walk(item.next, at);
        if (reached < 0) this.slots[item.slot] = before;
        return reached;
      }
    }
  }

  private step(after: Reach, byte: number, atBegin: boolean): Reach {
    // What was known is left to the text that is being read; nothing made from here on refers to it.
    if (this.known.size >= policyLimits.regexCacheStatesMax) {
      this.known = new Map();
      this.last = null;
    }
    const made = this.reachAt(after, byte, atBegin);
    const key = made.bits.join();
    const reach = this.known.get(key) ?? made;
    this.known.set(key, reach);
    (atBegin ? after.beforeFirst : after.before)[byte] = reach;
    return reach;
  }

  /** A match may end anywhere. `after`: at the next position; null at the end of the text. */
  private reachAt(after: Reach | null, byte: number, atBegin: boolean): Reach {
    const { length } = this.instructions;
    const reach = new Reach(length);
    // Until nothing is added; what an instruction leads to was mostly emitted before it.
    for (let grew = true; grew; ) {
      grew = false;
      for (let number = 0; number < length; number++) {
        if (reach.has(number) || !leads(this.instructions[number]!, reach, after, byte, atBegin)) continue;
        reach.add(number);
        grew = true;
      }
    }
    return reach;
  }
}

function leads(
  item: Instruction,
  reach: Reach,
  after: Reach | null,
  byte: number,
  atBegin: boolean,
): boolean {
  switch (item.op) {
    case 'match':
      return true;
    case 'set':
      return after !== null && byte < beyondBytes && hasByte(item.set, byte) && after.has(item.next);
    case 'split':
      return reach.has(item.next) || reach.has(item.other);
    case 'begin':
      return atBegin && reach.has(item.next);
    case 'end':
      return after === null && reach.has(item.next);
    case 'save':
      return reach.has(item.next);
  }
}
