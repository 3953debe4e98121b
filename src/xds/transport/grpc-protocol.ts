// What both ends of the gRPC transport must agree on: the methods of the discovery services, the words for gRPC's
// status codes, and how a status travels (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).

import type { MeshError } from '../../base/index.ts';
import { grpcStatusNames } from '../../wire/index.ts';
import { type CallerFault, CallerRefused } from '../caller.ts';
import { type AdsVariant, typeUrls } from '../types.ts';

export const adsPaths: Readonly<Record<AdsVariant, string>> = {
  sotw: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
  delta: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
};

/** A method that streams discovery requests; `typeUrl` null: of any type (ADS). */
export interface DiscoveryMethod {
  readonly variant: AdsVariant;
  readonly typeUrl: string | null;
}

/** The separate services by the name of their package, with the word in their methods and the type they serve. */
const separate: readonly (readonly [service: string, plural: string, typeUrl: string])[] = [
  ['cluster.v3.ClusterDiscoveryService', 'Clusters', typeUrls.cluster],
  ['endpoint.v3.EndpointDiscoveryService', 'Endpoints', typeUrls.endpoint],
  ['listener.v3.ListenerDiscoveryService', 'Listeners', typeUrls.listener],
  ['route.v3.RouteDiscoveryService', 'Routes', typeUrls.route],
  [
    'secret.v3.SecretDiscoveryService',
    'Secrets',
    'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
  ],
];

/** The method of a stream for one type alone; a type that has no service of its own is asked of the aggregated one. */
export function discoveryPath(variant: AdsVariant, typeUrl: string | null): string {
  const own = separate.find(([, , served]) => served === typeUrl);
  if (own === undefined) return adsPaths[variant];
  const [service, plural] = own;
  return `/envoy.service.${service}/${variant === 'sotw' ? 'Stream' : 'Delta'}${plural}`;
}

export const discoveryMethods: ReadonlyMap<string, DiscoveryMethod> = new Map<string, DiscoveryMethod>([
  [adsPaths.sotw, { variant: 'sotw', typeUrl: null }],
  [adsPaths.delta, { variant: 'delta', typeUrl: null }],
  ...separate.flatMap(([, , typeUrl]): [string, DiscoveryMethod][] => [
    [discoveryPath('sotw', typeUrl), { variant: 'sotw', typeUrl }],
    [discoveryPath('delta', typeUrl), { variant: 'delta', typeUrl }],
  ]),
  [
    '/envoy.service.route.v3.VirtualHostDiscoveryService/DeltaVirtualHosts',
    { variant: 'delta', typeUrl: 'type.googleapis.com/envoy.config.route.v3.VirtualHost' },
  ],
]);

/** The codes that we give. */
export const grpcStatus = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

const statusOfFault: Readonly<Record<CallerFault, number>> = {
  unauthenticated: grpcStatus.unauthenticated,
  'permission-denied': grpcStatus.permissionDenied,
  unavailable: grpcStatus.unavailable,
};

/** Clients come back at once for UNAVAILABLE, and not for what they did wrong. */
export function statusOf(error: MeshError | null): number {
  if (error === null) return grpcStatus.ok;
  if (error.cause instanceof CallerRefused) return statusOfFault[error.cause.fault];
  if (error.code === 'too-large' || error.code === 'overflow') return grpcStatus.resourceExhausted;
  if (error.code === 'name-not-found') return grpcStatus.notFound;
  if (error.source === 'downstream')
    return error.code === 'head-timeout' ? grpcStatus.deadlineExceeded : grpcStatus.invalidArgument;
  return error.code === 'internal' ? grpcStatus.internal : grpcStatus.unavailable;
}

/** `grpc-message`: percent-encoded UTF-8, bounded so that the trailers stay small. */
export function encodeStatusMessage(message: string): string {
  const bytes = new TextEncoder().encode(message.slice(0, 1_000));
  let text = '';
  for (const byte of bytes) {
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    text += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

/** From `grpc-status` and the percent-encoded `grpc-message`. */
export function describeStatus(status: unknown, message: unknown): string {
  const name = grpcStatusNames[Number(status)] ?? `status ${String(status)}`;
  const text = typeof message === 'string' ? decodePercent(message) : '';
  return text === '' ? `the call ended with ${name}` : `the call ended with ${name}: ${text}`;
}

function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
