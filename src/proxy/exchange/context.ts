// What exchanges share beyond the proxy's context: the clusters in force, and objects that are filled, read and
// forgotten within one call and therefore needed only once.

import type { Clock } from '../../base/index.ts';
import type { Gauge, RetryFacts, RetryVerdict, TraceNotes } from '../../policy/index.ts';
import type { Demands } from '../config/index.ts';
import type { ProxyContext } from '../context.ts';
import type { OverloadSwitches } from '../overload/index.ts';
import type { ClusterTable } from '../upstream/index.ts';

export interface ExchangeContext extends ProxyContext {
  /** By name; replaced in place when a configuration is applied. */
  readonly clusters: ClusterTable;
  readonly retryFacts: RetryFacts;
  readonly retryVerdict: RetryVerdict;
  /** Traces whose request was made again above this proxy, and those of which something was given up below it. */
  readonly retriedAbove: TraceNotes;
  readonly retriedBelow: TraceNotes;
  /** Bytes of request bodies kept for retries, by all exchanges. */
  readonly replay: Gauge;
  readonly dates: HttpDates;
  /** Set by the admin interface: every answer tells its client to come back elsewhere. */
  readonly health: { failed: boolean };
  /** Connections of all listeners, and how many there may be. */
  readonly accepted: { readonly gauge: Gauge; readonly max: number };
  readonly overload: OverloadSwitches;
  /** What requests ask the control plane for. */
  readonly demands: Demands;
}

/** The Date header (RFC 9110 section 6.6.1) of our own answers, made once a second at most. */
export class HttpDates {
  private readonly clock: Clock;
  private second = -1;
  private text = '';

  constructor(clock: Clock) {
    this.clock = clock;
  }

  now(): string {
    const second = Math.floor(this.clock.wall() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.text = new Date(second * 1000).toUTCString();
    }
    return this.text;
  }
}
