// What results of checks mean for one endpoint: Envoy's rules (health_checker_base_impl). The first result decides
// alone, so that a start is fast; after that a number of results in a row does, except that an answer which says no
// needs no second one.

import type { Random } from '../../base/index.ts';
import type { CheckResult, HealthTiming, HealthTransition } from './types.ts';

export class HealthJudge {
  /** Until the first result nobody knows, and it counts as unhealthy. */
  healthy = false;
  degraded = false;
  /** No result has come yet. */
  pending = true;
  timedOut = false;
  /** It asked itself not to be counted. */
  excluded = false;
  private passed = 0;
  private failed = 0;

  onResult(result: CheckResult, timing: HealthTiming): HealthTransition {
    const first = this.pending;
    this.pending = false;
    this.timedOut = result === 'timeout';
    if (result === 'passed' || result === 'degraded')
      return this.onPassed(result === 'degraded', first, timing.healthyThreshold);
    const certain = result === 'failed' || result === 'refused';
    if (result === 'refused') this.excluded = true;
    const transition = this.onFailed(certain, timing.unhealthyThreshold);
    return first ? 'changed' : transition;
  }

  /** An answer to a request said that it is to be left out from now on. */
  onImmediateFailure(): HealthTransition {
    this.excluded = true;
    return this.onFailed(true, 1);
  }

  private onPassed(degraded: boolean, first: boolean, threshold: number): HealthTransition {
    this.failed = 0;
    this.excluded = false;
    let transition: HealthTransition = 'unchanged';
    if (!this.healthy) {
      this.passed += 1;
      this.healthy = first || this.passed >= threshold;
      transition = this.healthy ? 'changed' : 'pending';
    }
    if (degraded === this.degraded) return transition;
    this.degraded = degraded;
    return 'changed';
  }

  private onFailed(certain: boolean, threshold: number): HealthTransition {
    this.passed = 0;
    if (!this.healthy) return 'unchanged';
    this.failed += 1;
    if (!certain && this.failed < threshold) return 'pending';
    this.healthy = false;
    this.failed = 0;
    return 'changed';
  }
}

/** Until the next check. `used`: the cluster has had a connection. */
export function nextCheckMs(
  passed: boolean,
  transition: HealthTransition,
  used: boolean,
  timing: HealthTiming,
  random: Random,
): number {
  const { jitterMs, jitterPercent } = timing;
  const baseMs = used
    ? intervalMs(passed, transition, timing)
    : passed
      ? timing.noTrafficHealthyMs
      : timing.noTrafficMs;
  const share = (baseMs * jitterPercent) / 100;
  return baseMs + random.float() * share + random.float() * jitterMs;
}

function intervalMs(passed: boolean, transition: HealthTransition, timing: HealthTiming): number {
  if (passed) return transition === 'pending' ? timing.healthyEdgeMs : timing.intervalMs;
  return transition === 'pending' ? timing.unhealthyEdgeMs : timing.unhealthyMs;
}
