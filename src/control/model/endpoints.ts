// Endpoints of a service's port: its slices joined by label, ports matched by name, nil conditions read as Kubernetes
// defines them.

import type { EndpointSliceObject, ServiceObject } from '../schema/resources.ts';
import type { EndpointSliceData } from '../schema/service.ts';
import { compareText } from './index-resources.ts';
import type { EndpointModel } from './types.ts';

const serviceNameLabel = 'kubernetes.io/service-name';
export const proxiedLabel = 'weft.dev/proxied';

/** `namespace/name` of the Service that a slice says it is of. */
export function serviceOf({ metadata }: EndpointSliceObject): string | null {
  const service = metadata.labels[serviceNameLabel];
  return service === undefined ? null : `${metadata.namespace}/${service}`;
}

/** Slices by `namespace/service`. */
export function groupSlices(
  slices: readonly EndpointSliceObject[],
): ReadonlyMap<string, readonly EndpointSliceObject[]> {
  const groups = new Map<string, EndpointSliceObject[]>();
  for (const slice of slices) {
    const id = serviceOf(slice);
    if (id === null) continue;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [slice]);
    else group.push(slice);
  }
  return groups;
}

interface Joined {
  readonly portName: string;
  readonly slices: readonly EndpointSliceObject[];
  readonly endpoints: readonly EndpointModel[];
}

/** What was joined last for each port of a Service: of the same objects it is the same list. */
const joined = new WeakMap<ServiceObject, Joined[]>();

export function joinEndpoints(
  service: ServiceObject,
  portName: string,
  slices: readonly EndpointSliceObject[],
): readonly EndpointModel[] {
  const known = joined.get(service) ?? [];
  const at = known.findIndex((one) => one.portName === portName);
  const last = known[at];
  if (last?.slices.length === slices.length && slices.every((slice, i) => slice === last.slices[i]))
    return last.endpoints;
  const endpoints = readEndpoints(service, portName, slices);
  const entry = { portName, slices, endpoints };
  joined.set(service, at === -1 ? [...known, entry] : known.with(at, entry));
  return endpoints;
}

/**
 * Sorted by address. While slices are rebalanced an address may be in two of them; it counts once, and ready wins over
 * draining.
 */
function readEndpoints(
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
          forZones: namesOf(endpoint.hints.forZones),
          forNodes: namesOf(endpoint.hints.forNodes),
          draining: use === 'draining',
          proxied,
        });
      }
    }
  }
  return [...found.values()].sort((a, b) => compareText(a.host, b.host) || a.port - b.port);
}

const noNames: readonly string[] = [];

function namesOf(hints: readonly { readonly name: string }[]): readonly string[] {
  return hints.length === 0 ? noNames : hints.map(({ name }) => name);
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
