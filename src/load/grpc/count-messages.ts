// Counts the messages of an answer as its bytes come, without keeping them.

const prefixBytes = 5;

export class MessageCounter {
  /** Messages that came whole. */
  count = 0;
  /** Of the prefix at hand: its bytes so far, and the length they tell. */
  private prefix = 0;
  private length = 0;
  /** Bytes of the message at hand that are still to come. */
  private left = 0;

  push(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.left > 0) {
        const taken = Math.min(this.left, end - at);
        this.left -= taken;
        at += taken;
        if (this.left === 0) this.count += 1;
        continue;
      }
      // The first byte of a prefix says whether the message is compressed.
      if (this.prefix > 0) this.length = this.length * 256 + bytes[at]!;
      this.prefix += 1;
      at += 1;
      if (this.prefix === prefixBytes) this.begin();
    }
  }

  private begin(): void {
    this.left = this.length;
    if (this.left === 0) this.count += 1;
    this.prefix = 0;
    this.length = 0;
  }
}
