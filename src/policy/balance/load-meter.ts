// What every balancer measures, whether it decides by it or not: attempts in flight, latency, errors. A cluster that is
// switched from one policy to another therefore starts with what is known, and /clusters shows the same figures under
// all of them.
//
// The estimate is Finagle's peak EWMA (com.twitter.finagle.loadbalancer.p2c.PeakEwma): a higher latency replaces it at
// once, lower ones pull it down, and it fades with time so that nobody is avoided for ever. Two additions. Evidence
// counts by number as well as by time, so one slow answer from a busy endpoint is outweighed by the next dozen good
// ones, while an endpoint that nobody asks keeps its bad name for `decayMs`. And failures keep a share of their own,
// because a fast failure would otherwise look like a fast endpoint.

import type { EndpointLoad, Outcome } from './types.ts';

/** Least share of the difference that a lower latency, or an outcome, moves the estimate, however soon it follows. */
const sampleWeightMin = 1 / 16;
/**
 * Longest latency believed: it bounds how long a stalled endpoint stays avoided, decayMs x ln(10,000 / peers' latency).
 */
export const latencyMsMax = 10_000;
/** An endpoint that only fails counts as this many times slower than it is. */
export const failureFactor = 32;

/** The default time constant, for the policies that do not configure one. */
export const defaultDecayMs = 10_000;
export const defaultRttMs = 30;

export function recordStart(endpoint: EndpointLoad, nowMs: number): void {
  if (endpoint.active === 0) endpoint.waitingSinceMs = nowMs;
  endpoint.active += 1;
  endpoint.picks += 1;
}

export function recordFinish(
  endpoint: EndpointLoad,
  nowMs: number,
  rttMs: number,
  outcome: Outcome,
  decayMs: number,
): void {
  endpoint.active -= 1;
  if (outcome === 'unreached') {
    if (endpoint.active === 0) endpoint.waitingSinceMs = -1;
    return;
  }
  endpoint.waitingSinceMs = endpoint.active === 0 ? -1 : nowMs;
  const kept = Math.exp((endpoint.costAtMs - nowMs) / decayMs);
  const keptOfMean = Math.min(kept, 1 - sampleWeightMin);
  const failed = outcome === 'success' ? 0 : 1;
  const known = endpoint.costMs >= 0;
  endpoint.errorShare = known ? endpoint.errorShare * keptOfMean + failed * (1 - keptOfMean) : failed;
  const rtt = Math.min(rttMs, latencyMsMax);
  if (!known) {
    // A failure says nothing of how fast success would be: the estimate is left to the assumption, unless it took even
    // longer.
    endpoint.costMs = failed === 0 ? rtt : Math.max(rtt, defaultRttMs);
  } else if (rtt >= endpoint.costMs) {
    if (outcome !== 'local') endpoint.costMs = rtt;
  } else if (failed === 0) {
    endpoint.costMs = endpoint.costMs * keptOfMean + rtt * (1 - keptOfMean);
  }
  // A fast failure lowers nothing, but its moment restarts the fading.
  endpoint.costAtMs = nowMs;
}

/**
 * What the next attempt is expected to cost in ms, before load and weight. `endpoint` has answered before. Errors
 * multiply: the penalty of one that always fails is `failureFactor` times its latency, or the assumed latency where
 * that is more.
 */
export function estimateMs(
  endpoint: EndpointLoad,
  nowMs: number,
  decayMs: number,
  assumedRttMs: number,
): number {
  const latency = endpoint.costMs;
  const penalty = failureFactor * endpoint.errorShare * Math.max(latency, assumedRttMs);
  const faded = (latency + penalty) * Math.exp((endpoint.costAtMs - nowMs) / decayMs);
  if (endpoint.active === 0) return faded;
  const overdue = nowMs - endpoint.waitingSinceMs;
  return Math.max(overdue, faded);
}
