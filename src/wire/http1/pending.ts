// Bytes of later requests that wait for the one before. Empty on nearly every connection, so it holds no memory then.

export class PendingBytes {
  count = 0;
  private bytes: Uint8Array | null = null;

  append(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.count + end - start;
    if (this.bytes === null || this.bytes.length < needed) {
      const grown = new Uint8Array(Math.max(needed, this.count * 2));
      if (this.bytes !== null) grown.set(this.bytes.subarray(0, this.count));
      this.bytes = grown;
    }
    this.bytes.set(bytes.subarray(start, end), this.count);
    this.count = needed;
  }

  /** Hands over what is held and forgets it. */
  take(): Uint8Array {
    const taken = (this.bytes ?? new Uint8Array(0)).subarray(0, this.count);
    this.clear();
    return taken;
  }

  clear(): void {
    this.bytes = null;
    this.count = 0;
  }
}
