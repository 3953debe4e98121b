// The kinds that the mesh reads, one row each: group, versions, schema; and those that it knows of but does not do yet.

import { z } from 'zod';
import type { ObjectKey, Origin } from '../source/types.ts';
import { type AccessPolicySpec, accessPolicySpec, accessRule, salvageAccessPolicy } from './access-policy.ts';
import {
  type BackendTlsPolicySpec,
  backendTlsPolicySpec,
  salvageBackendTlsPolicy,
} from './backend-tls-policy.ts';
import { type ExternalBackendSpec, externalBackendSpec, externalGroup } from './external-backend.ts';
import {
  type BackendTrafficPolicySpec,
  backendTrafficPolicySpec,
  type GatewaySpec,
  gatewayClassSpec,
  gatewayListener,
  gatewaySpec,
  type ListenerSetSpec,
  listenerSetSpec,
  type MeshSpec,
  meshSpec,
  type ReferenceGrantSpec,
  referenceGrantSpec,
} from './gateway.ts';
import { type GrpcRouteSpec, grpcRouteRule, grpcRouteSpec, salvageGrpcRoute } from './grpc-route.ts';
import { type HttpRouteSpec, httpRouteRule, httpRouteSpec, salvageRoute } from './http-route.ts';
import { type PodSpec, podFields, podMetadata, readPod } from './pod.ts';
import { type ConfigMapSpec, configMapSchema, type SecretSpec, secretSchema } from './secret.ts';
import { type EndpointSliceData, endpointSliceSchema, type ServiceSpec, serviceSpec } from './service.ts';
import { type ServicePolicySpec, servicePolicySpec } from './service-policy.ts';
import {
  type TcpRouteSpec,
  type TlsRouteSpec,
  tcpRouteSpec,
  tlsRouteSpec,
  type UdpRouteSpec,
  udpRouteSpec,
} from './stream-route.ts';
import { dnsLabel, type Metadata, metadataSchema, objectName, type PartFaults } from './values.ts';

interface Typed<K extends string, S> {
  readonly key: ObjectKey;
  readonly kind: K;
  readonly metadata: Metadata;
  readonly spec: S;
  readonly origin: Origin;
  /**
   * Its specification is not what was written, which cannot be read, but what of it must hold so that nothing fails
   * open.
   */
  readonly salvaged?: true;
}

export type ServiceObject = Typed<'Service', ServiceSpec>;
export type EndpointSliceObject = Typed<'EndpointSlice', EndpointSliceData>;
export type HttpRouteObject = Typed<'HTTPRoute', HttpRouteSpec>;
export type GrpcRouteObject = Typed<'GRPCRoute', GrpcRouteSpec>;
export type GatewayObject = Typed<'Gateway', GatewaySpec>;
export type ListenerSetObject = Typed<'ListenerSet', ListenerSetSpec>;
export type GatewayClassObject = Typed<'GatewayClass', z.output<typeof gatewayClassSpec>>;
export type ReferenceGrantObject = Typed<'ReferenceGrant', ReferenceGrantSpec>;
export type BackendTrafficPolicyObject = Typed<'XBackendTrafficPolicy', BackendTrafficPolicySpec>;
export type ExternalBackendObject = Typed<'XBackend', ExternalBackendSpec>;
export type MeshObject = Typed<'XMesh', MeshSpec>;
export type ServicePolicyObject = Typed<'ServicePolicy', ServicePolicySpec>;
export type AccessPolicyObject = Typed<'AccessPolicy', AccessPolicySpec>;
export type PodResource = Typed<'Pod', PodSpec>;

export type TlsRouteObject = Typed<'TLSRoute', TlsRouteSpec>;
export type TcpRouteObject = Typed<'TCPRoute', TcpRouteSpec>;
export type UdpRouteObject = Typed<'UDPRoute', UdpRouteSpec>;
export type SecretObject = Typed<'Secret', SecretSpec>;
export type ConfigMapObject = Typed<'ConfigMap', ConfigMapSpec>;
export type BackendTlsPolicyObject = Typed<'BackendTLSPolicy', BackendTlsPolicySpec>;

/** Read for its labels, which listeners select by. */
export type NamespaceObject = Typed<'Namespace', Readonly<Record<string, never>>>;

/** An object that passed its schema, with every default filled in. */
export type Resource =
  | NamespaceObject
  | ServiceObject
  | EndpointSliceObject
  | HttpRouteObject
  | GrpcRouteObject
  | TlsRouteObject
  | TcpRouteObject
  | UdpRouteObject
  | SecretObject
  | ConfigMapObject
  | BackendTlsPolicyObject
  | GatewayObject
  | ListenerSetObject
  | GatewayClassObject
  | ReferenceGrantObject
  | BackendTrafficPolicyObject
  | ExternalBackendObject
  | MeshObject
  | ServicePolicyObject
  | AccessPolicyObject
  | PodResource;

export interface KindRow {
  readonly group: string;
  readonly kind: Resource['kind'];
  readonly versions: readonly string[];
  /** Of the whole object; its output has `metadata` and `spec`. */
  readonly schema: z.ZodType<Pick<Resource, 'metadata' | 'spec'>>;
  readonly parts?: Parts;
  /** The least that must hold of a specification that breaks its schema, or null. */
  readonly salvage?: (spec: unknown) => Resource['spec'] | null;
}

/** The list whose items stand or fall alone. */
interface Parts {
  readonly field: string;
  readonly schema: z.ZodType;
  /** What is wrong with each item. */
  readonly faultsOf: (spec: never) => readonly PartFaults[];
}

const gatewayGroup = 'gateway.networking.k8s.io';
export const weftGroup = 'weft.dev';

function withSpec<S extends z.ZodType>(
  spec: S,
  { strict = false, name = objectName }: { readonly strict?: boolean; readonly name?: z.ZodString } = {},
) {
  const metadata = metadataSchema.extend({ name });
  const shape = { apiVersion: z.string(), kind: z.string(), metadata, spec };
  return strict ? z.strictObject({ ...shape, status: z.unknown().optional() }) : z.object(shape);
}

// What of a pod's specification and what of its status is read makes one.
const pod = podFields
  .extend({ metadata: podMetadata })
  .transform(({ metadata: { uid, ...metadata }, ...fields }) => ({ metadata, spec: readPod(fields, uid) }));

// EndpointSlice has its fields beside metadata, not in a spec.
const endpointSlice = endpointSliceSchema
  .extend({ metadata: metadataSchema })
  .transform(({ metadata, ...spec }) => ({ metadata, spec }));

export const kinds: readonly KindRow[] = [
  { group: '', kind: 'Namespace', versions: ['v1'], schema: withSpec(z.object({}).prefault({})) },
  { group: '', kind: 'Service', versions: ['v1'], schema: withSpec(serviceSpec, { name: dnsLabel }) },
  { group: 'discovery.k8s.io', kind: 'EndpointSlice', versions: ['v1'], schema: endpointSlice },
  {
    group: gatewayGroup,
    kind: 'HTTPRoute',
    versions: ['v1', 'v1beta1'],
    schema: withSpec(httpRouteSpec),
    parts: {
      field: 'rules',
      schema: httpRouteRule,
      faultsOf: (spec: HttpRouteSpec) => spec.rules.map((rule) => rule.faults),
    },
    salvage: salvageRoute,
  },
  {
    group: gatewayGroup,
    kind: 'GRPCRoute',
    versions: ['v1'],
    schema: withSpec(grpcRouteSpec),
    parts: {
      field: 'rules',
      schema: grpcRouteRule,
      faultsOf: (spec: GrpcRouteSpec) => spec.rules.map((rule) => rule.faults),
    },
    salvage: salvageGrpcRoute,
  },
  {
    group: gatewayGroup,
    kind: 'Gateway',
    versions: ['v1', 'v1beta1'],
    schema: withSpec(gatewaySpec),
    parts: {
      field: 'listeners',
      schema: gatewayListener,
      faultsOf: (spec: GatewaySpec) => spec.listeners.map((listener) => listener.faults),
    },
  },
  {
    group: gatewayGroup,
    kind: 'ListenerSet',
    versions: ['v1'],
    schema: withSpec(listenerSetSpec),
    parts: {
      field: 'listeners',
      schema: gatewayListener,
      faultsOf: (spec: ListenerSetSpec) => spec.listeners.map((listener) => listener.faults),
    },
  },
  { group: '', kind: 'Secret', versions: ['v1'], schema: secretSchema },
  { group: '', kind: 'ConfigMap', versions: ['v1'], schema: configMapSchema },
  {
    group: gatewayGroup,
    kind: 'TLSRoute',
    versions: ['v1', 'v1alpha3', 'v1alpha2'],
    schema: withSpec(tlsRouteSpec),
  },
  { group: gatewayGroup, kind: 'TCPRoute', versions: ['v1', 'v1alpha2'], schema: withSpec(tcpRouteSpec) },
  { group: gatewayGroup, kind: 'UDPRoute', versions: ['v1', 'v1alpha2'], schema: withSpec(udpRouteSpec) },
  {
    group: gatewayGroup,
    kind: 'BackendTLSPolicy',
    versions: ['v1'],
    schema: withSpec(backendTlsPolicySpec),
    salvage: salvageBackendTlsPolicy,
  },
  {
    group: gatewayGroup,
    kind: 'GatewayClass',
    versions: ['v1', 'v1beta1'],
    schema: withSpec(gatewayClassSpec),
  },
  {
    group: gatewayGroup,
    kind: 'ReferenceGrant',
    versions: ['v1', 'v1beta1'],
    schema: withSpec(referenceGrantSpec),
  },
  {
    group: externalGroup,
    kind: 'XBackendTrafficPolicy',
    versions: ['v1alpha1'],
    schema: withSpec(backendTrafficPolicySpec),
  },
  {
    group: externalGroup,
    kind: 'XBackend',
    versions: ['v1alpha1'],
    schema: withSpec(externalBackendSpec),
  },
  {
    group: externalGroup,
    kind: 'XMesh',
    versions: ['v1alpha1'],
    schema: withSpec(meshSpec),
  },
  {
    group: weftGroup,
    kind: 'ServicePolicy',
    versions: ['v1alpha1'],
    schema: withSpec(servicePolicySpec, { strict: true }),
  },
  {
    group: weftGroup,
    kind: 'AccessPolicy',
    versions: ['v1alpha1'],
    schema: withSpec(accessPolicySpec, { strict: true }),
    parts: {
      field: 'rules',
      schema: accessRule,
      faultsOf: (spec: AccessPolicySpec) => spec.rules.map((rule) => rule.faults),
    },
    salvage: salvageAccessPolicy,
  },
  { group: '', kind: 'Pod', versions: ['v1'], schema: pod },
];

/** `group/Kind` of what a user may rightly expect of a mesh, and of this one later. */
export const laterKinds: ReadonlySet<string> = new Set(['gateway.networking.x-k8s.io/XListenerSet']);
