// Endpoints that may be used only for a while after they were told (endpoint_stale_after of EDS): where nothing newer
// came by then, the cluster has none. Their age counts from when the proxy received them, over a restart too.

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

  constructor(owner: StaleOwner) {
    this.owner = owner;
  }

  /** Those that are in force from now on; without any where their time is over. */
  watch(assignment: EndpointAssignment): EndpointAssignment {
    const { clock } = this.owner.context;
    clock.cancel(this.timer);
    const { staleAfterMs, receivedAtMs } = assignment;
    if (staleAfterMs === undefined) return assignment;
    const leftMs = receivedAtMs + staleAfterMs - clock.wall();
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
