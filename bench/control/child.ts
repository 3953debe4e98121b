// A process that takes lines and says lines, and what it costs.

import { readFileSync } from 'node:fs';

const waitMs = 300_000;

export class Child {
  readonly lines: string[] = [];
  private readonly process;

  constructor(command: readonly string[]) {
    this.process = Bun.spawn([...command], { stdin: 'pipe', stdout: 'pipe', stderr: 'inherit' });
    void this.read();
  }

  private async read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = '';
    for await (const bytes of this.process.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      this.lines.push(...lines);
    }
  }

  say(line: string): void {
    this.process.stdin.write(`${line}\n`);
    void this.process.stdin.flush();
  }

  /** The words of the first line from `from` on that begins with `word`. */
  async hear(word: string, from = 0): Promise<readonly string[]> {
    const deadline = performance.now() + waitMs;
    while (performance.now() < deadline) {
      const line = this.lines.slice(from).find((one) => one.startsWith(word));
      if (line !== undefined) return line.split(' ');
      await Bun.sleep(5);
    }
    const broken = this.linesOf('broken');
    const some = broken.slice(0, 5).map((line) => `\n  ${line}`);
    throw new Error(
      `nothing began with ${word} in ${waitMs} ms; streams that broke: ${broken.length}${some.join('')}`,
    );
  }

  /** What was said so far that begins with `word`. */
  linesOf(word: string): readonly string[] {
    return this.lines.filter((line) => line.startsWith(word));
  }

  /** Says a line, and hears the answer. */
  async ask(line: string, word: string): Promise<readonly string[]> {
    const from = this.lines.length;
    this.say(line);
    return await this.hear(word, from);
  }

  /** User and system time so far; a tick is a hundredth of a second. */
  get cpuMs(): number {
    const stat = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  get peakMb(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
  }

  async stop(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.process.exited;
  }
}
