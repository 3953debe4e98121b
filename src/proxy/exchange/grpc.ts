// What gRPC says its own way over HTTP/2 (its PROTOCOL-HTTP2 document): outcomes as grpc-status in trailers or in a
// head without a body, and how long the caller waits as grpc-timeout. A call that failed is one, whatever its HTTP
// status of 200.

import type { ErrorCode } from '../../base/index.ts';
import { createResponseHead, type Head, headerId, type RequestHead } from '../../wire/index.ts';

/** grpc-status where nothing was said. */
export const grpcUnsaid = -1;
export const grpcUnknown = 2;

export function isGrpc(head: Head): boolean {
  const at = head.find(headerId['content-type']);
  if (at < 0) return false;
  const type = head.valueAt(at);
  if (!type.startsWith('application/grpc')) return false;
  // Not grpc-web, whose statuses stand in its bodies.
  return type.length === 16 || type[16] === '+' || type[16] === ';';
}

/** Whose connections a request goes by, where its cluster speaks more than one version of HTTP. */
export function versionFor(head: RequestHead, { http2ForCalls }: { readonly http2ForCalls?: true }): number {
  if (http2ForCalls === undefined) return head.version;
  return isGrpc(head) ? 2 : 1;
}

/** grpc-status of trailers, or of a head that ends its stream. */
export function grpcStatusOf(head: Head | null): number {
  if (head === null) return grpcUnsaid;
  const at = head.find(headerId['grpc-status']);
  if (at < 0) return grpcUnsaid;
  const value = head.valueAt(at);
  return /^\d{1,2}$/.test(value) ? Number(value) : grpcUnknown;
}

/** Class of HTTP statuses that a call's outcome counts as: 2, 4 (the caller's fault) or 5; by grpc-status. */
const classes: readonly number[] = [2, 4, 5, 4, 5, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 4];

export function grpcClass(status: number): number {
  return classes[status] ?? 5;
}

/** The server could not serve the call: what balancers and outlier detection count. */
export function isGrpcFailure(status: number): boolean {
  return status > 0 && grpcClass(status) === 5;
}

/** gRPC's table from HTTP statuses to its own. */
export function grpcStatusFor(status: number, code: ErrorCode | null): number {
  if (code === 'request-timeout' || code === 'attempt-timeout') return 4;
  if (status === 400) return 13;
  if (status === 401) return 16;
  if (status === 403) return 7;
  if (status === 404) return 12;
  return status === 429 || (status >= 502 && status <= 504) ? 14 : 2;
}

/** grpc-message: what is not printable ASCII, and the percent sign, is percent-encoded. */
export function encodeGrpcMessage(text: string): string {
  return text.replace(/[^ -$&-~]/g, (letter) =>
    Array.from(
      new TextEncoder().encode(letter),
      (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join(''),
  );
}

/** The end of an answer of our own, or of one that we could not complete. */
export function createGrpcTrailers(status: number, text: string): Head {
  return createResponseHead(200, [
    ['grpc-status', `${status}`],
    ['grpc-message', encodeGrpcMessage(text)],
  ]);
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** Milliseconds of grpc-timeout; 0: none that could be understood. */
export function grpcTimeoutMs(head: RequestHead): number {
  const at = head.find(headerId['grpc-timeout']);
  if (at < 0) return 0;
  const match = /^(\d{1,8})([HMSmun])$/.exec(head.valueAt(at));
  return match === null ? 0 : Math.max(Number(match[1]) * (unitMs[match[2] ?? ''] ?? 0), 1);
}

/** What is left of the caller's time, for the next hop. */
export function shortenGrpcTimeout(head: RequestHead, leftMs: number): void {
  if (head.find(headerId['grpc-timeout']) >= 0) setGrpcTimeout(head, leftMs);
}

/** The value has eight digits at most; the unit follows. */
const units = [
  ['m', 1],
  ['S', 1000],
  ['M', 60_000],
  ['H', 3_600_000],
] as const;

export function setGrpcTimeout(head: RequestHead, leftMs: number): void {
  head.set(headerId['grpc-timeout'], grpcTimeText(Math.max(Math.floor(leftMs), 1)));
}

function grpcTimeText(ms: number): string {
  for (const [unit, unitMs] of units) if (ms / unitMs < 1e8) return `${Math.floor(ms / unitMs)}${unit}`;
  return '99999999H';
}
