// How a service looks from its callers' egress: latency from their proxies' histograms, picks of one replica from their
// endpoint tables. Measured where the balancing decision is made, one row for each caller's proxy.

import { namespace } from '../../../examples/bank/bank.ts';
import { quantile, readTraffic, subtractTraffic, type Traffic } from '../../console/index.ts';
import type { BankCluster } from '../cluster/bank-cluster.ts';
import { scrape } from '../view/meters.ts';

/** Callers with fewer requests than this say nothing about a 99th percentile. */
export const callerRequestsMin = 200;

export interface CallerReading {
  readonly traffic: Traffic;
  /** Attempts given to the watched replica. */
  readonly picks: number;
}

export interface CallerReport {
  readonly caller: string;
  readonly requests: number;
  /** How many of them went to the watched replica, and how many took as long as a slow one. */
  readonly picks: number;
  readonly slow: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Pod name to its egress towards `service`, with the picks of `replica`. */
export async function readCallers(
  cluster: BankCluster,
  service: string,
  replica: string,
): Promise<Map<string, CallerReading>> {
  const readings = new Map<string, CallerReading>();
  await Promise.all(
    cluster.pods.map(async ({ spec }) => {
      if (spec.sidecar === null) return;
      const { adminUrl } = spec.sidecar.row;
      const [metrics, picks] = await Promise.all([
        scrape(adminUrl),
        readPicks(adminUrl, replica).catch(() => 0),
      ]);
      const traffic = metrics === null ? undefined : readTraffic(metrics).get(`${namespace}/${service}`);
      if (traffic !== undefined) readings.set(spec.name, { traffic, picks });
    }),
  );
  return readings;
}

/** What each caller did between two readings; callers with too few requests are left out. */
export function compareCallers(
  before: ReadonlyMap<string, CallerReading>,
  after: ReadonlyMap<string, CallerReading>,
  slowMs: number,
): CallerReport[] {
  const reports = [...after].map(([caller, reading]) => {
    const traffic = subtractTraffic(reading.traffic, before.get(caller)?.traffic);
    return {
      caller,
      requests: traffic.requests,
      picks: reading.picks - (before.get(caller)?.picks ?? 0),
      slow: countSlow(traffic, slowMs),
      p50Ms: milliseconds(quantile(traffic, 0.5)),
      p99Ms: milliseconds(quantile(traffic, 0.99)),
    };
  });
  return reports
    .filter((report) => report.requests >= callerRequestsMin)
    .sort((a, b) => (a.caller < b.caller ? -1 : 1));
}

/** Requests in buckets that end above `slowMs` and begin below: the histogram knows no better. */
function countSlow(traffic: Traffic, slowMs: number): number {
  const below = [...traffic.buckets].filter(([bound]) => bound * 1000 < slowMs).map(([, count]) => count);
  return traffic.requests - Math.max(0, ...below);
}

function milliseconds(seconds: number | null): number {
  return Math.round((seconds ?? 0) * 10_000) / 10;
}

/** The part of /clusters?format=json (Envoy's admin/v3/clusters.proto) that matters here. */
interface ClustersPage {
  readonly cluster_statuses: readonly {
    readonly host_statuses: readonly {
      readonly hostname: string;
      readonly stats: readonly { readonly name: string; readonly value: string }[];
    }[];
  }[];
}

async function readPicks(adminUrl: string, replica: string): Promise<number> {
  const response = await fetch(`${adminUrl}/clusters?format=json`);
  const page = (await response.json()) as ClustersPage;
  return page.cluster_statuses
    .flatMap((cluster) => cluster.host_statuses)
    .filter((host) => host.hostname === replica)
    .flatMap((host) => host.stats)
    .filter((stat) => stat.name === 'rq_total')
    .reduce((sum, stat) => sum + Number(stat.value), 0);
}
