// Reads the protobuf wire format (protobuf.dev/programming-guides/encoding). The ADS messages are few and flat; reading
// them here keeps the descriptors and their 20 MB out of every sidecar (docs/decisions/0008).

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Bytes that are no protobuf message. Thrown while one is read, and caught where a message of a peer starts. */
export class WireError extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const replacingUtf8 = new TextDecoder('utf-8');

export class WireReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  position: number;
  /** Where the tag of the field that `next` found begins. */
  start = 0;
  /** Of the field that `next` found. */
  field = 0;
  type = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
  }

  /** Moves to the next field; false at the end. */
  next(): boolean {
    if (this.done) return false;
    this.start = this.position;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.type = tag & 7;
    if (this.field === 0) throw new WireError('holds the field number 0');
    return true;
  }

  /** An unsigned number; beyond 2^53 it loses digits, which no field here needs. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 10; i++) {
      if (this.position >= this.end) throw new WireError('ends inside a number');
      const byte = this.bytes[this.position++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new WireError('holds a number of more than ten bytes');
  }

  double(): number {
    const at = this.advance(8);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, 8).getFloat64(0, true);
  }

  float(): number {
    const at = this.advance(4);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, 4).getFloat32(0, true);
  }

  /** The length-delimited field as a view of the same memory. */
  view(): Uint8Array {
    const at = this.passText();
    return this.bytes.subarray(at, this.position);
  }

  /** Passes over a length-delimited field; where its content begins. */
  passText(): number {
    if (this.type !== wireType.bytes)
      throw new WireError(`holds wire type ${this.type} in field ${this.field}`);
    return this.advance(this.varint());
  }

  nested(): WireReader {
    const view = this.view();
    return new WireReader(view);
  }

  string(bytesMax = Number.POSITIVE_INFINITY): string {
    const view = this.view();
    if (view.length > bytesMax)
      throw new WireError(`holds text of ${view.length} bytes in field ${this.field}, at most ${bytesMax}`);
    try {
      return utf8.decode(view);
    } catch {
      throw new WireError(`holds text that is not UTF-8 in field ${this.field}`);
    }
  }

  /** Its beginning, at most so many bytes of it: nothing of the rest is kept. What is not UTF-8 is replaced. */
  head(bytesMax: number): string {
    return replacingUtf8.decode(this.view().subarray(0, bytesMax));
  }

  /** Passes over the field that `next` found. */
  skip(): void {
    if (this.type === wireType.varint) this.varint();
    else if (this.type === wireType.fixed64) this.advance(8);
    else if (this.type === wireType.bytes) this.passText();
    else if (this.type === wireType.fixed32) this.advance(4);
    else throw new WireError(`holds wire type ${this.type}`);
  }

  private advance(length: number): number {
    if (length > this.end - this.position) throw new WireError('ends inside a field');
    const at = this.position;
    this.position += length;
    return at;
  }
}
