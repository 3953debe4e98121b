// Endpoints that may be used only for a while after they were told (endpoint_stale_after of EDS): where nothing newer
// came by then, the cluster has none. Their age counts from when the proxy received them, over a restart too; a clock
// that is set meanwhile changes nothing.

import { Timer, type TimerHandler } from '../../base/index.ts';
import type { EndpointAssignment } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';

/** The cluster, whose endpoints they are. */
export interface StaleOwner {
  readonly context: ProxyContext;
  onStale(): void;
}

export class StaleEndpoints implements TimerHandler {
  private readonly owner: StaleOwner;
  private readonly timer = new Timer(this, 0);
  /** {@link EndpointAssignment.receivedAtMs} and the time to live of what is watched: by the wall, as a file has it. */
  private receivedAtMs = 0;
  private staleAfterMs = -1;
  /** When these are over, by the clock that nobody sets. */
  private overMs = 0;

  constructor(owner: StaleOwner) {
    this.owner = owner;
  }

  /** Those that are in force from now on; without any where their time is over. */
  watch(assignment: EndpointAssignment): EndpointAssignment {
    const { clock } = this.owner.context;
    clock.cancel(this.timer);
    const { staleAfterMs, receivedAtMs } = assignment;
    if (staleAfterMs === undefined) return assignment;
    if (receivedAtMs !== this.receivedAtMs || staleAfterMs !== this.staleAfterMs) {
      this.receivedAtMs = receivedAtMs;
      this.staleAfterMs = staleAfterMs;
      this.overMs = clock.now() + Math.min(receivedAtMs + staleAfterMs - clock.wall(), staleAfterMs);
    }
    const leftMs = this.overMs - clock.now();
    if (leftMs <= 0) return { ...assignment, endpoints: [] };
    clock.arm(this.timer, leftMs);
    return assignment;
  }

  stop(): void {
    this.owner.context.clock.cancel(this.timer);
  }

  onTimer(): void {
    this.owner.onStale();
  }
}
