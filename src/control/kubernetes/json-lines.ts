// A stream of bytes to JSON values, one a line, whatever the chunks: how an API server sends a watch.

export class JsonLines {
  private readonly lineBytesMax: number;
  private kept: Uint8Array[] = [];
  private keptBytes = 0;

  constructor(lineBytesMax: number) {
    this.lineBytesMax = lineBytesMax;
  }

  /**
   * The values whose lines end in `chunk`. Throws on a line that is too long or not JSON: the stream is then of no more
   * use.
   */
  push(chunk: Uint8Array): readonly unknown[] {
    const values: unknown[] = [];
    let from = 0;
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      const line = this.join(chunk.subarray(from, at));
      from = at + 1;
      if (line !== '') values.push(JSON.parse(line));
    }
    if (from < chunk.length) this.keep(chunk.slice(from));
    return values;
  }

  private keep(bytes: Uint8Array): void {
    this.keptBytes += bytes.length;
    if (this.keptBytes > this.lineBytesMax)
      throw new Error(`a line has more than ${this.lineBytesMax} bytes`);
    this.kept.push(bytes);
  }

  /** Whole lines only are decoded, so a character cut by a chunk's end stays whole. */
  private join(end: Uint8Array): string {
    if (this.keptBytes === 0)
      return Buffer.from(end.buffer, end.byteOffset, end.length).toString('utf8').trim();
    this.keep(end);
    const line = Buffer.concat(this.kept).toString('utf8').trim();
    this.kept = [];
    this.keptBytes = 0;
    return line;
  }
}

const newline = 0x0a;
