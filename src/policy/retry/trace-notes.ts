// What one proxy remembers of a trace between its two sides: the request that came in and the calls that its
// application makes because of it share a trace id and nothing else. By it a retry from above is not multiplied below,
// and what was given up below is not begun anew above (docs/decisions/0011-retries-in-a-chain.md).

import { policyLimits } from '../limits.ts';

export class TraceNotes {
  /** Clock time at which a note is forgotten, by trace id; oldest first. */
  private readonly expiry = new Map<string, number>();

  get size(): number {
    return this.expiry.size;
  }

  /** The oldest note makes room where there are too many: retries are then bounded by budgets alone. */
  note(traceId: string, nowMs: number): void {
    this.expiry.delete(traceId);
    for (const [oldest, expiryMs] of this.expiry) {
      if (expiryMs > nowMs && this.expiry.size < policyLimits.traceNotesMax) break;
      this.expiry.delete(oldest);
    }
    this.expiry.set(traceId, nowMs + policyLimits.traceNoteMs);
  }

  has(traceId: string, nowMs: number): boolean {
    const expiryMs = this.expiry.get(traceId);
    return expiryMs !== undefined && expiryMs > nowMs;
  }
}
