// What Envoy counts besides by cluster: requests of a virtual cluster, and of a route that has a stat_prefix. A series
// exists from its first request on; those that are gone stay, up to a bound, then all fold into "other".

import { Histogram, latencyBoundsSeconds } from '../../observe/index.ts';
import { StatusCounts } from './status-counts.ts';

export type TallyKind = 'vcluster' | 'route';

export class Tally {
  readonly kind: TallyKind;
  readonly virtualHost: string;
  readonly name: string;
  /** Attempts that were sent. */
  attempts = 0;
  retries = 0;
  retrySuccess = 0;
  /** Retries not made: the attempts were used up, the budget was. */
  retryExhausted = 0;
  retryOverflow = 0;
  /** Attempts that the end of the request’s time found without an answer. */
  timeouts = 0;
  /** Answers that were passed on, and those that the proxy gave in their place. */
  readonly answers = new StatusCounts();
  /** Seconds from sending an attempt to its response head, of answers that were passed on. */
  readonly latency = new Histogram(latencyBoundsSeconds);

  constructor(kind: TallyKind, virtualHost: string, name: string) {
    this.kind = kind;
    this.virtualHost = virtualHost;
    this.name = name;
  }
}

/** Those of one listener. */
export class Tallies {
  private readonly max: number;
  private readonly byKey = new Map<string, Tally>();

  constructor(max = 2_000) {
    this.max = max;
  }

  get all(): Iterable<Tally> {
    return this.byKey.values();
  }

  /** The series of that name, from now on if there was none. */
  find(kind: TallyKind, virtualHost: string, name: string): Tally {
    const key = JSON.stringify([kind, virtualHost, name]);
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const rest = virtualHost === 'other' && name === 'other';
    if (this.byKey.size >= this.max && !rest) return this.find(kind, 'other', 'other');
    const tally = new Tally(kind, virtualHost, name);
    this.byKey.set(key, tally);
    return tally;
  }
}
