// What both ends of the gRPC transport must agree on: the methods of AggregatedDiscoveryService, and the words for gRPC's status codes.

import type { AdsVariant } from '../types.ts';

export const adsPaths: Readonly<Record<AdsVariant, string>> = {
  sotw: '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources',
  delta: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
};

const statusNames: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

/** From `grpc-status` and the percent-encoded `grpc-message`. */
export function describeStatus(status: unknown, message: unknown): string {
  const name = statusNames[Number(status)] ?? `status ${String(status)}`;
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
