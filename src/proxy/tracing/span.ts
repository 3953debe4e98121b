// What is remembered of one request that is traced, and what its span says in the end: Envoy's tags
// (HttpTracerUtility).

import type { SpanTag } from '../../policy/index.ts';
import type { RequestState } from '../exchange/index.ts';
import { clientOf, isGrpc, protocolOf } from '../exchange/index.ts';
import type { TraceContext } from './context.ts';
import { tracingLimits } from './limits.ts';

export type Tag = readonly [name: string, value: string];

/** For a collector. */
export interface FinishedSpan {
  readonly context: TraceContext;
  readonly name: string;
  /** A client's; else a server's. */
  readonly egress: boolean;
  readonly startWallMs: number;
  readonly durationMs: number;
  readonly tags: readonly Tag[];
  /** Nobody answered, or with 500 and above. */
  readonly failed: boolean;
}

/** Of what a request says: bounded, and a copy, so that a span which waits does not keep the head it was read from. */
export function ownText(text: string): string {
  return Buffer.from(text.slice(0, tracingLimits.tagCharsMax)).toString();
}

export function ownTags(tags: readonly Tag[]): readonly Tag[] {
  return tags.map(([name, value]): Tag => [name, ownText(value)]);
}

/** Characters that a span takes. */
export function charsOf({ context, name, tags }: FinishedSpan): number {
  let chars = name.length + context.traceId.length + context.spanId.length + context.parentId.length;
  for (const [tag, value] of tags) chars += tag.length + value.length;
  return chars;
}

/** Of the request's head as it came: filters may change it. */
export function tagsOfRequest(request: RequestState, pathCharsMax: number): Tag[] {
  const { head, owner } = request;
  const { direct } = owner;
  const scheme = head.scheme !== '' ? head.scheme : owner.secure === null ? 'http' : 'https';
  const field = (name: string): string => head.getName(name) ?? '-';
  const tags: Tag[] = [
    ['guid:x-request-id', request.requestId],
    ['http.url', `${scheme}://${head.authority}${head.path.slice(0, pathCharsMax)}`],
    ['http.method', head.method],
    ['downstream_cluster', field('x-envoy-downstream-service-cluster')],
    ['user_agent', field('user-agent')],
    ['http.protocol', protocolOf(head.version)],
    ['peer.address', direct.kind === 'ip' ? direct.host : clientOf(request)],
  ];
  const client = head.getName('x-client-trace-id');
  if (client !== null) tags.push(['guid:x-client-trace-id', client]);
  if (isGrpc(head)) {
    tags.push(['grpc.path', head.path], ['grpc.authority', head.authority]);
    tags.push(['grpc.content_type', field('content-type')]);
    const timeout = head.getName('grpc-timeout');
    if (timeout !== null) tags.push(['grpc.timeout', timeout]);
  }
  return tags;
}

export function tagsOfEnd(request: RequestState): readonly Tag[] {
  const { cluster, flags, grpcStatus, status } = request;
  const tags: Tag[] = [['request_size', `${request.bytesReceived}`]];
  if (grpcStatus >= 0) tags.push(['grpc.status_code', `${grpcStatus}`]);
  tags.push(['component', 'proxy']);
  if (cluster !== null) {
    tags.push(['upstream_cluster', cluster.config.name]);
    tags.push(['upstream_cluster.name', cluster.config.statName]);
  }
  tags.push(['http.status_code', `${status}`], ['response_size', `${request.bytesSent}`]);
  tags.push(['response_flags', flags === '' ? '-' : flags]);
  const { id, zone } = request.context.node;
  tags.push(['node_id', id], ['zone', zone]);
  if (hasFailed(request)) tags.push(['error', 'true']);
  return tags;
}

export function hasFailed({ status }: RequestState): boolean {
  return status === 0 || status >= 500;
}

/** What the configuration adds; a tag without a value is none. */
export function customTags(request: RequestState, tags: readonly SpanTag[]): readonly Tag[] {
  return tags.flatMap((tag): Tag[] => {
    const value = ownText(tagValue(request, tag));
    return value === '' ? [] : [[tag.tag, value]];
  });
}

function tagValue(request: RequestState, tag: SpanTag): string {
  switch (tag.kind) {
    case 'literal':
      return tag.value;
    case 'environment':
      return request.context.machine.environment(tag.name) || tag.absent;
    case 'header': {
      const at = request.head.findName(tag.name);
      return at < 0 ? tag.absent : request.head.valueAt(at);
    }
    case 'metadata': {
      const map = tag.source === 'request' ? request.metadata : request.route?.metadata;
      let value: unknown = map?.get(tag.at.namespace);
      for (const key of tag.at.path)
        value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
      if (value === undefined) return tag.absent;
      return typeof value === 'string' ? value : JSON.stringify(value);
    }
  }
}
