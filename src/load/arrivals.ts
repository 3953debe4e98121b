// When requests are due. An open loop: the times are fixed by the rate alone, never by how fast answers come
// (Schroeder, Wierman and Harchol-Balter, "Open Versus Closed: A Cautionary Tale", NSDI 2006).

import type { Random } from '../base/index.ts';
import type { Arrivals } from './types.ts';

export class ArrivalSchedule {
  /** When the next request is due. */
  nextMs: number;
  private readonly startMs: number;
  private readonly gapMs: number;
  private readonly arrivals: Arrivals;
  private readonly random: Random;
  private count = 0;

  constructor(arrivals: Arrivals, ratePerSecond: number, startMs: number, random: Random) {
    this.arrivals = arrivals;
    this.gapMs = 1000 / ratePerSecond;
    this.startMs = startMs;
    this.random = random;
    this.nextMs = arrivals === 'constant' ? startMs : startMs + this.drawGap();
  }

  /** Moves on to the following arrival. */
  advance(): void {
    this.count += 1;
    // A product, not a sum: rounding must not drift over hours.
    if (this.arrivals === 'constant') this.nextMs = this.startMs + this.count * this.gapMs;
    else this.nextMs += this.drawGap();
  }

  private drawGap(): number {
    return -Math.log(1 - this.random.float()) * this.gapMs;
  }
}
