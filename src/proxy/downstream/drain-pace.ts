// How fast a draining listener sends its clients away (Envoy's --drain-strategy). At once: each connection with its
// next answer. Gradually: spread over the drain time, so that a thousand clients do not all come to the successor, or
// to the other replicas, in one second.

import type { Clock, Random } from '../../base/index.ts';
import { proxyLimits } from '../limits.ts';

/** Of the drain time: who was told last still needs a moment before the rest is cut. */
const paceShare = 0.8;

export type DrainStrategy = 'immediate' | 'gradual';

export class DrainPace {
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly startedMs: number;
  private readonly lastsMs: number;

  constructor(clock: Clock, random: Random, drainMs: number) {
    this.clock = clock;
    this.random = random;
    this.startedMs = clock.now();
    this.lastsMs = drainMs * paceShare;
  }

  /**
   * Whether this answer announces the end of its connection: likelier the more of the drain time is over, as Envoy's.
   */
  announces(): boolean {
    const over = this.clock.now() - this.startedMs;
    return over >= this.lastsMs || this.random.float() * this.lastsMs < over;
  }

  /**
   * Whether a quiet connection ends at this look. Looks come every {@link proxyLimits.drainCheckMs}; each connection's
   * end is uniform over the drain time.
   */
  endsQuiet(nowMs: number): boolean {
    const left = this.startedMs + this.lastsMs - nowMs;
    return left <= 0 || this.random.float() * left < proxyLimits.drainCheckMs;
  }
}
