// Follows the frames of a Zstandard stream (RFC 8878 section 3.1) without decoding them, to know whether its last one
// is whole: the library tells of no end, so a body that was cut off would pass as a shorter one.

/** What is read next: a few bytes that say what follows them. Between, bytes are passed over. */
type Part = 'magic' | 'skippable-size' | 'descriptor' | 'block';

const lengths: Readonly<Record<Part, number>> = { magic: 4, 'skippable-size': 4, descriptor: 1, block: 3 };

export class ZstdFrames {
  private part: Part = 'magic';
  /** Bytes of the part, little-endian, and how many of them are here. */
  private value = 0;
  private count = 0;
  /** Bytes to pass over before the next part. */
  private skip = 0;
  private checksum = false;

  /** Nothing of a frame is missing. */
  get whole(): boolean {
    return this.part === 'magic' && this.count === 0 && this.skip === 0;
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const passed = Math.min(this.skip, end - at);
      this.skip -= passed;
      at += passed;
      if (at === end) return;
      this.value += (bytes[at] ?? 0) * 2 ** (8 * this.count);
      this.count += 1;
      at += 1;
      if (this.count === lengths[this.part]) this.finishPart();
    }
  }

  private finishPart(): void {
    const { value } = this;
    this.value = 0;
    this.count = 0;
    switch (this.part) {
      case 'magic':
        // 0x184D2A50 to 5F: a frame that is to be skipped.
        this.part = Math.floor(value / 16) === 0x184d2a5 ? 'skippable-size' : 'descriptor';
        return;
      case 'skippable-size':
        this.skip = value;
        this.part = 'magic';
        return;
      case 'descriptor':
        this.checksum = (value & 4) !== 0;
        this.skip = headerLength(value);
        this.part = 'block';
        return;
      case 'block': {
        // A run is written as one byte.
        this.skip = ((value >> 1) & 3) === 1 ? 1 : value >>> 3;
        if ((value & 1) === 0) return;
        if (this.checksum) this.skip += 4;
        this.part = 'magic';
      }
    }
  }
}

/** Of a frame's header behind its descriptor: window, dictionary and content size. */
function headerLength(descriptor: number): number {
  const single = (descriptor & 0x20) !== 0;
  const dictionary = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const size = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  return (single ? 0 : 1) + dictionary + size;
}
