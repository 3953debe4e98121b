// Counts the length-prefixed messages of a gRPC body as it passes; nothing of it is kept or changed.

import type { BodyTransform } from '../../exchange/index.ts';

const prefixBytes = 5;
const none = new Uint8Array(0);

export class MessageCounter implements BodyTransform {
  /** Those that began. */
  messages = 0;
  /** Bytes of the current message that have not come. */
  private left = 0;
  /** Bytes of the current prefix that came, and the length that they say so far. */
  private prefix = 0;
  private length = 0;

  write(bytes: Uint8Array, start: number, end: number): Uint8Array {
    let at = start;
    while (at < end) {
      if (this.left > 0) {
        const count = Math.min(this.left, end - at);
        this.left -= count;
        at += count;
      } else this.readPrefix(bytes[at++]!);
    }
    return bytes.subarray(start, end);
  }

  end(): Uint8Array {
    return none;
  }

  close(): void {}

  private readPrefix(byte: number): void {
    this.prefix += 1;
    this.length = this.prefix === 1 ? 0 : this.length * 256 + byte;
    if (this.prefix < prefixBytes) return;
    this.messages += 1;
    this.prefix = 0;
    this.left = this.length;
  }
}
