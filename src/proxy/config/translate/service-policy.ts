// The resolved ServicePolicy that Weft's control plane puts beside Envoy's fields (docs/xds.md, key weft.dev): what
// Envoy cannot say. It comes from our own compiler, yet it is checked like anything else that arrives over a wire.

import {
  type LimitsConfig,
  type ObjectiveConfig,
  type OutlierConfig,
  type RetryBudgetConfig,
  type RetryPolicy,
  type RouteTimeouts,
  retryConditions,
} from '../../../policy/index.ts';
import { parseGatewayDuration, policyDefaults, sumDuration } from '../../../xds/index.ts';
import { type Faults, join } from '../schema/index.ts';

/** What the policy says; null where it says nothing. */
export interface ServicePolicy {
  readonly retry: RetryPolicy | null;
  readonly retryBudget: RetryBudgetConfig | null;
  readonly timeouts: RouteTimeouts;
  readonly connectTimeoutMs: number | null;
  readonly limits: LimitsConfig | null;
  readonly outlier: OutlierConfig | null;
  readonly objective: ObjectiveConfig | null;
}

type Values = Readonly<Record<string, unknown>>;

export function translateServicePolicy(policy: Values, path: string, faults: Faults): ServicePolicy {
  const reader = new PolicyReader(policy, path, faults);
  const timeouts = reader.object('timeouts');
  return {
    retry: translatePolicyRetry(reader.object('retry')),
    retryBudget: translateBudget(reader.object('retryBudget')),
    timeouts: {
      requestMs: timeouts?.duration('request') ?? null,
      attemptMs: timeouts?.duration('attempt') ?? null,
      idleMs: timeouts?.duration('idle') ?? null,
      ...translateCallTimes(timeouts),
    },
    connectTimeoutMs: timeouts?.duration('connect') ?? null,
    limits: translateLimits(reader.object('limits')),
    outlier: translateOutlier(reader.object('outlierDetection')),
    objective: translateObjective(reader.object('objective')),
  };
}

function translateCallTimes(timeouts: PolicyReader | null): Pick<RouteTimeouts, 'callMs' | 'callAttemptMs'> {
  const callMs = timeouts?.duration('grpcRequest') ?? null;
  const callAttemptMs = timeouts?.duration('grpcAttempt') ?? null;
  return { ...(callMs === null ? {} : { callMs }), ...(callAttemptMs === null ? {} : { callAttemptMs }) };
}

function translateObjective(value: PolicyReader | null): ObjectiveConfig | null {
  const availability = value?.number('availability', 0, 100) ?? null;
  if (value === null || availability === null) return null;
  const latency = value.object('latency');
  const percentile = latency?.number('percentile', 0, 100) ?? null;
  const thresholdMs = latency?.duration('threshold') ?? null;
  return {
    availability,
    latency: percentile === null || thresholdMs === null ? null : { percentile, thresholdMs },
    windowMs: value.longDuration('window') ?? policyDefaults.objective.windowMs,
  };
}

function translatePolicyRetry(retry: PolicyReader | null): RetryPolicy | null {
  if (retry === null) return null;
  const backoff = retry.object('backoff');
  const baseMs = backoff?.duration('base') ?? policyDefaults.retry.backoff.baseMs;
  return {
    on: retry.words('on', retryConditions) ?? policyDefaults.retry.on,
    statusCodes: retry.numbers('statusCodes'),
    methods: retry.strings('methods'),
    idempotencyHeader: retry.string('idempotencyHeader')?.toLowerCase() ?? null,
    attempts: retry.number('attempts', 0, 16) ?? policyDefaults.retry.attempts,
    backoff: {
      baseMs,
      maxMs: Math.max(baseMs, backoff?.duration('max') ?? policyDefaults.retry.backoff.maxMs),
    },
  };
}

function translateBudget(value: PolicyReader | null): RetryBudgetConfig | null {
  if (value === null) return null;
  const defaults = policyDefaults.retry.budget;
  const budget = value.object('budget');
  const rate = value.object('minRetryRate');
  return {
    kind: 'window',
    percent: budget?.number('percent', 0, 100) ?? defaults.percent,
    intervalMs: budget?.duration('interval') ?? defaults.intervalMs,
    minRetries: {
      count: rate?.number('count', 0, 1_000_000) ?? defaults.minRetries.count,
      intervalMs: rate?.duration('interval') ?? defaults.minRetries.intervalMs,
    },
  };
}

function translateLimits(limits: PolicyReader | null): LimitsConfig | null {
  if (limits === null) return null;
  return {
    connections: limits.number('connections', 0, 2 ** 32) ?? policyDefaults.limits.connections,
    pending: limits.number('pending', 0, 2 ** 32) ?? policyDefaults.limits.pending,
    requests: limits.number('requests', 0, 2 ** 32) ?? policyDefaults.limits.requests,
  };
}

function translateOutlier(value: PolicyReader | null): OutlierConfig | null {
  if (value === null) return null;
  const defaults = policyDefaults.outlierDetection;
  const successRate = value.object('successRate');
  return {
    consecutiveFailures: value.number('consecutiveFailures', 0, 2 ** 32) ?? defaults.consecutiveFailures,
    successRate:
      successRate === null
        ? null
        : {
            minimumHosts: successRate.number('minimumHosts', 0, 2 ** 32) ?? defaults.successRate.minimumHosts,
            minimumRequests:
              successRate.number('minimumRequests', 0, 2 ** 32) ?? defaults.successRate.minimumRequests,
            stdevFactor: successRate.number('stdevFactor', 0, 1000) ?? defaults.successRate.stdevFactor,
          },
    intervalMs: value.duration('interval') ?? defaults.intervalMs,
    baseEjectionMs: value.duration('baseEjection') ?? defaults.baseEjectionMs,
    maxEjectionMs: value.duration('maxEjection') ?? defaults.maxEjectionMs,
    maxEjectedPercent: value.number('maxEjectedPercent', 0, 100) ?? defaults.maxEjectedPercent,
  };
}

/** Reads optional fields of a Struct; a wrong type is a fault at its path and counts as absent. */
class PolicyReader {
  private readonly values: Values;
  private readonly path: string;
  private readonly faults: Faults;

  constructor(values: Values, path: string, faults: Faults) {
    this.values = values;
    this.path = path;
    this.faults = faults;
  }

  object(name: string): PolicyReader | null {
    const value = this.values[name];
    if (value === undefined || value === null) return null;
    if (typeof value === 'object' && !Array.isArray(value)) {
      return new PolicyReader(value as Values, join(this.path, name), this.faults);
    }
    return this.refuse(name, 'must be an object', value);
  }

  string(name: string): string | null {
    const value = this.values[name];
    if (value === undefined || value === null) return null;
    return typeof value === 'string' ? value : this.refuse(name, 'must be a string', value);
  }

  duration(name: string): number | null {
    const text = this.string(name);
    if (text === null) return null;
    return parseGatewayDuration(text) ?? this.refuse(name, 'must be a duration like 250ms', text);
  }

  /** Days too. */
  longDuration(name: string): number | null {
    const text = this.string(name);
    if (text === null) return null;
    if (/^([0-9]{1,5}(d|h|m|s|ms)){1,4}$/.test(text) && sumDuration(text) > 0) return sumDuration(text);
    return this.refuse(name, 'must be a duration like 30d', text);
  }

  number(name: string, low: number, high: number): number | null {
    const value = this.values[name];
    if (value === undefined || value === null) return null;
    if (typeof value === 'number' && value >= low && value <= high) return value;
    return this.refuse(name, `must be a number from ${low} to ${high}`, value);
  }

  strings(name: string): readonly string[] | null {
    const value = this.values[name];
    if (value === undefined || value === null) return null;
    if (Array.isArray(value) && value.every((item): item is string => typeof item === 'string')) return value;
    return this.refuse(name, 'must be a list of strings', value);
  }

  numbers(name: string): readonly number[] {
    const value = this.values[name];
    if (value === undefined || value === null) return [];
    if (Array.isArray(value) && value.every((item): item is number => typeof item === 'number')) return value;
    return this.refuse(name, 'must be a list of numbers', value) ?? [];
  }

  words<T extends string>(name: string, allowed: readonly T[]): readonly T[] | null {
    const values = this.strings(name);
    const wrong = values?.find((value) => !(allowed as readonly string[]).includes(value));
    if (wrong !== undefined) return this.refuse(name, `must be of ${allowed.join(', ')}`, wrong);
    return values as readonly T[] | null;
  }

  private refuse(name: string, rule: string, value: unknown): null {
    this.faults.add(join(this.path, name), rule, value);
    return null;
  }
}
