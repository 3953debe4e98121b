// Reads lengths and vectors of the TLS presentation language (RFC 8446 section 3.4) without ever leaving its range.

export class Cursor {
  private readonly bytes: Uint8Array;
  private at = 0;
  /** Something did not fit; every answer since is empty. */
  broken = false;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  /** A number of `size` bytes, 1 to 3. */
  number(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = (value << 8) | byte;
    return value;
  }

  take(length: number): Uint8Array {
    if (this.broken || length > this.left) {
      this.broken = true;
      return new Uint8Array(0);
    }
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** A vector whose length stands before it in `size` bytes. */
  vector(size: number): Cursor {
    return new Cursor(this.take(this.number(size)));
  }
}
