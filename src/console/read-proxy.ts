// One proxy's live data from its admin port: metrics for the traffic, /clusters for the endpoints. Weft and Envoy both
// have these pages; what they count has other names.

import { consoleLimits } from './limits.ts';
import type { MeshProxy } from './mesh.ts';
import type { EndpointReading, Reading } from './readings.ts';
import { serviceOfCluster } from './service-of-cluster.ts';
import { readEnvoyTraffic, readTraffic } from './traffic.ts';

/** The part of `/clusters?format=json` that is shown. */
export interface ClustersPage {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly service?: string;
    readonly host_statuses?: readonly {
      readonly hostname?: string;
      readonly address?: {
        readonly socket_address?: { readonly address: string; readonly port_value: number };
      };
      readonly stats?: readonly { readonly name: string; readonly value?: string }[];
      readonly health_status?: {
        readonly eds_health_status?: string;
        readonly failed_outlier_check?: boolean;
        readonly failed_active_health_check?: boolean;
      };
      readonly weft?: {
        readonly state?: string;
        readonly latency_ms?: number;
        readonly error_share?: number;
      };
    }[];
  }[];
}

const weftFilter = '^weft_re';
/** Over Envoy's own names, before they become Prometheus'. */
const envoyFilter = '^cluster\\..*\\.upstream_rq_(2xx|3xx|4xx|5xx|time|retry)$';

/** A proxy says itself where it is asked; a host and a port are all that it may say. */
const addressPattern = /^(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+):[0-9]{1,5}$/;

/** Null when the proxy does not answer in time or with something else, or is to be asked at no address. */
export async function readProxy(
  { admin, weft }: Pick<MeshProxy, 'admin' | 'weft'>,
  fetcher: typeof fetch,
): Promise<Reading | null> {
  if (!addressPattern.test(admin)) return null;
  try {
    const filter = encodeURIComponent(weft ? weftFilter : envoyFilter);
    const [metrics, clusters] = await Promise.all([
      get(`http://${admin}/stats/prometheus?usedonly&filter=${filter}`, fetcher),
      get(`http://${admin}/clusters?format=json`, fetcher),
    ]);
    const traffic = weft ? readTraffic(metrics) : readEnvoyTraffic(metrics);
    return { traffic, endpoints: readEndpoints(JSON.parse(clusters)) };
  } catch {
    // A proxy that is being restarted is shown as not reached; there is nothing else to do about it here.
    return null;
  }
}

async function get(url: string, fetcher: typeof fetch): Promise<string> {
  const signal = AbortSignal.timeout(consoleLimits.proxyTimeoutMs);
  const response = await fetcher(url, { signal, redirect: 'error' });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return await readText(response, consoleLimits.proxyBodyBytesMax);
}

/** Throws as soon as there is more, and reads no further. */
async function readText(response: Response, bytesMax: number): Promise<string> {
  const decoder = new TextDecoder();
  let [text, length] = ['', 0];
  for await (const bytes of response.body ?? []) {
    length += bytes.length;
    if (length > bytesMax) throw new Error(`${response.url} answered more than ${bytesMax} bytes`);
    text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}

/** Endpoints of the outbound clusters: the inbound one leads to the application and is nobody's endpoint. */
export function readEndpoints(page: ClustersPage): EndpointReading[] {
  const outbound = (page.cluster_statuses ?? []).filter((cluster) => !cluster.name.startsWith('inbound:'));
  return outbound.flatMap(({ name, service: named, host_statuses: hosts = [] }) => {
    const service = named ?? serviceOfCluster(name);
    if (service === null) return [];
    return hosts.map((host): EndpointReading => {
      const { address = '', port_value: port = 0 } = host.address?.socket_address ?? {};
      const stat = (wanted: string): number =>
        Number(host.stats?.find((one) => one.name === wanted)?.value ?? 0);
      const latency = host.weft?.latency_ms ?? -1;
      return {
        service,
        address: `${address}:${port}`,
        name: host.hostname ?? '',
        costMs: latency < 0 ? null : latency,
        active: stat('rq_active'),
        requests: stat('rq_total'),
        failures: stat('rq_error'),
        errorShare: host.weft?.error_share ?? null,
        ejected: host.weft?.state === 'ejected' || host.health_status?.failed_outlier_check === true,
        healthy: isHealthy(host),
      };
    });
  });
}

type HostStatus = NonNullable<NonNullable<ClustersPage['cluster_statuses']>[number]['host_statuses']>[number];

function isHealthy({ weft, health_status: health }: HostStatus): boolean {
  if (weft?.state === 'unhealthy' || health?.failed_active_health_check === true) return false;
  return health?.eds_health_status === undefined || health.eds_health_status !== 'UNHEALTHY';
}
