// Spans as OTLP has them: opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest.

import { WireWriter } from '../../xds/index.ts';
import type { FinishedSpan, Tag } from './span.ts';

/** `resource`: what all of them have in common. */
export function encodeOtlp(spans: readonly FinishedSpan[], resource: readonly Tag[]): Uint8Array {
  const scope = new WireWriter(64);
  scope.string(1, 'weft');
  const scoped = new WireWriter(spans.length * 512);
  scoped.bytes(1, scope.finish());
  for (const span of spans) scoped.bytes(2, encodeSpan(span));
  const attributes = new WireWriter(256);
  for (const tag of resource) attributes.bytes(1, encodeTag(tag));
  const all = new WireWriter(spans.length * 512);
  all.bytes(1, attributes.finish());
  all.bytes(2, scoped.finish());
  const request = new WireWriter(spans.length * 512);
  request.bytes(1, all.finish());
  return request.finish();
}

/** SpanKind. */
const server = 2;
const client = 3;
/** Status.code. */
const error = 2;

function encodeSpan({
  context,
  durationMs,
  egress,
  failed,
  name,
  startWallMs,
  tags,
}: FinishedSpan): Uint8Array {
  const span = new WireWriter(512);
  span.bytes(1, Buffer.from(context.traceId.padStart(32, '0'), 'hex'));
  span.bytes(2, Buffer.from(context.spanId, 'hex'));
  if (context.parentId !== '') span.bytes(4, Buffer.from(context.parentId, 'hex'));
  span.string(5, name);
  span.uint(6, egress ? client : server);
  span.fixed64(7, nanoseconds(startWallMs));
  span.fixed64(8, nanoseconds(startWallMs + durationMs));
  for (const tag of tags) span.bytes(9, encodeTag(tag));
  if (failed) {
    const status = new WireWriter(8);
    status.uint(3, error);
    span.bytes(15, status.finish());
  }
  return span.finish();
}

/** KeyValue: 1 key, 2 value, an AnyValue of 1 string_value. */
function encodeTag([name, value]: Tag): Uint8Array {
  const any = new WireWriter(64);
  any.element(1, value);
  const pair = new WireWriter(128);
  pair.string(1, name);
  pair.bytes(2, any.finish());
  return pair.finish();
}

/** Beyond what a number holds exactly. */
function nanoseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000)) * 1000n;
}
