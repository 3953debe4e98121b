// Whether connections to an endpoint come to be at all, learnt from those that requests asked for. A node that vanished
// says nothing: every connection to it waits its whole connect timeout, and a request waits with it. One such wait is
// enough; a refusal costs no time and may be a restart, so that it takes some in a row. Not Envoy's: there each new
// connection to a silent endpoint is paid for by a request, until outlier detection, if configured, has counted enough.

import type { Random } from '../../base/index.ts';
import type { EndpointLoad } from '../balance/index.ts';

export const reachRules = {
  /** Connections in a row that failed, but not by silence, after which an endpoint counts as out of reach. */
  failuresMax: 3,
  /** Until the first background connection is tried again, and the most that doubling makes of it. */
  redialMs: 250,
  redialMsMax: 10_000,
  /** Share of a wait that chance takes off, so that proxies do not dial together. */
  redialJitter: 0.25,
} as const;

/** A connection did not come to be. True: that put the endpoint out of reach, and candidates must be selected anew. */
export function noteUnconnected(endpoint: EndpointLoad, silent: boolean): boolean {
  endpoint.failedConnects += 1;
  if (endpoint.unreachable || (!silent && endpoint.failedConnects < reachRules.failuresMax)) return false;
  endpoint.unreachable = true;
  return true;
}

/** A connection is open. True: the endpoint was out of reach until now. */
export function noteConnected(endpoint: EndpointLoad): boolean {
  const before = endpoint.unreachable;
  endpoint.failedConnects = 0;
  endpoint.unreachable = false;
  return before;
}

/** The wait before background connection `tries` + 1; the first is made at once, because the timeout was a wait. */
export function redialAfterMs(tries: number, random: Random): number {
  if (tries === 0) return 0;
  const { redialJitter, redialMs, redialMsMax } = reachRules;
  return Math.min(redialMsMax, redialMs * 2 ** (tries - 1)) * (1 - redialJitter * random.float());
}
