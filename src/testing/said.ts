// What another program says on its standard output, line by line, while it runs.

import { InVain, until } from './until.ts';

export class Said {
  readonly lines: string[] = [];
  /** Until the program has said all it says. */
  readonly whole: Promise<void>;
  private ended = false;

  constructor(output: ReadableStream<Uint8Array>) {
    this.whole = this.read(output);
  }

  /** What follows `word` in the lines that begin with it. */
  of(word: string): readonly string[] {
    return this.lines
      .filter((line) => line === word || line.startsWith(`${word} `))
      .map((line) => line.slice(word.length + 1));
  }

  /** Waits for a line that begins with one of these words; in vain where the program ends without one. */
  async hear(words: readonly string[], timeoutMs?: number): Promise<void> {
    await until(
      `a line of ${words.join(' or ')}`,
      () => {
        if (words.some((word) => this.of(word).length > 0)) return true;
        if (this.ended) throw new InVain(`the program ended with ${this.lines.at(-1) ?? 'no line'}`);
        return false;
      },
      timeoutMs,
    );
  }

  private async read(output: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of output) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
    }
    this.ended = true;
  }
}
