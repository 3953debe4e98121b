// The status that an object should have, by its kind; null where nothing is ours to say. Pure: the writer compares it
// with what is there.

import type { KubeObject } from '../kubernetes/types.ts';
import { wantClassStatus } from './gateway-class-status.ts';
import { wantGatewayStatus } from './gateway-status.ts';
import { wantListenerSetStatus } from './listener-set-status.ts';
import { wantMeshStatus } from './mesh-status.ts';
import { wantAncestorStatus, wantBackendStatus, wantPolicyStatus } from './policy-status.ts';
import { wantRouteStatus } from './route-status.ts';
import type { GatewayFacts, StatusInput } from './types.ts';

type Want = (input: StatusInput, facts: GatewayFacts) => KubeObject | null;

/** `group/Kind` to what makes its status. */
const byKind: Readonly<Record<string, Want>> = {
  HTTPRoute: wantRouteStatus,
  GRPCRoute: wantRouteStatus,
  TLSRoute: wantRouteStatus,
  TCPRoute: wantRouteStatus,
  UDPRoute: wantRouteStatus,
  Gateway: wantGatewayStatus,
  ListenerSet: wantListenerSetStatus,
  GatewayClass: wantClassStatus,
  XMesh: wantMeshStatus,
  ServicePolicy: wantPolicyStatus,
  AccessPolicy: wantPolicyStatus,
  XBackendTrafficPolicy: wantPolicyStatus,
  BackendTLSPolicy: wantAncestorStatus,
  XBackend: wantBackendStatus,
};

/** Kinds whose status is ours to write. */
export const statusKinds: ReadonlySet<string> = new Set(Object.keys(byKind));

export function wantStatus(input: StatusInput, facts: GatewayFacts): KubeObject | null {
  return byKind[input.entry.kind]?.(input, facts) ?? null;
}
