// What the programs of a simulated mesh speak: HTTP/1.1, HTTP/2, or gRPC over it. The Service says it to the mesh by
// `appProtocol`, so that the hop between two proxies is HTTP/2 too.

import type { Clock } from '../base/index.ts';
import {
  createFaultCounts,
  defaultHttp2Limits,
  type Http2Limits,
  type Http2Options,
} from '../wire/http2/index.ts';
import type { Head, ResponseHead } from '../wire/index.ts';

export type Speech = 'http1' | 'http2' | 'grpc';

export const appProtocols: Readonly<Record<Speech, string>> = {
  http1: 'http',
  http2: 'kubernetes.io/h2c',
  grpc: 'grpc',
};

export function createHttp2Options(clock: Clock, limits: Partial<Http2Limits> = {}): Http2Options {
  return {
    limits: { ...defaultHttp2Limits, ...limits },
    clock,
    counts: createFaultCounts(),
    keepaliveMs: 0,
    keepaliveTimeoutMs: 0,
    idlePingMs: 0,
    stallMs: 0,
    extendedConnect: false,
    extraSettings: [],
  };
}

/** A message behind gRPC's prefix. */
export function frameMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(5 + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, 5);
  return framed;
}

/**
 * A call's end as a status of HTTP, so that the checkers judge both alike: 200 for OK, 5xx for another; null where
 * there is none, which no caller of gRPC may see.
 */
export function statusOfCall(head: ResponseHead, trailers: Head | null): number | null {
  const text = trailers?.getName('grpc-status') ?? head.getName('grpc-status');
  if (text === null) return null;
  return text === '0' ? 200 : 500 + Number(text);
}
