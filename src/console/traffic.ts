// A caller's egress, read from its metrics: per service the latency buckets, the failures and the retries since it
// started. Two readings make an interval.

import { type MetricSample, parsePrometheus } from './prometheus.ts';
import { serviceOfCluster } from './service-of-cluster.ts';

/** Counters of one caller towards one service, all since the proxy's start. */
export interface Traffic {
  requests: number;
  failures: number;
  retries: number;
  /** Upper bound in seconds -> cumulative count. */
  readonly buckets: Map<number, number>;
}

export type TrafficByService = ReadonlyMap<string, Traffic>;

const requestFamily = 'weft_request_duration_seconds';
const retryFamily = 'weft_retries_total';

export function createTraffic(): Traffic {
  return { requests: 0, failures: 0, retries: 0, buckets: new Map() };
}

/** What a proxy's metrics say of the calls that it made for its workload: its outbound side alone. */
export function readTraffic(text: string): TrafficByService {
  const traffic = new Map<string, Traffic>();
  const of = (labels: MetricSample['labels']): Traffic => {
    const service = labels['service'] ?? '';
    const found = traffic.get(service) ?? createTraffic();
    traffic.set(service, found);
    return found;
  };
  for (const { name, labels, value } of parsePrometheus(text, 'weft_re')) {
    if (name === retryFamily) of(labels).retries += value;
    if (!name.startsWith(requestFamily) || labels['direction'] === 'inbound') continue;
    if (name.endsWith('_count')) {
      of(labels).requests += value;
      if (labels['code']?.startsWith('5') === true) of(labels).failures += value;
    } else if (name.endsWith('_bucket')) {
      const bound = Number(labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : labels['le']);
      const { buckets } = of(labels);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
  }
  return traffic;
}

/** The same of an Envoy: by its clusters, whose histogram counts milliseconds. */
export function readEnvoyTraffic(text: string): TrafficByService {
  const traffic = new Map<string, Traffic>();
  for (const { name, labels, value } of parsePrometheus(text, 'envoy_cluster_upstream_rq_')) {
    const service = serviceOfCluster(labels['envoy_cluster_name'] ?? '');
    if (service === null) continue;
    const one = traffic.get(service) ?? createTraffic();
    traffic.set(service, one);
    if (name === 'envoy_cluster_upstream_rq_retry') one.retries += value;
    else if (name === 'envoy_cluster_upstream_rq_xx') {
      one.requests += value;
      if (labels['envoy_response_code_class'] === '5') one.failures += value;
    } else if (name === 'envoy_cluster_upstream_rq_time_bucket') {
      const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']) / 1000;
      one.buckets.set(bound, (one.buckets.get(bound) ?? 0) + value);
    }
  }
  return traffic;
}

/** What came between two readings; a proxy that restarted counts from zero again, so its later reading stands alone. */
export function subtractTraffic(now: Traffic, before: Traffic | undefined): Traffic {
  if (before === undefined || before.requests > now.requests) return now;
  const buckets = new Map(
    [...now.buckets].map(([bound, count]) => [bound, count - (before.buckets.get(bound) ?? 0)]),
  );
  return {
    requests: now.requests - before.requests,
    failures: now.failures - before.failures,
    retries: now.retries - before.retries,
    buckets,
  };
}

/** Adds `part` to `total`. */
export function addTraffic(total: Traffic, part: Traffic): void {
  total.requests += part.requests;
  total.failures += part.failures;
  total.retries += part.retries;
  for (const [bound, count] of part.buckets)
    total.buckets.set(bound, (total.buckets.get(bound) ?? 0) + count);
}

/**
 * Seconds below which the share `q` of the requests lies, interpolated inside its bucket; null while there are none.
 */
export function quantile(traffic: Traffic, q: number): number | null {
  const rows = [...traffic.buckets].sort(([a], [b]) => a - b);
  const total = rows.at(-1)?.[1] ?? 0;
  if (total <= 0) return null;
  const rank = q * total;
  let [lowerBound, below] = [0, 0];
  for (const [bound, count] of rows) {
    if (count >= rank) {
      if (!Number.isFinite(bound)) return lowerBound;
      return count === below ? bound : lowerBound + ((bound - lowerBound) * (rank - below)) / (count - below);
    }
    [lowerBound, below] = [bound, count];
  }
  return lowerBound;
}
