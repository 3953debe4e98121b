// Tracing: which requests, what their spans say, and who collects them.

import type { MetadataPlace, RouteTracing, SpanTag } from '../../../policy/index.ts';
import {
  type Faults,
  join,
  type MessageOf,
  openTelemetry,
  type requestIdExtension,
  type route,
  type tracing,
  unpack,
  uuidRequestIds,
  zipkin,
} from '../schema/index.ts';
import type { OtlpConfig, TracingConfig, ZipkinConfig } from '../tracing-types.ts';
import { translateGrpcService } from './grpc-service.ts';
import { shareOf } from './share.ts';

type Message = MessageOf<typeof tracing>;
type Tag = Message['custom_tags'][number];
type RouteMessage = MessageOf<typeof route>;

export function translateTracing(
  message: Message,
  egress: boolean,
  path: string,
  faults: Faults,
): Omit<TracingConfig, keyof RequestIds> {
  const provider = translateProvider(message, join(path, 'provider'), faults);
  const share = (name: 'client_sampling' | 'random_sampling' | 'overall_sampling') =>
    (message[name]?.value ?? (message[name] === undefined ? 100 : 0)) / 100;
  return {
    egress,
    clientShare: share('client_sampling'),
    randomShare: share('random_sampling'),
    overallShare: share('overall_sampling'),
    pathCharsMax: message.max_path_tag_length ?? 256,
    tags: translateTags(message.custom_tags, join(path, 'custom_tags'), faults),
    provider,
  };
}

type RequestIds = Pick<TracingConfig, 'packsReason' | 'drawsById'>;

/** What x-request-id has to do with it. */
export function translateRequestIds(
  extension: MessageOf<typeof requestIdExtension> | undefined,
  path: string,
  faults: Faults,
): RequestIds {
  const config = extension?.typed_config;
  if (extension !== undefined && config === undefined) faults.add(join(path, 'typed_config'), 'must be set');
  const uuid = unpack(config, uuidRequestIds);
  return {
    packsReason: uuid?.pack_trace_reason ?? true,
    drawsById: uuid?.use_request_id_for_trace_sampling ?? true,
  };
}

function translateProvider(message: Message, path: string, faults: Faults): OtlpConfig | ZipkinConfig {
  const any = message.provider?.typed_config;
  if (message.provider === undefined) faults.add(path, 'must be set');
  else if (any === undefined) faults.add(join(path, 'typed_config'), 'must be set');
  const at = join(path, 'typed_config');
  const span = unpack(any, zipkin);
  if (span !== null)
    return {
      kind: 'zipkin',
      cluster: span.collector_cluster ?? '',
      path: span.collector_endpoint ?? '',
      authority: span.collector_hostname || (span.collector_cluster ?? ''),
      longIds: span.trace_id_128bit ?? false,
      sharesSpans: span.shared_span_context ?? true,
    };
  const otlp = unpack(any, openTelemetry);
  return translateOtlp(otlp, at, faults);
}

function translateOtlp(
  message: MessageOf<typeof openTelemetry> | null,
  path: string,
  faults: Faults,
): OtlpConfig {
  const serviceName = message?.service_name || 'unknown_service:envoy';
  const grpc = message?.grpc_service;
  if (grpc !== undefined) {
    const target = translateGrpcService(grpc, collectMs, join(path, 'grpc_service'), faults);
    return { kind: 'otlp', serviceName, collector: { kind: 'grpc', target } };
  }
  const uri = message?.http_service?.http_uri;
  if (message !== null && message.http_service === undefined)
    faults.add(path, 'one of grpc_service, http_service must be set');
  else if (message !== null && uri === undefined)
    faults.add(join(path, 'http_service.http_uri'), 'must be set');
  const parts = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(uri?.uri ?? '');
  if (uri !== undefined && parts === null)
    faults.add(join(path, 'http_service.http_uri.uri'), 'must be an http URL', uri.uri);
  return {
    kind: 'otlp',
    serviceName,
    collector: {
      kind: 'http',
      cluster: uri?.cluster ?? '',
      authority: parts?.[1] ?? '',
      path: parts?.[2] || '/',
      timeoutMs: uri?.timeout ?? collectMs,
    },
  };
}

/** How long a collector has to take a batch where nothing is said, in milliseconds. */
const collectMs = 5_000;

/** Absent: the route says nothing of spans. */
export function translateRouteTracing(
  { decorator, tracing: message }: Pick<RouteMessage, 'tracing' | 'decorator'>,
  path: string,
  faults: Faults,
): { readonly tracing?: RouteTracing } {
  if (message === undefined && decorator === undefined) return {};
  const share = (name: 'client_sampling' | 'random_sampling' | 'overall_sampling') =>
    message?.[name] === undefined ? null : shareOf(message[name], 1);
  return {
    tracing: {
      clientShare: share('client_sampling'),
      randomShare: share('random_sampling'),
      overallShare: share('overall_sampling'),
      tags: translateTags(message?.custom_tags ?? [], join(path, 'tracing.custom_tags'), faults),
      operation: decorator?.operation ?? '',
      propagates: decorator?.propagate ?? true,
    },
  };
}

export function translateTags(tags: readonly Tag[], path: string, faults: Faults): readonly SpanTag[] {
  return tags.flatMap((tag, index) => {
    const translated = translateTag(tag, `${path}[${index}]`, faults);
    return translated === null ? [] : [translated];
  });
}

function translateTag(message: Tag, path: string, faults: Faults): SpanTag | null {
  const { environment, literal, metadata, request_header: header, tag = '' } = message;
  if (literal !== undefined) return { kind: 'literal', tag, value: literal.value ?? '' };
  if (environment !== undefined)
    return {
      kind: 'environment',
      tag,
      name: environment.name ?? '',
      absent: environment.default_value ?? '',
    };
  if (header !== undefined) {
    const name = (header.name ?? '').toLowerCase();
    return { kind: 'header', tag, name, absent: header.default_value ?? '' };
  }
  if (metadata === undefined) {
    faults.add(path, 'one of literal, environment, request_header, metadata must be set');
    return null;
  }
  if (metadata.metadata_key === undefined) faults.add(join(path, 'metadata.metadata_key'), 'must be set');
  const at: MetadataPlace = {
    namespace: metadata.metadata_key?.key ?? '',
    path: metadata.metadata_key?.path.map(({ key = '' }) => key) ?? [],
  };
  const source = metadata.kind?.route === undefined ? 'request' : 'route';
  return { kind: 'metadata', tag, source, at, absent: metadata.default_value ?? '' };
}
