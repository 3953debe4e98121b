// Sets of bytes as 256-bit maps: what a regular expression consumes in one step. Heads are latin1, so a code unit is a
// byte.

export type ByteSet = Uint32Array;

export function createByteSet(): ByteSet {
  return new Uint32Array(8);
}

export function addByte(set: ByteSet, byte: number): void {
  set[byte >>> 5]! |= 1 << (byte & 31);
}

export function addRange(set: ByteSet, from: number, to: number): void {
  for (let byte = from; byte <= to; byte++) addByte(set, byte);
}

export function hasByte(set: ByteSet, byte: number): boolean {
  return ((set[byte >>> 5]! >>> (byte & 31)) & 1) === 1;
}

export function addSet(set: ByteSet, other: ByteSet): void {
  for (let word = 0; word < 8; word++) set[word]! |= other[word]!;
}

export function invert(set: ByteSet): ByteSet {
  return set.map((word) => ~word);
}

/** Adds the other case of every ASCII letter. */
export function foldCase(set: ByteSet): void {
  for (let upper = 0x41; upper <= 0x5a; upper++) {
    const lower = upper + 0x20;
    if (hasByte(set, upper)) addByte(set, lower);
    else if (hasByte(set, lower)) addByte(set, upper);
  }
}

/** Bytes of the ranges in `text`, two characters each: `azAZ`. */
export function rangesOf(text: string): ByteSet {
  const set = createByteSet();
  for (let at = 0; at < text.length; at += 2) addRange(set, text.charCodeAt(at), text.charCodeAt(at + 1));
  return set;
}

/** RE2's Perl classes: ASCII only, and no vertical tab among the spaces. */
export const perlClasses: ReadonlyMap<string, ByteSet> = new Map([
  ['d', rangesOf('09')],
  ['w', rangesOf('09AZaz__')],
  ['s', rangesOf('\t\n\f\r  ')],
  ['D', invert(rangesOf('09'))],
  ['W', invert(rangesOf('09AZaz__'))],
  ['S', invert(rangesOf('\t\n\f\r  '))],
]);

export const posixClasses: ReadonlyMap<string, ByteSet> = new Map([
  ['alnum', rangesOf('09AZaz')],
  ['alpha', rangesOf('AZaz')],
  ['ascii', rangesOf('\x00\x7f')],
  ['blank', rangesOf('\t\t  ')],
  ['cntrl', rangesOf('\x00\x1f\x7f\x7f')],
  ['digit', rangesOf('09')],
  ['graph', rangesOf('!~')],
  ['lower', rangesOf('az')],
  ['print', rangesOf(' ~')],
  ['punct', rangesOf('!/:@[`{~')],
  ['space', rangesOf('\t\r  ')],
  ['upper', rangesOf('AZ')],
  ['word', rangesOf('09AZaz__')],
  ['xdigit', rangesOf('09AFaf')],
]);
