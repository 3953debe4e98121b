// When to try again: exponential, with full jitter above a floor, so that a thousand proxies do not come back in one instant.

import type { Random } from '../../base/index.ts';
import { reconnectBaseMs, reconnectMaxMs } from '../limits.ts';

/** Milliseconds before attempt number `attempt` (1 is the first retry). Half of the step is certain, half is chance. */
export function reconnectDelayMs(attempt: number, random: Random): number {
  const step = Math.min(reconnectMaxMs, reconnectBaseMs * 2 ** Math.min(attempt - 1, 20));
  return step / 2 + (step / 2) * random.float();
}
