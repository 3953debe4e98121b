// A request as format commands and log filters see it (observe/format). One object serves all: it is pointed at a
// request, read, and forgotten within one call.

import { assert } from '../../base/index.ts';
import {
  type ConnectionFacts,
  createRequestId,
  type FilterState,
  FormatSource,
  type LogType,
  type MetadataKind,
  type MetadataMap,
  type TimePoint,
} from '../../observe/index.ts';
import type { Head, RequestHead, ResponseHead } from '../../wire/index.ts';
import { hostOf } from './detect-origin.ts';
import { isGrpc } from './grpc.ts';
import { clientOf } from './request-origin.ts';
import type { RequestState } from './request-state.ts';

class RequestFacts extends FormatSource {
  state: RequestState | null = null;
  type: LogType = 'NotSet';
  body = '';

  override get logType(): LogType {
    return this.type;
  }

  override get request(): RequestHead {
    return this.of.head;
  }

  override get response(): ResponseHead | null {
    return this.of.responseHead;
  }

  override get trailers(): Head | null {
    return this.of.responseTrailers;
  }

  override get startedWallMs(): number {
    const { clock } = this.of.context;
    return this.of.startedWallMs || clock.wall() - (clock.now() - this.of.startedMs);
  }

  override get nowWallMs(): number {
    return this.of.context.clock.wall();
  }

  override timeOf(point: TimePoint): number {
    return timeOf(this.of, point);
  }

  override get protocol(): string {
    return protocolOf(this.of.head.version);
  }

  override get scheme(): string {
    const { head, owner } = this.of;
    return head.scheme !== '' ? head.scheme : owner.secure === null ? 'http' : 'https';
  }

  override get status(): number {
    return this.of.responseHead?.status ?? this.of.status;
  }

  override get details(): string {
    return this.of.details;
  }

  override get flags(): string {
    return this.of.flags;
  }

  override get grpcStatus(): number {
    return this.of.grpcStatus;
  }

  override get isGrpc(): boolean {
    return isGrpc(this.of.head);
  }

  override get bytesReceived(): number {
    return this.of.bytesReceived;
  }

  override get bytesSent(): number {
    return this.of.bytesSent;
  }

  override get attempts(): number {
    // An attempt that found no endpoint is one.
    return this.of.cluster === null ? this.of.attempts : Math.max(this.of.attempts, 1);
  }

  override get routeName(): string {
    return this.of.route?.name ?? '';
  }

  override get virtualClusterName(): string {
    return this.of.virtualCluster;
  }

  override get listenerName(): string {
    const { chainOf, name } = this.of.listener.config;
    return chainOf ?? name;
  }

  override get chainName(): string {
    return this.of.listener.config.chainName ?? '';
  }

  override get streamId(): string {
    return this.of.requestId;
  }

  override get healthCheck(): boolean {
    return this.of.details.startsWith('health_check');
  }

  override get traced(): boolean {
    return this.of.span?.traced === true;
  }

  override get spanId(): string {
    return this.of.span?.id ?? '';
  }

  override get traceId(): string {
    return this.of.traceId ?? '';
  }

  override get localReplyBody(): string {
    return this.body;
  }

  override get downstream(): ConnectionFacts {
    return this.of.owner;
  }

  override get clientHost(): string {
    const client = clientOf(this.of);
    return client === hostOf(this.of.owner.remote) ? '' : client;
  }

  override get serverName(): string {
    return this.of.owner.secure?.serverName ?? '';
  }

  override get upstream(): ConnectionFacts | null {
    return this.of.upstream;
  }

  override get upstreamProtocol(): string {
    return this.of.upstream?.protocol ?? '';
  }

  override get upstreamHosts(): readonly string[] {
    return this.of.tried.map(({ key }) => key);
  }

  override get upstreamCluster(): string {
    return this.of.cluster?.config.statName ?? '';
  }

  override get upstreamClusterRaw(): string {
    return this.of.cluster?.name ?? '';
  }

  override get upstreamFailure(): string {
    return this.of.upstreamFailure;
  }

  override filterState(key: string): FilterState | null {
    return this.of.filterState?.get(key) ?? null;
  }

  override metadata(kind: MetadataKind): MetadataMap | null {
    return metadataOf(this.of, kind);
  }

  override get hostName(): string {
    return this.of.context.machine.hostName;
  }

  override environment(name: string): string | null {
    return this.of.context.machine.environment(name);
  }

  override uniqueId(): string {
    return createRequestId(this.of.context.random);
  }

  private get of(): RequestState {
    const { state } = this;
    assert(state !== null, 'facts are of a request');
    return state;
  }
}

const shared = new RequestFacts();

/** To be read during the call that asked for it. */
export function factsOf(request: RequestState, type: LogType = 'NotSet', localReplyBody = ''): FormatSource {
  shared.state = request;
  shared.type = type;
  shared.body = localReplyBody;
  return shared;
}

const protocols: readonly string[] = ['HTTP/1.0', 'HTTP/1.1', 'HTTP/2'];

export function protocolOf(version: number): string {
  return protocols[version] ?? '';
}

function timeOf(request: RequestState, point: TimePoint): number {
  const { upstream } = request;
  switch (point) {
    case 'DS_RX_BEG':
      return request.startedMs;
    case 'DS_RX_END':
      return request.requestEndedMs;
    // Of a connection that was there before, nothing was waited for.
    case 'US_CX_BEG':
      return upstream === null || upstream.dialledAtMs < request.startedMs ? -1 : upstream.dialledAtMs;
    case 'US_CX_END':
    case 'US_HS_END':
      if (upstream === null || upstream.openedAtMs < request.startedMs) return -1;
      return point === 'US_HS_END' && upstream.secure === null ? -1 : upstream.openedAtMs;
    case 'US_TX_BEG':
      return request.forwardedMs;
    case 'US_TX_END':
      return request.forwardedMs < 0 ? -1 : Math.max(request.forwardedMs, request.requestEndedMs);
    case 'US_RX_BEG':
      return request.answeredMs;
    case 'US_RX_END':
      return request.answeredMs < 0 ? -1 : request.settledMs;
    case 'DS_TX_BEG':
      return request.answeredMs < 0 ? request.settledMs : request.answeredMs;
    case 'DS_TX_END':
      return request.settledMs < 0 ? request.context.clock.now() : request.settledMs;
  }
}

/** What filters of the connection and of the request found out, and what the proxy itself has to say. */
function ownMetadata(request: RequestState): MetadataMap {
  const { config } = request.listener;
  return new Map([
    ...(request.owner.metadata ?? []),
    ...(request.metadata ?? []),
    [
      'weft.dev',
      {
        direction: config.direction,
        ...(request.failed ? { failed_phase: request.phase } : {}),
        ...(request.peer === '' ? {} : { peer: request.peer }),
      },
    ],
  ]);
}

function metadataOf(request: RequestState, kind: MetadataKind): MetadataMap | null {
  switch (kind) {
    case 'DYNAMIC':
      return ownMetadata(request);
    case 'LISTENER':
      return request.listener.config.metadata ?? null;
    case 'LISTENER_FILTER_CHAIN':
      return request.listener.config.chainMetadata ?? null;
    case 'ROUTE':
      return request.route?.metadata ?? null;
    case 'VIRTUAL_HOST':
      return request.route?.hostMetadata ?? null;
    case 'CLUSTER':
      return request.cluster?.config.metadata ?? null;
    case 'UPSTREAM_HOST':
      return null;
  }
}
