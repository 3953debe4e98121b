// Slow start (Envoy's arch_overview/upstream/load_balancing/slow_start): an endpoint that has just come into service
// gets a share that grows over a window, so that its caches and compilers warm up on a few requests instead of
// failing on many.

import type { EndpointLoad, SlowStartConfig } from './types.ts';

/** What of its weight counts now: above 0, at most 1. */
export function slowStartFactor(endpoint: EndpointLoad, config: SlowStartConfig, nowMs: number): number {
  const { warmFromMs } = endpoint;
  if (warmFromMs < 0) return 1;
  const time = Math.max(1, nowMs - warmFromMs) / config.windowMs;
  if (time >= 1) return 1;
  const grown = config.aggression === 1 ? time : time ** (1 / config.aggression);
  return Math.max(grown, config.minPercent / 100, shareMin);
}

/** Of nothing an endpoint would never get a request, and its turn never come. */
const shareMin = 1e-4;

/** When the last of them will have warmed up; -1: all have. */
export function warmUntilMs(endpoints: readonly EndpointLoad[], { windowMs }: SlowStartConfig): number {
  let until = -1;
  for (const { warmFromMs } of endpoints)
    if (warmFromMs >= 0 && warmFromMs + windowMs > until) until = warmFromMs + windowMs;
  return until;
}
