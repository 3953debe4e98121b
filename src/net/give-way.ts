// A loop that asks for more as soon as it is done gets one message a poll, and each message then costs a read, a write
// and a poll of its own. Who shares its cores with those whose messages it carries gains by letting them run first:
// what they say meanwhile is read together and leaves in one write (docs/decisions/0003).

/** Turns of one poll from which on others are let run: below, there is little to gather. */
const busyTurns = 3;
/** Who keeps the core for longer wants it for itself, and waits for nothing of ours. */
const keptMsMax = 2;
/** So long nobody is let run before us after that. */
const warinessMs = 1000;

export class GiveWay {
  private readonly yieldCore: () => void;
  private readonly now: () => number;
  private waryUntilMs = Number.NEGATIVE_INFINITY;

  /** `yieldCore` returns at once when nobody else wants the core; `now` is in milliseconds and never goes back. */
  constructor(yieldCore: () => void, now: () => number) {
    this.yieldCore = yieldCore;
    this.now = now;
  }

  /** A poll brought so many turns, and what came of them has left. */
  afterPoll(turns: number): void {
    if (turns < busyTurns) return;
    const before = this.now();
    if (before < this.waryUntilMs) return;
    this.yieldCore();
    const after = this.now();
    if (after - before > keptMsMax) this.waryUntilMs = after + warinessMs;
  }
}
