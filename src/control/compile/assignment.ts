// Endpoints of a port as a ClusterLoadAssignment for a proxy in one zone: its own zone first where the Service asks for
// that, what is draining last.

import { create } from '@bufbuild/protobuf';
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema, type Metadata } from '../../xds/api.ts';
import type { EndpointModel, PortModel } from '../model/types.ts';
import { addressOf, weftMetadata } from './messages.ts';

export type AssignmentInput = Pick<PortModel, 'id' | 'endpoints' | 'locality'>;

export function compileAssignment(port: AssignmentInput, zone: string): ClusterLoadAssignment {
  const endpoints = groupByPriority(port, zone).flatMap((group, priority) =>
    [...groupByZone(group)].map(([name, members]) => ({
      locality: { zone: name },
      priority,
      loadBalancingWeight: members.length,
      lbEndpoints: members.map(compileEndpoint),
    })),
  );
  return create(ClusterLoadAssignmentSchema, { clusterName: port.id, endpoints });
}

/** Without gaps, as gRPC clients refuse a set that has any: when all are draining, they come first. */
function groupByPriority(port: AssignmentInput, zone: string): readonly (readonly EndpointModel[])[] {
  const near: EndpointModel[] = [];
  const far: EndpointModel[] = [];
  const draining: EndpointModel[] = [];
  const preferred = port.locality === 'Any' || zone === '' ? null : zone;
  const hinted = port.endpoints.some((endpoint) => endpoint.forZones.length > 0);
  for (const endpoint of port.endpoints) {
    if (endpoint.draining) draining.push(endpoint);
    else if (preferred === null || isNear(endpoint, preferred, hinted)) near.push(endpoint);
    else far.push(endpoint);
  }
  return [near, far, draining].filter((group) => group.length > 0);
}

/** Hints come from a controller that knows how much each zone can take; where it gave any, they decide. */
function isNear(endpoint: EndpointModel, zone: string, hinted: boolean): boolean {
  return hinted ? endpoint.forZones.includes(zone) : endpoint.zone === zone;
}

function groupByZone(endpoints: readonly EndpointModel[]): ReadonlyMap<string, EndpointModel[]> {
  const zones = new Map<string, EndpointModel[]>();
  for (const endpoint of endpoints) {
    const members = zones.get(endpoint.zone);
    if (members === undefined) zones.set(endpoint.zone, [endpoint]);
    else members.push(endpoint);
  }
  return zones;
}

function compileEndpoint(endpoint: EndpointModel) {
  return {
    hostIdentifier: {
      case: 'endpoint' as const,
      value: { address: addressOf(endpoint.host, endpoint.port) },
    },
    ...metadataOf(endpoint),
  };
}

/** What is not said is false, and has no name: most of the bytes of an endpoint would say nothing. */
function metadataOf({ proxied, name }: EndpointModel): { readonly metadata?: Metadata } {
  if (!proxied && name === '') return {};
  return { metadata: weftMetadata({ ...(proxied ? { proxied } : {}), ...(name === '' ? {} : { name }) }) };
}
