// Reads the protobuf wire format (protobuf.dev/programming-guides/encoding): a cursor over bytes that never reads past its end.

export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Thrown inside this folder on bytes that are no protobuf message; caught where a message starts. */
export class WireError extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true });

export class WireReader {
  readonly bytes: Uint8Array;
  position: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.position = start;
    this.end = end;
  }

  get done(): boolean {
    return this.position >= this.end;
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
    const view = this.take(8);
    return view.getFloat64(0, true);
  }

  float(): number {
    const view = this.take(4);
    return view.getFloat32(0, true);
  }

  /** A reader over the next length-delimited field. */
  nested(): WireReader {
    const length = this.varint();
    const start = this.position;
    if (length > this.end - start) throw new WireError('ends inside a field');
    this.position = start + length;
    return new WireReader(this.bytes, start, start + length);
  }

  string(): string {
    const inner = this.nested();
    try {
      return utf8.decode(this.bytes.subarray(inner.position, inner.end));
    } catch {
      throw new WireError('holds text that is not UTF-8');
    }
  }

  skip(type: number): void {
    if (type === wireType.varint) this.varint();
    else if (type === wireType.fixed64) this.take(8);
    else if (type === wireType.bytes) this.nested();
    else if (type === wireType.fixed32) this.take(4);
    else throw new WireError(`holds wire type ${type}`);
  }

  private take(length: number): DataView {
    if (length > this.end - this.position) throw new WireError('ends inside a field');
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + this.position, length);
    this.position += length;
    return view;
  }
}
