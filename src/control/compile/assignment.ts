// Endpoints of a port as a ClusterLoadAssignment for a proxy at one place: those of its node or its zone first where
// the Service asks for that, what is draining last.

import { create } from '@bufbuild/protobuf';
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema, type Metadata } from '../../xds/api.ts';
import type { EndpointModel, PortModel } from '../model/types.ts';
import { addressOf, weftMetadata } from './messages.ts';

export type AssignmentInput = Pick<PortModel, 'id' | 'endpoints' | 'locality'>;

/** Where a caller is; empty: not known. */
export interface Place {
  readonly zone: string;
  readonly node: string;
}

export const nowhere: Place = { zone: '', node: '' };

export function compileAssignment(port: AssignmentInput, place: Place): ClusterLoadAssignment {
  const endpoints = groupByPriority(port, place).flatMap((group, priority) =>
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
function groupByPriority(port: AssignmentInput, place: Place): readonly (readonly EndpointModel[])[] {
  const groups: EndpointModel[][] = [[], [], [], []];
  const [atNode, inZone] = judgeNearness(port, place);
  for (const endpoint of port.endpoints) {
    if (port.locality === 'OnlyNode' && !isOn(endpoint, place)) continue;
    const level = endpoint.draining ? 3 : atNode(endpoint) ? 0 : inZone(endpoint) ? 1 : 2;
    groups[level]?.push(endpoint);
  }
  return groups.filter((group) => group.length > 0);
}

type Judge = (endpoint: EndpointModel) => boolean;

const nobody: Judge = () => false;

/**
 * Hints come from a controller that knows how much each place can take; where every endpoint has one they decide, as
 * kube-proxy has it (KEP-3015, KEP-2433). One without is newer than they are, and none counts then.
 */
function judgeNearness(
  { locality, endpoints }: AssignmentInput,
  place: Place,
): readonly [atNode: Judge, inZone: Judge] {
  if (locality === 'Any' || locality === 'OnlyNode') return [nobody, nobody];
  const { node, zone } = place;
  const asksNode = locality === 'PreferNode' && node !== '';
  const asksZone = zone !== '';
  const usable = endpoints.filter(({ draining }) => !draining);
  const byNode: Judge = usable.every(({ forNodes }) => forNodes.length > 0)
    ? ({ forNodes }) => forNodes.includes(node)
    : (endpoint) => isOn(endpoint, place);
  const byZone: Judge = usable.every(({ forZones }) => forZones.length > 0)
    ? ({ forZones }) => forZones.includes(zone)
    : (endpoint) => endpoint.zone === zone;
  return [asksNode ? byNode : nobody, asksZone ? byZone : nobody];
}

function isOn({ node }: EndpointModel, place: Place): boolean {
  return node !== '' && node === place.node;
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
