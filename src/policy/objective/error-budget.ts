// The error budget of a service: how many of its requests may still fail, or be slow, within the window without a
// broken promise (Google's SRE book, chapter 3). Counted over a ring of slots, so that the window slides; a request
// costs two additions. The ring is the process's own memory: what went before its start is not known here, and is what
// the counters and a recording rule are for (docs/policy.md).

import type { ObjectiveConfig, ObjectiveCounts } from './types.ts';

/** Slots of a window: what leaves it leaves by a 120th. */
const slots = 120;

export class ErrorBudget {
  private readonly config: ObjectiveConfig;
  private readonly counts: ObjectiveCounts;
  private readonly slotMs: number;
  private readonly requests = new Uint32Array(slots);
  private readonly failures = new Uint32Array(slots);
  private readonly slow = new Uint32Array(slots);
  /** Number of the slot that counts now; -1 before the first request. */
  private slot = -1;

  /** `counts`: written here, kept by whoever shows them. */
  constructor(config: ObjectiveConfig, counts: ObjectiveCounts) {
    this.config = config;
    this.counts = counts;
    this.slotMs = config.windowMs / slots;
    counts.windowRequests = 0;
    counts.windowFailures = 0;
    counts.windowSlow = 0;
  }

  record(failed: boolean, durationMs: number, nowMs: number): void {
    this.advance(nowMs);
    const { latency } = this.config;
    const counts = this.counts;
    const at = this.slot % slots;
    counts.requests += 1;
    counts.windowRequests += 1;
    this.requests[at]! += 1;
    if (failed) {
      counts.failures += 1;
      counts.windowFailures += 1;
      this.failures[at]! += 1;
    } else if (latency !== null && durationMs > latency.thresholdMs) {
      counts.slow += 1;
      counts.windowSlow += 1;
      this.slow[at]! += 1;
    }
  }

  /** Lets go what has left the window; before counts are shown, because a quiet service records nothing. */
  advance(nowMs: number): void {
    const slot = Math.floor(nowMs / this.slotMs);
    if (slot === this.slot) return;
    const passed = this.slot < 0 ? 0 : Math.min(slots, slot - this.slot);
    for (let step = 1; step <= passed; step++) this.clear((this.slot + step) % slots);
    this.slot = slot;
  }

  private clear(at: number): void {
    const counts = this.counts;
    counts.windowRequests -= this.requests[at]!;
    counts.windowFailures -= this.failures[at]!;
    counts.windowSlow -= this.slow[at]!;
    this.requests[at] = 0;
    this.failures[at] = 0;
    this.slow[at] = 0;
  }
}

export interface BudgetsLeft {
  /** Share of the budget that is left: 1 untouched, 0 used up, below 0 overdrawn. */
  readonly availability: number;
  readonly latency: number | null;
}

export function budgetsLeft(config: ObjectiveConfig, counts: ObjectiveCounts): BudgetsLeft {
  const { windowRequests, windowFailures, windowSlow } = counts;
  return {
    availability: left(windowFailures, windowRequests, config.availability),
    latency:
      config.latency === null
        ? null
        : left(windowSlow, windowRequests - windowFailures, config.latency.percentile),
  };
}

/** Without any request nothing is used. */
function left(bad: number, all: number, goodPercent: number): number {
  return all === 0 ? 1 : 1 - bad / (all * (1 - goodPercent / 100));
}
