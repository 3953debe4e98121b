// Ejects endpoints by what they answer: at once after too many failures in a row, and by a periodic sweep that compares success rates
// (Envoy's outlier detection, arch_overview/upstream/outlier). An endpoint comes back on probation: its first failure ejects it again,
// for longer; its first success clears it. Balancing by latency keeps its traffic small until it has proven itself.

import type { EndpointLoad, Outcome } from '../balance/index.ts';
import { isUsable } from '../balance/index.ts';
import type { OutlierConfig } from './types.ts';

export class OutlierDetector<E extends EndpointLoad> {
  readonly #config: OutlierConfig;
  #endpoints: readonly E[] = [];
  readonly #changed: E[] = [];
  /** Ejections since creation, by cause. */
  consecutiveEjections = 0;
  successRateEjections = 0;
  /** Ejections that were due, but would have left too few. */
  overflows = 0;

  constructor(config: OutlierConfig) {
    this.#config = config;
  }

  /** The cluster's endpoints changed. Without any known, nothing is ejected. */
  update(endpoints: readonly E[]): void {
    this.#endpoints = endpoints;
  }

  /** An attempt ended. True: that ejected the endpoint, and candidates must be selected anew. */
  onOutcome(endpoint: E, outcome: Outcome, nowMs: number): boolean {
    if (outcome === 'unreached') return false;
    if (outcome === 'success') {
      endpoint.successes += 1;
      endpoint.consecutiveFailures = 0;
      return false;
    }
    endpoint.failures += 1;
    endpoint.consecutiveFailures += 1;
    const limit = this.#config.consecutiveFailures;
    if (limit === 0 || endpoint.consecutiveFailures < limit || endpoint.ejectedUntilMs > nowMs) return false;
    if (!this.#eject(endpoint, nowMs)) return false;
    this.consecutiveEjections += 1;
    return true;
  }

  /**
   * To be called every `intervalMs`, and when {@link nextReturnMs} is due: returns endpoints to service, ejects by success rate and
   * lets old ejections be forgotten. The result holds those that changed state; it is valid until the next call.
   */
  sweep(endpoints: readonly E[], nowMs: number): readonly E[] {
    this.#endpoints = endpoints;
    this.#changed.length = 0;
    for (const endpoint of endpoints) {
      if (endpoint.ejectedUntilMs < 0) {
        if (endpoint.ejections > 0) endpoint.ejections -= 1;
      } else if (endpoint.ejectedUntilMs <= nowMs) {
        this.#uneject(endpoint);
      }
    }
    this.#sweepSuccessRates(nowMs);
    for (const endpoint of endpoints) {
      endpoint.successes = 0;
      endpoint.failures = 0;
    }
    return this.#changed;
  }

  /** Ends the ejections that are over, between two sweeps; the result is as of {@link sweep}. */
  returnDue(nowMs: number): readonly E[] {
    this.#changed.length = 0;
    for (const endpoint of this.#endpoints) {
      if (endpoint.ejectedUntilMs >= 0 && endpoint.ejectedUntilMs <= nowMs) this.#uneject(endpoint);
    }
    return this.#changed;
  }

  /** When the first ejection ends, or -1. */
  nextReturnMs(): number {
    let next = -1;
    for (const { ejectedUntilMs } of this.#endpoints) {
      if (ejectedUntilMs >= 0 && (next < 0 || ejectedUntilMs < next)) next = ejectedUntilMs;
    }
    return next;
  }

  #uneject(endpoint: E): void {
    endpoint.ejectedUntilMs = -1;
    endpoint.consecutiveFailures = Math.max(0, this.#config.consecutiveFailures - 1);
    this.#changed.push(endpoint);
  }

  /** Ejects unless that would leave too few. An ejection lasts base x (1 + earlier ones), at most the maximum. */
  #eject(endpoint: E, nowMs: number): boolean {
    if (!this.#mayEject(nowMs)) {
      this.overflows += 1;
      return false;
    }
    endpoint.ejections += 1;
    const { baseEjectionMs, maxEjectionMs } = this.#config;
    // Envoy's rule: the maximum never shortens the first ejection.
    const longestMs = Math.max(baseEjectionMs, maxEjectionMs);
    endpoint.ejectedUntilMs = nowMs + Math.min(baseEjectionMs * endpoint.ejections, longestMs);
    endpoint.consecutiveFailures = 0;
    return true;
  }

  #mayEject(nowMs: number): boolean {
    const { maxEjectedPercent } = this.#config;
    let ejected = 0;
    let usable = 0;
    for (const endpoint of this.#endpoints) {
      if (endpoint.ejectedUntilMs > nowMs) ejected += 1;
      else if (isUsable(endpoint, nowMs)) usable += 1;
    }
    if (maxEjectedPercent === 0 || usable < 2) return false;
    return ejected === 0 || ((ejected + 1) * 100) / this.#endpoints.length <= maxEjectedPercent;
  }

  /** Ejects those whose success rate lies more than `stdevFactor` standard deviations below the mean of all with enough requests. */
  #sweepSuccessRates(nowMs: number): void {
    const rule = this.#config.successRate;
    if (rule === null) return;
    let count = 0;
    let sum = 0;
    let squares = 0;
    for (const endpoint of this.#endpoints) {
      if (!isCounted(endpoint, rule.minimumRequests, nowMs)) continue;
      const rate = successRate(endpoint);
      count += 1;
      sum += rate;
      squares += rate * rate;
    }
    if (count === 0 || count < rule.minimumHosts) return;
    const mean = sum / count;
    const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
    // Rounding must not eject an endpoint of a cluster in which all rates are equal.
    const threshold = mean - rule.stdevFactor * deviation - 1e-9;
    for (const endpoint of this.#endpoints) {
      if (!isCounted(endpoint, rule.minimumRequests, nowMs) || successRate(endpoint) >= threshold) continue;
      if (!this.#eject(endpoint, nowMs)) continue;
      this.successRateEjections += 1;
      this.#changed.push(endpoint);
    }
  }
}

function isCounted(endpoint: EndpointLoad, minimumRequests: number, nowMs: number): boolean {
  const requests = endpoint.successes + endpoint.failures;
  return requests > 0 && requests >= minimumRequests && endpoint.ejectedUntilMs <= nowMs;
}

function successRate(endpoint: EndpointLoad): number {
  return endpoint.successes / (endpoint.successes + endpoint.failures);
}
