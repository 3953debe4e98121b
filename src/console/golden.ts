// The golden signals of an interval's traffic.

import { quantile, type Traffic } from './traffic.ts';
import type { Golden } from './view.ts';

/** Nobody could be asked. */
export const unknownGolden: Golden = {
  requestsPerSecond: null,
  successShare: null,
  p50Ms: null,
  p99Ms: null,
  retriesPerSecond: null,
};

/** `seconds` null: there is no interval yet. */
export function summarize(traffic: Traffic, seconds: number | null): Golden {
  if (seconds === null) return unknownGolden;
  const milliseconds = (q: number): number | null => {
    const value = quantile(traffic, q);
    return value === null ? null : value * 1000;
  };
  return {
    requestsPerSecond: traffic.requests / seconds,
    successShare: traffic.requests === 0 ? null : 1 - traffic.failures / traffic.requests,
    p50Ms: milliseconds(0.5),
    p99Ms: milliseconds(0.99),
    retriesPerSecond: traffic.retries / seconds,
  };
}
