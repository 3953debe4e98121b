// A reader of DER (X.690) that never leaves its range and reads only what a certificate needs: definite lengths of up
// to three bytes.

export interface DerValue {
  readonly tag: number;
  readonly body: Uint8Array;
  /** Tag, length and body. */
  readonly whole: Uint8Array;
}

export class DerReader {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  /** Null at the end, or when it does not fit; the reader is then at its end. */
  next(): DerValue | null {
    const start = this.at;
    const tag = this.bytes[start];
    const first = this.bytes[start + 1];
    this.at = this.bytes.length;
    if (tag === undefined || first === undefined) return null;
    let bodyAt = start + 2;
    let length = first;
    if (first >= 0x80) {
      const size = first & 0x7f;
      if (size === 0 || size > 3 || bodyAt + size > this.bytes.length) return null;
      length = 0;
      for (const byte of this.bytes.subarray(bodyAt, bodyAt + size)) length = (length << 8) | byte;
      bodyAt += size;
    }
    const end = bodyAt + length;
    if (end > this.bytes.length) return null;
    this.at = end;
    return { tag, body: this.bytes.subarray(bodyAt, end), whole: this.bytes.subarray(start, end) };
  }

  /** The next value when it has this tag; null, and nothing is read, when it has another. */
  take(tag: number): DerValue | null {
    return this.bytes[this.at] === tag ? this.next() : null;
  }
}

/** All values in it; null when one does not fit. */
export function readAll(bytes: Uint8Array): DerValue[] | null {
  const reader = new DerReader(bytes);
  const values: DerValue[] = [];
  while (!reader.done) {
    const value = reader.next();
    if (value === null) return null;
    values.push(value);
  }
  return values;
}

/** Dotted decimal; '' when it is none. */
export function readObjectId(bytes: Uint8Array): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of bytes) {
    value = value * 128 + (byte & 127);
    if (byte < 128) {
      numbers.push(value);
      value = 0;
    }
  }
  const [first = -1, ...rest] = numbers;
  if (first < 0) return '';
  const top = Math.min(Math.floor(first / 40), 2);
  return [top, first - top * 40, ...rest].join('.');
}
