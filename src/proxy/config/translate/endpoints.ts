// ClusterLoadAssignment to endpoints: addresses with priority, weight, health and what Weft's control plane says about
// each.

import type { Address } from '../../../net/index.ts';
import type { address, clusterLoadAssignment, locality as localityMessage } from '../schema/index.ts';
import { type Faults, join, type MessageOf } from '../schema/index.ts';
import type { EndpointCheck, EndpointConfig, EndpointSet } from '../types.ts';
import { shareOf } from './share.ts';
import { stringIn, subsetLabels, weftMetadata } from './weft-metadata.ts';

export type ClusterLoadAssignment = MessageOf<typeof clusterLoadAssignment>;
type LocalityEndpoints = ClusterLoadAssignment['endpoints'][number];
type LbEndpoint = LocalityEndpoints['lb_endpoints'][number];

/** `names`: DNS clusters have names for addresses, all others IP literals. */
export function translateEndpoints(
  message: ClusterLoadAssignment,
  names: boolean,
  path: string,
  faults: Faults,
): EndpointSet {
  const endpoints: EndpointConfig[] = [];
  message.endpoints.forEach((group, groupIndex) => {
    group.lb_endpoints.forEach((entry, index) => {
      const at = `${join(path, 'endpoints')}[${groupIndex}].lb_endpoints[${index}]`;
      const endpoint = translateEndpoint(entry, group, names, at, faults);
      if (endpoint !== null) endpoints.push(endpoint);
    });
  });
  return {
    endpoints,
    overprovisioningPercent: message.policy?.overprovisioning_factor ?? noEndpoints.overprovisioningPercent,
    weightedHealth: message.policy?.weighted_priority_health ?? noEndpoints.weightedHealth,
    ...translateDrops(message, path, faults),
    ...(message.policy?.endpoint_stale_after === undefined
      ? {}
      : { staleAfterMs: message.policy.endpoint_stale_after }),
  };
}

function translateDrops(
  { policy }: ClusterLoadAssignment,
  path: string,
  faults: Faults,
): Pick<EndpointSet, 'dropShare' | 'dropCategory'> {
  const drops = policy?.drop_overloads ?? [];
  if (drops.length > 1) faults.add(join(path, 'policy.drop_overloads'), 'must be one at most, as in Envoy');
  const share = shareOf(drops[0]?.drop_percentage, 0);
  return share > 0 ? { dropShare: share, dropCategory: drops[0]?.category ?? '' } : {};
}

export const noEndpoints: EndpointSet = {
  endpoints: [],
  overprovisioningPercent: 140,
  weightedHealth: false,
};

function translateEndpoint(
  entry: LbEndpoint,
  group: LocalityEndpoints,
  names: boolean,
  path: string,
  faults: Faults,
): EndpointConfig | null {
  const address = translateAddress(entry.endpoint?.address, names, join(path, 'endpoint.address'), faults);
  if (address === null) return null;
  const weft = weftMetadata(entry.metadata);
  const health = entry.health_status ?? 'UNKNOWN';
  return {
    address,
    ...translateAlternatives(entry, names, path, faults),
    weight: entry.load_balancing_weight ?? 1,
    priority: group.priority ?? 0,
    healthy: health === 'UNKNOWN' || health === 'HEALTHY' || health === 'DEGRADED',
    degraded: health === 'DEGRADED',
    status: health,
    zone: group.locality?.zone ?? '',
    locality: formatLocality(group.locality),
    localityWeight: group.load_balancing_weight ?? -1,
    proxied: weft?.['proxied'] === true,
    check: translateCheck(entry, address, names, join(path, 'endpoint.health_check_config'), faults),
    name: stringIn(weft, 'name') ?? entry.endpoint?.hostname ?? '',
    hostname: entry.endpoint?.hostname ?? '',
    logicalName: '',
    transportLabels: entry.metadata?.filter_metadata.get('envoy.transport_socket_match') ?? null,
    labels: subsetLabels(entry.metadata),
  };
}

function translateAlternatives(
  { endpoint }: LbEndpoint,
  names: boolean,
  path: string,
  faults: Faults,
): Pick<EndpointConfig, 'alternatives'> {
  const further = endpoint?.additional_addresses ?? [];
  const at = join(path, 'endpoint.additional_addresses');
  if (names && further.length > 0) faults.add(at, 'are for clusters of type STATIC and EDS');
  const alternatives = further.flatMap(
    ({ address }, index) => translateAddress(address, names, `${at}[${index}].address`, faults) ?? [],
  );
  return alternatives.length > 0 ? { alternatives } : {};
}

export function formatLocality(locality: MessageOf<typeof localityMessage> | undefined): string {
  if (locality === undefined) return '';
  return [locality.region, locality.zone, locality.sub_zone].map((part) => part ?? '').join('/');
}

function translateCheck(
  { endpoint }: LbEndpoint,
  address: Address,
  names: boolean,
  path: string,
  faults: Faults,
): EndpointCheck | null {
  const config = endpoint?.health_check_config;
  if (config === undefined) return null;
  const other = config.address;
  const base = other === undefined ? null : translateAddress(other, names, join(path, 'address'), faults);
  const port = config.port_value ?? 0;
  const at = base ?? address;
  return {
    address: port > 0 && at.kind === 'ip' ? { ...at, port } : at,
    host: config.hostname ?? '',
    disabled: config.disable_active_health_check ?? false,
  };
}

/** Null after a fault. */
export function translateAddress(
  message: MessageOf<typeof address> | undefined,
  names: boolean,
  path: string,
  faults: Faults,
): Address | null {
  // Envoy's sign for an abstract name, which the system marks by a zero byte.
  if (message?.pipe !== undefined)
    return { kind: 'unix', path: (message.pipe.path ?? '').replace(/^@/, '\0') };
  const socket = message?.socket_address;
  if (socket === undefined) {
    faults.add(path, 'one of socket_address, pipe must be set');
    return null;
  }
  const host = socket.address ?? '';
  const at = join(path, 'socket_address');
  if (socket.port_value === undefined) faults.add(join(at, 'port_value'), 'must be set');
  if (!names && !isIp(host)) faults.add(join(at, 'address'), 'must be an IP address', host);
  return { kind: 'ip', host, port: socket.port_value ?? 0 };
}

function isIp(host: string): boolean {
  const parts = host.split('.');
  if (parts.length === 4)
    return parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  // Enough to tell an address from a name: the socket decides the rest.
  return host.includes(':') && /^[0-9a-fA-F:.]+(?:%[\w.-]+)?$/.test(host);
}
