// Endpoints of a service's port: its slices joined by label, ports matched by name, nil conditions read as Kubernetes
// defines them.

import type { EndpointSliceObject, ServiceObject } from '../schema/resources.ts';
import type { EndpointSliceData } from '../schema/service.ts';
import { compareText } from './index-resources.ts';
import type { EndpointModel } from './types.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const proxiedLabel = 'weft.dev/proxied';

/** Slices by `namespace/service`. */
export function groupSlices(
  slices: readonly EndpointSliceObject[],
): ReadonlyMap<string, readonly EndpointSliceObject[]> {
  const groups = new Map<string, EndpointSliceObject[]>();
  for (const slice of slices) {
    const service = slice.metadata.labels[serviceNameLabel];
    if (service === undefined) continue;
    const id = `${slice.metadata.namespace}/${service}`;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [slice]);
    else group.push(slice);
  }
  return groups;
}

/**
 * Sorted by address. While slices are rebalanced an address may be in two of them; it counts once, and ready wins over
 * draining.
 */
export function joinEndpoints(
  service: ServiceObject,
  portName: string,
  slices: readonly EndpointSliceObject[],
): readonly EndpointModel[] {
  const found = new Map<string, EndpointModel>();
  for (const slice of ofOneFamily(service, slices)) {
    const proxied = slice.metadata.labels[proxiedLabel] === 'true';
    for (const port of slice.spec.ports) {
      if (port.name !== portName || port.port === null || port.port === undefined || port.protocol !== 'TCP')
        continue;
      for (const endpoint of slice.spec.endpoints) {
        const use = decideUse(endpoint, service.spec.publishNotReadyAddresses);
        if (use === 'none') continue;
        // Kubernetes gives the addresses of one endpoint as alternatives and says that only the first counts.
        const host = endpoint.addresses[0];
        if (host === undefined) continue;
        const key = `${host} ${port.port}`;
        const before = found.get(key);
        if (before !== undefined && (!before.draining || use === 'draining')) continue;
        found.set(key, {
          host,
          port: port.port,
          name: endpoint.targetRef?.name ?? '',
          hostname: endpoint.hostname,
          zone: endpoint.zone,
          node: endpoint.nodeName,
          forZones: endpoint.hints.forZones.map((hint) => hint.name),
          draining: use === 'draining',
          proxied,
        });
      }
    }
  }
  return [...found.values()].sort((a, b) => compareText(a.host, b.host) || a.port - b.port);
}

/**
 * A dual-stack Service has its pods in slices of both families; they are called by its first, as its cluster address
 * is.
 */
function ofOneFamily(
  service: ServiceObject,
  slices: readonly EndpointSliceObject[],
): readonly EndpointSliceObject[] {
  const [first = 'IPv4'] = service.spec.ipFamilies;
  const own = slices.filter(({ spec }) => spec.addressType === first);
  return own.some(({ spec }) => spec.endpoints.length > 0) ? own : slices;
}

/** nil means: ready, serving, not terminating. */
function decideUse(
  endpoint: EndpointSliceData['endpoints'][number],
  publishNotReady: boolean,
): 'full' | 'draining' | 'none' {
  const { ready, serving, terminating } = endpoint.conditions as {
    readonly ready?: boolean | null;
    readonly serving?: boolean | null;
    readonly terminating?: boolean | null;
  };
  if (publishNotReady) return 'full';
  if (ready !== false) return terminating === true ? 'draining' : 'full';
  return serving !== false && terminating === true ? 'draining' : 'none';
}
