// When to try a lost connection again: exponential, with full jitter above a floor, so that a thousand clients do not
// come back in one instant.

import type { Random } from './random.ts';

/** Milliseconds before attempt number `attempt` (1 is the first retry). Half of the step is certain, half is chance. */
export function reconnectDelayMs(attempt: number, baseMs: number, maxMs: number, random: Random): number {
  const step = Math.min(maxMs, baseMs * 2 ** Math.min(attempt - 1, 20));
  return step / 2 + (step / 2) * random.float();
}
