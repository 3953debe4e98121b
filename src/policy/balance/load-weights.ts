// Weights by what endpoints report of themselves, as Envoy's client_side_weighted_round_robin has them (gRFC A58):
// requests a second over utilization, which is what the endpoint could carry. A weight counts once its endpoint has
// reported for a while, and no longer than its reports are fresh; who has none gets the median of those who have.

import { type LoadReport, type LoadWeightsConfig, visitMetrics } from './load-report.ts';
import type { EndpointLoad } from './types.ts';

const weightMax = 0xffff_ffff;

/** null: the report says nothing to go by (no requests, or no utilization). */
export function weightOf(report: LoadReport, config: LoadWeightsConfig): number | null {
  const { rpsFractional: rps, eps } = report;
  if (!(rps > 0)) return null;
  const utilization = utilizationOf(report, config.metricNames) + (config.errorPenalty * eps) / rps;
  if (!(utilization > 0)) return null;
  return Math.max(1, Math.min(weightMax, Math.floor(rps / utilization)));
}

function utilizationOf(report: LoadReport, names: readonly string[]): number {
  let most = 0;
  visitMetrics(report, names, (_, value) => {
    if (value > most) most = value;
  });
  if (most > 0) return most;
  return report.applicationUtilization > 0 ? report.applicationUtilization : report.cpuUtilization;
}

/** Keeps what an endpoint reported; it counts from the next `weighByLoad` on. */
export function noteReport(
  endpoint: EndpointLoad,
  report: LoadReport,
  config: LoadWeightsConfig,
  nowMs: number,
): void {
  const weight = weightOf(report, config);
  if (weight === null) return;
  const { reported } = endpoint;
  if (reported === null) {
    endpoint.reported = { weight, sinceMs: nowMs, updatedMs: nowMs };
    return;
  }
  // After a pause it has to prove itself anew.
  if (nowMs - reported.updatedMs > config.expirationMs) reported.sinceMs = nowMs;
  reported.weight = weight;
  reported.updatedMs = nowMs;
}

/** Sets the weights of endpoints of one priority. True: one of them is another than before. */
export function weighByLoad(
  endpoints: readonly EndpointLoad[],
  config: LoadWeightsConfig,
  nowMs: number,
): boolean {
  const counted = (endpoint: EndpointLoad) => countedWeight(endpoint, config, nowMs);
  const known = endpoints.flatMap((endpoint) => counted(endpoint) ?? []);
  const other = median(known);
  let changed = false;
  for (const endpoint of endpoints) {
    const weight = counted(endpoint) ?? other;
    if (weight === endpoint.loadWeight) continue;
    endpoint.loadWeight = weight;
    changed = true;
  }
  return changed;
}

/** A report of one of them may come to count, or stop counting. */
export function isWeighing(
  endpoints: readonly EndpointLoad[],
  { expirationMs }: LoadWeightsConfig,
  nowMs: number,
): boolean {
  return endpoints.some(({ reported }) => reported !== null && nowMs - reported.updatedMs <= expirationMs);
}

function countedWeight(
  { reported }: EndpointLoad,
  { blackoutMs, expirationMs }: LoadWeightsConfig,
  nowMs: number,
): number | null {
  if (reported === null || nowMs - reported.sinceMs < blackoutMs) return null;
  return nowMs - reported.updatedMs > expirationMs ? null : reported.weight;
}

/** Of an even number the mean of the two in the middle, rounded down; of none 1. */
function median(weights: number[]): number {
  if (weights.length === 0) return 1;
  weights.sort((one, two) => one - two);
  const middle = weights.length >> 1;
  if (weights.length % 2 === 1) return weights[middle]!;
  return Math.floor((weights[middle - 1]! + weights[middle]!) / 2);
}
