// What a socket will send when the turn ends, joined into one piece. It is text, which the runtime sends as it is, as
// long as only text and few bytes come; from then on it is bytes in a borrowed buffer. A string made of a body would
// cost the collector more than the body's bytes cost the kernel.

/** Fewer bytes than this become text. */
const textBytesMax = 128;
/** The most that is gathered; a borrowed buffer has room for it. */
export const gatherBytesMax = 64 * 1024;
/** Buffers kept for the next turn; in a turn few sockets are written to. */
const keptMax = 8;

const idle: Buffer[] = [];

/** Takes all of the bytes or text that is given to it and returns how much of it has left. */
export interface GatherTarget {
  write(bytes: Uint8Array, start: number, length: number): number;
  write(text: string, encoding: 'latin1'): number;
}

const { latin1Slice, latin1Write } = Buffer.prototype as unknown as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
  latin1Write(this: Uint8Array, text: string, at: number): number;
};

export class Gathered {
  private text = '';
  private buffer: Buffer | null = null;
  private length = 0;

  get isEmpty(): boolean {
    return this.text === '' && this.buffer === null;
  }

  /** In bytes. */
  get size(): number {
    return this.buffer === null ? this.text.length : this.length;
  }

  /** Whether `count` bytes more would be too many. */
  isFull(count: number): boolean {
    return this.size + count > gatherBytesMax;
  }

  addText(text: string): void {
    if (this.buffer !== null) this.length += latin1Write.call(this.buffer, text, this.length);
    else this.text = this.text === '' ? text : this.text + text;
  }

  addBytes(bytes: Uint8Array, start: number, end: number): void {
    if (this.buffer === null && end - start < textBytesMax) {
      this.addText(latin1Slice.call(bytes, start, end));
      return;
    }
    this.buffer ??= this.borrow();
    this.buffer.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.length);
    this.length += end - start;
  }

  /** Writes all of it at once. Returns what was not taken, as a copy, or null. */
  sendTo(target: GatherTarget): Uint8Array | null {
    return this.buffer === null ? this.sendText(target) : this.sendBuffer(target, this.buffer);
  }

  drop(): void {
    this.text = '';
    if (this.buffer !== null) giveBack(this.buffer);
    this.release();
  }

  private sendText(target: GatherTarget): Uint8Array | null {
    const { text } = this;
    this.text = '';
    const taken = Math.max(target.write(text, 'latin1'), 0);
    return taken < text.length ? Buffer.from(text.slice(taken), 'latin1') : null;
  }

  private sendBuffer(target: GatherTarget, buffer: Buffer): Uint8Array | null {
    const { length } = this;
    // Let go first: the write may end the connection, which drops what is gathered.
    this.release();
    const taken = Math.max(target.write(buffer, 0, length), 0);
    const rest = taken < length ? new Uint8Array(buffer.subarray(taken, length)) : null;
    giveBack(buffer);
    return rest;
  }

  private release(): void {
    this.buffer = null;
    this.length = 0;
  }

  private borrow(): Buffer {
    const buffer = idle.pop() ?? Buffer.allocUnsafeSlow(gatherBytesMax);
    const { text } = this;
    this.text = '';
    this.length = text === '' ? 0 : latin1Write.call(buffer, text, 0);
    return buffer;
  }
}

function giveBack(buffer: Buffer): void {
  if (idle.length < keptMax) idle.push(buffer);
}
