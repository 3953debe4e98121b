// Parses the syntax of RE2 (github.com/google/re2/wiki/Syntax) into a tree. What RE2 does not have is refused by name:
// back-references and look-around, because they cannot be matched in linear time. Of what RE2 has, word boundaries,
// octal escapes and Unicode classes are refused as well; `.` and negated classes stand for one byte.

import { fail, ok, type Result } from '../../../base/index.ts';
import { policyLimits } from '../../limits.ts';
import {
  addByte,
  addRange,
  addSet,
  type ByteSet,
  createByteSet,
  foldCase,
  invert,
  perlClasses,
  posixClasses,
} from './byte-set.ts';

export type RegexNode =
  | { readonly kind: 'set'; readonly set: ByteSet }
  /** `group`: the number of a group that is remembered, from 1 on in the order of their parentheses. */
  | {
      readonly kind: 'sequence' | 'choice';
      readonly parts: readonly RegexNode[];
      readonly group?: number;
    }
  /** `max` -1: without bound. `lazy`: as few as will do. */
  | {
      readonly kind: 'repeat';
      readonly part: RegexNode;
      readonly min: number;
      readonly max: number;
      readonly lazy?: true;
    }
  | { readonly kind: 'begin' | 'end' };

/** The tree, or the rule that is broken, as a sentence. */
export function parseRegex(pattern: string): Result<RegexNode, string> {
  if (pattern.length > policyLimits.regexCharsMax)
    return fail(`must have at most ${policyLimits.regexCharsMax} characters`);
  const parser = new RegexParser(pattern);
  const node = parser.parseAll();
  return parser.fault === '' ? ok(node) : fail(parser.fault);
}

/** How many groups are remembered. */
export function groupCount(node: RegexNode): number {
  if (node.kind === 'repeat') return groupCount(node.part);
  if (node.kind !== 'sequence' && node.kind !== 'choice') return 0;
  return node.parts.reduce((sum, part) => sum + groupCount(part), node.group === undefined ? 0 : 1);
}

const empty: RegexNode = { kind: 'sequence', parts: [] };
const controlEscapes: ReadonlyMap<string, number> = new Map([
  ['t', 0x09],
  ['n', 0x0a],
  ['v', 0x0b],
  ['f', 0x0c],
  ['r', 0x0d],
  ['a', 0x07],
]);

/** Recursive descent. The first fault is kept and ends all loops, because the position is moved to the end with it. */
class RegexParser {
  fault = '';
  private readonly text: string;
  private at = 0;
  private depth = 0;
  private groups = 0;
  private ignoreCase = false;
  private dotAll = false;

  constructor(text: string) {
    this.text = text;
  }

  parseAll(): RegexNode {
    const node = this.choice();
    if (this.fault === '' && this.at < this.text.length) return this.refuse('unmatched )');
    return node;
  }

  private refuse(what: string): RegexNode {
    if (this.fault === '') this.fault = `must be a regular expression of RE2: ${what}`;
    this.at = this.text.length;
    return empty;
  }

  private peek(): string {
    return this.text.charAt(this.at);
  }

  private take(text: string): boolean {
    if (!this.text.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private choice(): RegexNode {
    const parts = [this.sequence()];
    while (this.take('|')) parts.push(this.sequence());
    return parts.length === 1 ? parts[0]! : { kind: 'choice', parts };
  }

  private sequence(): RegexNode {
    const parts: RegexNode[] = [];
    while (this.at < this.text.length && this.peek() !== '|' && this.peek() !== ')') {
      parts.push(this.repeated(this.atom()));
    }
    return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts };
  }

  private repeated(part: RegexNode): RegexNode {
    const bounds = this.bounds();
    if (bounds === null) return part;
    const lazy = this.take('?');
    const [min, max] = bounds;
    if (min > policyLimits.regexRepeatMax || max > policyLimits.regexRepeatMax)
      return this.refuse(`a repeat count above ${policyLimits.regexRepeatMax}`);
    if (max >= 0 && max < min) return this.refuse('a repeat range that runs backwards');
    if (this.peek() !== '' && '*+?'.includes(this.peek())) return this.refuse('a repetition of a repetition');
    return lazy ? { kind: 'repeat', part, min, max, lazy } : { kind: 'repeat', part, min, max };
  }

  private bounds(): readonly [min: number, max: number] | null {
    if (this.take('*')) return [0, -1];
    if (this.take('+')) return [1, -1];
    if (this.take('?')) return [0, 1];
    const counted = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(this.text.slice(this.at, this.at + 16));
    if (counted === null) return null;
    this.at += counted[0].length;
    const min = Number(counted[1]);
    if (counted[2] === undefined) return [min, min];
    return [min, counted[3] === '' ? -1 : Number(counted[3])];
  }

  private atom(): RegexNode {
    const char = this.text.charAt(this.at++);
    switch (char) {
      case '(':
        return this.group();
      case '[':
        return this.class();
      case '.':
        return { kind: 'set', set: this.dotAll ? invert(createByteSet()) : invert(single(0x0a)) };
      case '^':
        return { kind: 'begin' };
      case '$':
        return { kind: 'end' };
      case '\\':
        return this.escape();
      case '*':
      case '+':
      case '?':
        return this.refuse(`nothing to repeat before ${char}`);
      default:
        return this.literal(this.text.codePointAt(--this.at)!);
    }
  }

  private literal(codePoint: number): RegexNode {
    this.at += codePoint > 0xffff ? 2 : 1;
    if (codePoint < 0x80) return this.one(codePoint);
    const parts = Array.from(new TextEncoder().encode(String.fromCodePoint(codePoint)), (byte) =>
      this.one(byte),
    );
    return { kind: 'sequence', parts };
  }

  private one(byte: number): RegexNode {
    const set = single(byte);
    if (this.ignoreCase) foldCase(set);
    return { kind: 'set', set };
  }

  private group(): RegexNode {
    const [ignoreCase, dotAll] = [this.ignoreCase, this.dotAll];
    const captures = !/^\?(?!P?<)/.test(this.text.slice(this.at, this.at + 3));
    const group = captures ? ++this.groups : 0;
    if (this.take('?')) {
      const only = this.groupPrefix();
      if (only) return empty;
    }
    // Bounds the recursion; RE2 has the same bound.
    if (++this.depth > 200) return this.refuse('groups nested deeper than 200');
    const inner = this.choice();
    this.depth -= 1;
    if (this.fault === '' && !this.take(')')) return this.refuse('missing )');
    this.ignoreCase = ignoreCase;
    this.dotAll = dotAll;
    return captures ? { kind: 'sequence', parts: [inner], group } : inner;
  }

  /** After `(?`. True when it was a whole group of flags, `(?i)`, which holds until the enclosing group ends. */
  private groupPrefix(): boolean {
    const rest = this.text.slice(this.at, this.at + policyLimits.regexCharsMax);
    if (/^(<?[=!])/.test(rest)) {
      this.refuse('look-around is not part of it');
      return true;
    }
    const name = /^P?<\w+>/.exec(rest);
    if (name !== null) {
      this.at += name[0].length;
      return false;
    }
    const flags = /^([is]*)(?:-([is]+))?([:)])/.exec(rest);
    if (flags === null) {
      this.refuse(`unknown group (?${rest.slice(0, 2)}`);
      return true;
    }
    this.at += flags[0].length;
    for (const flag of flags[1]!) this.setFlag(flag, true);
    for (const flag of flags[2] ?? '') this.setFlag(flag, false);
    return flags[3] === ')';
  }

  private setFlag(flag: string, on: boolean): void {
    if (flag === 'i') this.ignoreCase = on;
    else this.dotAll = on;
  }

  private escape(): RegexNode {
    const char = this.peek();
    if (char === '') return this.refuse('a trailing backslash');
    if (char === 'Q') return this.quoted();
    if (char === 'A' || char === 'z') {
      this.at += 1;
      return { kind: char === 'A' ? 'begin' : 'end' };
    }
    if (char === 'C') {
      this.at += 1;
      return { kind: 'set', set: invert(createByteSet()) };
    }
    const perl = perlClasses.get(char);
    if (perl !== undefined) {
      this.at += 1;
      return { kind: 'set', set: perl };
    }
    const byte = this.escapedByte();
    return byte < 0 ? empty : this.one(byte);
  }

  /** After a backslash: one byte, or -1 with the fault set. */
  private escapedByte(): number {
    const char = this.text.charAt(this.at++);
    const control = controlEscapes.get(char);
    if (control !== undefined) return control;
    if (char === 'x') {
      const digits = /^(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,4})\})/.exec(
        this.text.slice(this.at, this.at + 6),
      );
      const value = Number.parseInt(digits?.[1] ?? digits?.[2] ?? '', 16);
      this.at += digits?.[0].length ?? 0;
      if (value < 0x80) return value;
      this.refuse('an \\x escape outside of ASCII');
      return -1;
    }
    if (/[1-9]/.test(char) || char === 'k') this.refuse('back-references are not part of it');
    else if (/[0-9A-Za-z]/.test(char) || char > '\x7f') this.refuse(`the escape \\${char} is not supported`);
    return this.fault === '' ? char.charCodeAt(0) : -1;
  }

  private quoted(): RegexNode {
    this.at += 1;
    const found = this.text.indexOf('\\E', this.at);
    const end = found < 0 ? this.text.length : found;
    const parts: RegexNode[] = [];
    while (this.at < end) parts.push(this.literal(this.text.codePointAt(this.at)!));
    this.take('\\E');
    return { kind: 'sequence', parts };
  }

  private class(): RegexNode {
    const negated = this.take('^');
    const set = createByteSet();
    let first = true;
    while (first || this.peek() !== ']') {
      if (this.at >= this.text.length) return this.refuse('missing ]');
      first = false;
      this.classItem(set);
    }
    this.at += 1;
    if (this.fault !== '') return empty;
    if (this.ignoreCase) foldCase(set);
    return { kind: 'set', set: negated ? invert(set) : set };
  }

  private classItem(set: ByteSet): void {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.text.slice(this.at, this.at + 16));
    if (posix !== null) {
      const named = posixClasses.get(posix[2]!);
      this.at += posix[0].length;
      if (named === undefined) this.refuse(`unknown class ${posix[0]}`);
      else addSet(set, posix[1] === '^' ? invert(named) : named);
      return;
    }
    const perl = this.peek() === '\\' ? perlClasses.get(this.text.charAt(this.at + 1)) : undefined;
    if (perl !== undefined) {
      this.at += 2;
      addSet(set, perl);
      return;
    }
    const from = this.classByte();
    if (from < 0) return;
    if (this.peek() !== '-' || this.text.charAt(this.at + 1) === ']') {
      addByte(set, from);
      return;
    }
    this.at += 1;
    const to = this.classByte();
    if (to >= 0 && to < from) this.refuse('a range of characters that runs backwards');
    else if (to >= 0) addRange(set, from, to);
  }

  private classByte(): number {
    if (this.take('\\')) return this.escapedByte();
    const code = this.text.charCodeAt(this.at++);
    if (code < 0x80) return code;
    this.refuse(Number.isNaN(code) ? 'missing ]' : 'a class with characters outside of ASCII');
    return -1;
  }
}

function single(byte: number): ByteSet {
  const set = createByteSet();
  addByte(set, byte);
  return set;
}
