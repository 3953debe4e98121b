// Spans as Zipkin's JSON, version 2 (zipkin.io/zipkin-api).

import type { FinishedSpan } from './span.ts';

export interface Endpoint {
  readonly serviceName: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
  readonly port?: number;
}

export function encodeZipkin(spans: readonly FinishedSpan[], localEndpoint: Endpoint): string {
  return JSON.stringify(
    spans.map(({ context, durationMs, egress, name, startWallMs, tags }) => ({
      traceId: context.traceId,
      id: context.spanId,
      ...(context.parentId === '' ? {} : { parentId: context.parentId }),
      kind: egress ? 'CLIENT' : 'SERVER',
      name,
      timestamp: Math.round(startWallMs * 1000),
      duration: Math.max(1, Math.round(durationMs * 1000)),
      localEndpoint,
      // It knows no tag without a value.
      tags: Object.fromEntries(tags.filter(([, value]) => value !== '')),
      ...(context.shared ? { shared: true } : {}),
    })),
  );
}
