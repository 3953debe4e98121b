// How long to wait before a retry: full jitter (Marc Brooker, "Exponential Backoff and Jitter"; Envoy's default).
// Anything narrower lets the callers of a failed endpoint come back together.

import type { Random } from '../../base/index.ts';
import type { RetryPolicy } from './types.ts';

/** Uniform in [0, min(maxMs, baseMs x (2^retry - 1))); `retry` is 1 for the first. */
export function backoffMs(policy: Pick<RetryPolicy, 'backoff'>, retry: number, random: Random): number {
  const { baseMs, maxMs } = policy.backoff;
  return random.float() * Math.min(maxMs, baseMs * (2 ** Math.min(retry, 30) - 1));
}
