// Regular expressions whose matching time grows with the text alone. The runtime's own engine backtracks: one careless
// pattern in a route would let any caller stop a proxy with a crafted path. Here the subsets of the NFA become states
// of a DFA when they are first met (Thompson; RE2 works alike), so a match is one table read a byte. The table is
// bounded: full, it starts anew.

import { ok, type Result } from '../../../base/index.ts';
import { policyLimits } from '../../limits.ts';
import { hasByte } from './byte-set.ts';
import { parseRegex } from './parse.ts';
import { compileProgram, type Program } from './program.ts';

/** Compiles a pattern of RE2's syntax, or says which rule it breaks. */
export function compileRegex(pattern: string): Result<SafeRegex, string> {
  const tree = parseRegex(pattern);
  if (!tree.ok) return tree;
  const program = compileProgram(tree.value);
  return program.ok ? ok(new SafeRegex(program.value)) : program;
}

/** A transition that was not computed yet. */
const unknown = -1;
/** The state of no return: no instruction is left. */
const dead = 0;

export class SafeRegex {
  private readonly program: Program;
  /** Bytes that no set of the program tells apart share a class. */
  private readonly classOf = new Uint8Array(256);
  /** One byte of each class, to compute its transition with. */
  private readonly samples: number[] = [];
  /** By state: the instructions it stands for, whether the text may end here, and where each class leads. */
  private members: (readonly number[])[] = [];
  private accepting: boolean[] = [];
  private table = new Int32Array(0);
  private readonly numbers = new Map<string, number>();
  private start = 0;

  constructor(program: Program) {
    this.program = program;
    this.classify();
    this.reset();
  }

  /** States known at the moment; at most {@link policyLimits.regexCacheStatesMax}. */
  get stateCount(): number {
    return this.members.length;
  }

  /** Whether the whole of `text[start, end)` matches. Linear in its length. */
  matches(text: string, start: number, end: number): boolean {
    let state = this.start;
    for (let at = start; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code > 0xff) return false;
      const byteClass = this.classOf[code]!;
      const next = this.table[state * this.samples.length + byteClass]!;
      state = next === unknown ? this.advance(state, byteClass) : next;
      if (state === dead) return false;
    }
    return this.accepting[state]!;
  }

  private classify(): void {
    const sets = this.program.instructions.flatMap((item) => (item.op === 'set' ? [item.set] : []));
    const known = new Map<string, number>();
    for (let byte = 0; byte < 256; byte++) {
      const signature = sets.map((set) => (hasByte(set, byte) ? '1' : '0')).join('');
      let number = known.get(signature);
      if (number === undefined) {
        number = this.samples.push(byte) - 1;
        known.set(signature, number);
      }
      this.classOf[byte] = number;
    }
  }

  private reset(): void {
    this.numbers.clear();
    this.members = [];
    this.accepting = [];
    this.table = new Int32Array(policyLimits.regexCacheStatesMax * this.samples.length).fill(unknown);
    this.intern([]);
    this.start = this.intern(this.close([this.program.start], true, false));
  }

  private advance(state: number, byteClass: number): number {
    const byte = this.samples[byteClass]!;
    const reached: number[] = [];
    for (const member of this.members[state]!) {
      const item = this.program.instructions[member]!;
      if (item.op === 'set' && hasByte(item.set, byte)) reached.push(item.next);
    }
    const members = this.close(reached, false, false);
    const number = this.numbers.get(members.join());
    if (number === undefined && this.members.length === policyLimits.regexCacheStatesMax) {
      this.reset();
      return this.intern(members);
    }
    const next = number ?? this.intern(members);
    this.table[state * this.samples.length + byteClass] = next;
    return next;
  }

  private intern(members: readonly number[]): number {
    const key = members.join();
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    const number = this.members.push(members) - 1;
    this.numbers.set(key, number);
    const atEnd = this.close(members, members === this.members[1], true);
    this.accepting.push(atEnd.includes(0));
    return number;
  }

  /**
   * Everything that is reached without consuming a byte: the consuming instructions, waiting `end`s, and the match
   * (number 0).
   */
  private close(from: readonly number[], atBegin: boolean, atEnd: boolean): number[] {
    const seen = new Set<number>();
    const stack = [...from];
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      if (seen.has(number)) continue;
      seen.add(number);
      const item = this.program.instructions[number]!;
      if (item.op === 'split') stack.push(item.next, item.other);
      else if (item.op === 'begin' && atBegin) stack.push(item.next);
      else if (item.op === 'end' && atEnd) stack.push(item.next);
    }
    const kept = [...seen].filter((number) => {
      const { op } = this.program.instructions[number]!;
      return op === 'set' || op === 'end' || op === 'match';
    });
    return kept.sort((left, right) => left - right);
  }
}
