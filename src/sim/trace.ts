// What happened, in order, as one hash: two runs with the same trace did the same. The last lines are kept for the
// reader of a failure.

import { createHash } from 'node:crypto';
import { type Clock, Ring } from '../base/index.ts';

const linesKept = 400;

export class Trace {
  private readonly clock: Clock;
  private readonly hash = createHash('sha256');
  private readonly recent = new Ring<string>(linesKept);
  count = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  add(event: string): void {
    const line = `${this.clock.now().toFixed(3)} ${event}`;
    this.hash.update(line).update('\n');
    this.count += 1;
    if (this.recent.count === linesKept) this.recent.shift();
    this.recent.push(line);
  }

  /** Of everything so far; may be asked again later. */
  get digest(): string {
    return this.hash.copy().digest('hex').slice(0, 32);
  }

  /** The last lines, oldest first; empties the memory of them. */
  takeRecent(): string[] {
    const lines: string[] = [];
    for (let line = this.recent.shift(); line !== null; line = this.recent.shift()) lines.push(line);
    return lines;
  }
}
