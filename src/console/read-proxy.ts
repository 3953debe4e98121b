// One proxy's live data from its admin port: metrics for the traffic, /clusters for the endpoints.

import type { EndpointReading, Reading } from './aggregate.ts';
import { consoleLimits } from './limits.ts';
import { readTraffic } from './traffic.ts';

/** The part of `/clusters?format=json` that is shown. */
interface ClustersPage {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly service?: string;
    readonly host_statuses?: readonly {
      readonly hostname?: string;
      readonly address?: {
        readonly socket_address?: { readonly address: string; readonly port_value: number };
      };
      readonly stats?: readonly { readonly name: string; readonly value?: string }[];
      readonly weft?: { readonly state?: string; readonly latency_ms?: number };
    }[];
  }[];
}

/** Null when the proxy does not answer in time or with something else. */
export async function readProxy(admin: string, fetcher: typeof fetch): Promise<Reading | null> {
  try {
    const [metrics, clusters] = await Promise.all([
      get(`http://${admin}/stats/prometheus?usedonly&filter=^weft_re`, fetcher),
      get(`http://${admin}/clusters?format=json`, fetcher),
    ]);
    return { traffic: readTraffic(metrics), endpoints: readEndpoints(JSON.parse(clusters)) };
  } catch {
    // A proxy that is being restarted is shown as not reached; there is nothing else to do about it here.
    return null;
  }
}

async function get(url: string, fetcher: typeof fetch): Promise<string> {
  const response = await fetcher(url, { signal: AbortSignal.timeout(consoleLimits.proxyTimeoutMs) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  const text = await response.text();
  if (text.length > consoleLimits.proxyBodyBytesMax) throw new Error(`${url} answered ${text.length} bytes`);
  return text;
}

/** Endpoints of the outbound clusters: the inbound one leads to the application and is nobody's endpoint. */
export function readEndpoints(page: ClustersPage): EndpointReading[] {
  const outbound = (page.cluster_statuses ?? []).filter((cluster) => !cluster.name.startsWith('inbound:'));
  return outbound.flatMap(({ name, service, host_statuses: hosts = [] }) =>
    hosts.map((host): EndpointReading => {
      const { address = '', port_value: port = 0 } = host.address?.socket_address ?? {};
      const stat = (wanted: string): number =>
        Number(host.stats?.find((one) => one.name === wanted)?.value ?? 0);
      const latency = host.weft?.latency_ms ?? -1;
      return {
        service: service ?? name,
        address: `${address}:${port}`,
        name: host.hostname ?? '',
        costMs: latency < 0 ? null : latency,
        active: stat('rq_active'),
        requests: stat('rq_total'),
        ejected: host.weft?.state === 'ejected',
        healthy: host.weft?.state !== 'unhealthy',
      };
    }),
  );
}
