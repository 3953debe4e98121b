// Ejects endpoints by what they answer: at once after too many failures in a row, and by a periodic sweep that compares
// success rates (Envoy's outlier detection, arch_overview/upstream/outlier). An endpoint comes back on probation: its
// first failure ejects it again, for longer; its first success clears it. Balancing by latency keeps its traffic small
// until it has proven itself.

import type { Random } from '../../base/index.ts';
import type { EndpointLoad, Outcome } from '../balance/index.ts';
import { isUsable } from '../balance/index.ts';
import type { Detector, EjectionCause, OutlierConfig, OutlierCounts } from './types.ts';

export class OutlierDetector<E extends EndpointLoad> implements Detector<E> {
  private readonly config: OutlierConfig;
  private readonly counts: OutlierCounts;
  private readonly random: Random;
  private endpoints: readonly E[] = [];
  private readonly changed: E[] = [];

  constructor(config: OutlierConfig, counts: OutlierCounts, random: Random) {
    this.config = config;
    this.counts = counts;
    this.random = random;
  }

  update(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
  }

  onOutcome(endpoint: E, outcome: Outcome, nowMs: number): boolean {
    if (outcome === 'unreached') return false;
    if (outcome === 'success') {
      endpoint.successes += 1;
      endpoint.consecutiveFailures = 0;
      endpoint.consecutiveGatewayFailures = 0;
      endpoint.consecutiveLocalFailures = 0;
      return false;
    }
    const { consecutiveFailures, consecutiveGatewayFailures = 0, consecutiveLocalFailures } = this.config;
    if (outcome === 'local' && consecutiveLocalFailures !== undefined) {
      endpoint.localFailures += 1;
      endpoint.consecutiveLocalFailures += 1;
      return this.isOver(endpoint, endpoint.consecutiveLocalFailures, consecutiveLocalFailures, nowMs)
        ? this.eject(endpoint, 'consecutive_local_origin_failure', nowMs)
        : false;
    }
    // Whatever it answered, it was reached.
    endpoint.consecutiveLocalFailures = 0;
    endpoint.failures += 1;
    endpoint.consecutiveFailures += 1;
    if (outcome === 'failure') endpoint.consecutiveGatewayFailures = 0;
    else endpoint.consecutiveGatewayFailures += 1;
    if (
      this.isOver(endpoint, endpoint.consecutiveGatewayFailures, consecutiveGatewayFailures, nowMs) &&
      this.eject(endpoint, 'consecutive_gateway_failure', nowMs)
    )
      return true;
    if (!this.isOver(endpoint, endpoint.consecutiveFailures, consecutiveFailures, nowMs)) return false;
    return this.eject(endpoint, 'consecutive_5xx', nowMs);
  }

  sweep(endpoints: readonly E[], nowMs: number): readonly E[] {
    this.endpoints = endpoints;
    this.changed.length = 0;
    for (const endpoint of endpoints) {
      if (endpoint.ejectedUntilMs < 0) {
        if (endpoint.ejections > 0) endpoint.ejections -= 1;
      } else if (endpoint.ejectedUntilMs <= nowMs) {
        this.uneject(endpoint);
      }
    }
    for (const share of this.config.consecutiveLocalFailures === undefined ? answeredShares : allShares) {
      this.sweepSuccessRates(share, nowMs);
      this.sweepFailurePercentages(share, nowMs);
    }
    for (const endpoint of endpoints) {
      endpoint.successes = 0;
      endpoint.failures = 0;
      endpoint.localFailures = 0;
    }
    return this.changed;
  }

  returnDue(nowMs: number): readonly E[] {
    this.changed.length = 0;
    for (const endpoint of this.endpoints) {
      if (endpoint.ejectedUntilMs >= 0 && endpoint.ejectedUntilMs <= nowMs) this.uneject(endpoint);
    }
    return this.changed;
  }

  onCheckPassed(endpoint: E, nowMs: number): boolean {
    if (this.config.returnOnCheck === false || endpoint.ejectedUntilMs <= nowMs) return false;
    this.changed.length = 0;
    this.uneject(endpoint);
    return true;
  }

  nextReturnMs(): number {
    let next = -1;
    for (const { ejectedUntilMs } of this.endpoints) {
      if (ejectedUntilMs >= 0 && (next < 0 || ejectedUntilMs < next)) next = ejectedUntilMs;
    }
    return next;
  }

  look(): void {}

  dispose(): void {}

  private uneject(endpoint: E): void {
    endpoint.ejectedUntilMs = -1;
    const { consecutiveFailures, consecutiveGatewayFailures = 0, consecutiveLocalFailures = 0 } = this.config;
    endpoint.consecutiveFailures = Math.max(0, consecutiveFailures - 1);
    endpoint.consecutiveGatewayFailures = Math.max(0, consecutiveGatewayFailures - 1);
    endpoint.consecutiveLocalFailures = Math.max(0, consecutiveLocalFailures - 1);
    this.changed.push(endpoint);
  }

  /** `limit` 0: off. Who is ejected already stays as it is. */
  private isOver(endpoint: E, count: number, limit: number, nowMs: number): boolean {
    return limit > 0 && count >= limit && endpoint.ejectedUntilMs <= nowMs;
  }

  /**
   * Ejects unless that would leave too few, or chance spares it. An ejection lasts base x (1 + earlier ones), at most
   * the maximum.
   */
  private eject(endpoint: E, cause: EjectionCause, nowMs: number): boolean {
    this.counts.detected[cause] += 1;
    const enforcing = this.config.enforcing?.[cause] ?? 100;
    if (enforcing < 100 && this.random.below(100) >= enforcing) {
      // Detected anew after as many more; what other causes count goes on.
      if (cause === 'consecutive_5xx') endpoint.consecutiveFailures = 0;
      else if (cause === 'consecutive_gateway_failure') endpoint.consecutiveGatewayFailures = 0;
      else if (cause === 'consecutive_local_origin_failure') endpoint.consecutiveLocalFailures = 0;
      return false;
    }
    if (!this.mayEject(nowMs)) {
      this.counts.overflows += 1;
      return false;
    }
    this.counts.enforced[cause] += 1;
    endpoint.ejections += 1;
    const { baseEjectionMs, maxEjectionMs, jitterMs: jitterMsMax = 0 } = this.config;
    // Envoy's rule: the maximum never shortens the first ejection.
    const longestMs = Math.max(baseEjectionMs, maxEjectionMs);
    const jitterMs = jitterMsMax > 0 ? this.random.float() * jitterMsMax : 0;
    endpoint.ejectedUntilMs = nowMs + Math.min(baseEjectionMs * endpoint.ejections, longestMs) + jitterMs;
    resetCounts(endpoint);
    return true;
  }

  private mayEject(nowMs: number): boolean {
    const { maxEjectedPercent, alwaysEjectOne = true } = this.config;
    let ejected = 0;
    let usable = 0;
    for (const endpoint of this.endpoints) {
      if (endpoint.ejectedUntilMs > nowMs) ejected += 1;
      else if (isUsable(endpoint, nowMs)) usable += 1;
    }
    if (maxEjectedPercent === 0 || usable < 2) return false;
    return (
      (alwaysEjectOne && ejected === 0) || ((ejected + 1) * 100) / this.endpoints.length <= maxEjectedPercent
    );
  }

  /**
   * Ejects those whose success rate lies more than `stdevFactor` standard deviations below the mean of all with enough
   * requests.
   */
  private sweepSuccessRates(share: Share, nowMs: number): void {
    const rule = this.config.successRate;
    if (rule === null) return;
    let count = 0;
    let sum = 0;
    let squares = 0;
    for (const endpoint of this.endpoints) {
      if (!isCounted(share, endpoint, rule.minimumRequests, nowMs)) continue;
      const rate = successRate(share, endpoint);
      count += 1;
      sum += rate;
      squares += rate * rate;
    }
    if (count === 0 || count < rule.minimumHosts) return;
    const mean = sum / count;
    const deviation = Math.sqrt(Math.max(0, squares / count - mean * mean));
    // Rounding must not eject an endpoint of a cluster in which all rates are equal.
    const threshold = mean - rule.stdevFactor * deviation - 1e-9;
    for (const endpoint of this.endpoints) {
      if (!isCounted(share, endpoint, rule.minimumRequests, nowMs)) continue;
      if (successRate(share, endpoint) >= threshold) continue;
      if (this.eject(endpoint, share.rateCause, nowMs)) this.changed.push(endpoint);
    }
  }

  private sweepFailurePercentages(share: Share, nowMs: number): void {
    const rule = this.config.failurePercentage;
    if (rule === undefined) return;
    const judged = this.endpoints.filter((endpoint) =>
      isCounted(share, endpoint, rule.minimumRequests, nowMs),
    );
    if (judged.length < rule.minimumHosts) return;
    for (const endpoint of judged) {
      if ((1 - successRate(share, endpoint)) * 100 < rule.threshold) continue;
      if (this.eject(endpoint, share.percentageCause, nowMs)) this.changed.push(endpoint);
    }
  }
}

/** What of the attempts since the last sweep is held against the rules. */
interface Share {
  readonly rateCause: EjectionCause;
  readonly percentageCause: EjectionCause;
  succeeded(endpoint: EndpointLoad): number;
  failed(endpoint: EndpointLoad): number;
}

/** Of those that were answered, where others count apart; of all, where they do not. */
const answered: Share = {
  rateCause: 'success_rate',
  percentageCause: 'failure_percentage',
  succeeded: ({ successes }) => successes,
  failed: ({ failures }) => failures,
};

/** Of all, those that reached it: whatever it answered, it was there to answer. */
const reached: Share = {
  rateCause: 'local_origin_success_rate',
  percentageCause: 'local_origin_failure_percentage',
  succeeded: ({ successes, failures }) => successes + failures,
  failed: ({ localFailures }) => localFailures,
};

const answeredShares = [answered] as const;
const allShares = [answered, reached] as const;

function resetCounts(endpoint: EndpointLoad): void {
  endpoint.consecutiveFailures = 0;
  endpoint.consecutiveGatewayFailures = 0;
  endpoint.consecutiveLocalFailures = 0;
}

function isCounted(share: Share, endpoint: EndpointLoad, minimumRequests: number, nowMs: number): boolean {
  const requests = share.succeeded(endpoint) + share.failed(endpoint);
  return requests > 0 && requests >= minimumRequests && endpoint.ejectedUntilMs <= nowMs;
}

function successRate(share: Share, endpoint: EndpointLoad): number {
  const succeeded = share.succeeded(endpoint);
  return succeeded / (succeeded + share.failed(endpoint));
}
