// What format commands read: everything that is known of one request, or of one connection that carries no requests.
// Every field of {@link FormatSource} has a value for "not known", so that a tunnel or a refused head overrides what it
// knows alone.

import { type Address, formatAddress, type SecureFacts } from '../../net/index.ts';
import type { Head, RequestHead, ResponseHead } from '../../wire/index.ts';

/** Moments of a request, by the names that Envoy's COMMON_DURATION has for them. */
export const timePoints = [
  'DS_RX_BEG',
  'DS_RX_END',
  'US_CX_BEG',
  'US_CX_END',
  'US_HS_END',
  'US_TX_BEG',
  'US_TX_END',
  'US_RX_BEG',
  'US_RX_END',
  'DS_TX_BEG',
  'DS_TX_END',
] as const;

export type TimePoint = (typeof timePoints)[number];

/** Why a line is written: `envoy.data.accesslog.v3.AccessLogType`, of which these are produced. */
export type LogType =
  | 'NotSet'
  | 'TcpUpstreamConnected'
  | 'TcpPeriodic'
  | 'TcpConnectionEnd'
  | 'DownstreamStart'
  | 'DownstreamPeriodic'
  | 'DownstreamTunnelSuccessfullyEstablished'
  | 'DownstreamEnd';

/** What a filter keeps of a request for whoever asks for it by its name; null: nothing so far. */
export interface FilterState {
  /** In one line. */
  plain(): string | null;
  /** As its message has them, by their names there. */
  fields(): Readonly<Record<string, string>> | null;
}

/** `filter_metadata`: plain values by namespace. */
export type MetadataMap = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

export type MetadataKind =
  | 'DYNAMIC'
  | 'CLUSTER'
  | 'ROUTE'
  | 'UPSTREAM_HOST'
  | 'LISTENER'
  | 'LISTENER_FILTER_CHAIN'
  | 'VIRTUAL_HOST';

/** One side's connection. */
export interface ConnectionFacts {
  readonly id: number;
  readonly local: Address;
  /** The client as it is known: behind a PROXY header the one that this named. */
  readonly remote: Address;
  /** The socket's own peer. */
  readonly direct: Address;
  readonly secure: SecureFacts | null;
  /** What its ClientHello asks for, where a listener filter read it. */
  readonly serverName?: string | null;
  /** Of its ClientHello, where a listener keeps them. */
  readonly fingerprints?: HelloFingerprints | null;
  /** What listener filters made of what they read. */
  readonly metadata?: MetadataMap | null;
}

/** Texts, hashed when they are written (wire/tls-sniff/fingerprint.ts); null where they were not asked for. */
export interface HelloFingerprints {
  readonly ja3: string | null;
  readonly ja4: { readonly head: string; readonly suites: string; readonly extensions: string } | null;
}

export class FormatSource {
  get logType(): LogType {
    return 'NotSet';
  }

  /** As it is now, with its edits. */
  get request(): RequestHead | null {
    return null;
  }

  get response(): ResponseHead | null {
    return null;
  }

  get trailers(): Head | null {
    return null;
  }

  get startedWallMs(): number {
    return 0;
  }

  get nowWallMs(): number {
    return 0;
  }

  /** Clock.now() of that moment; -1 when it has not come. */
  timeOf(_point: TimePoint): number {
    return -1;
  }

  get protocol(): string {
    return '';
  }

  get scheme(): string {
    return '';
  }

  get status(): number {
    return 0;
  }

  get details(): string {
    return '';
  }

  get terminationDetails(): string {
    return '';
  }

  /** Short names, joined by commas. */
  get flags(): string {
    return '';
  }

  get grpcStatus(): number {
    return -1;
  }

  get isGrpc(): boolean {
    return false;
  }

  /** -1: not known. */
  get bytesReceived(): number {
    return 0;
  }

  get bytesSent(): number {
    return 0;
  }

  get attempts(): number {
    return 0;
  }

  get routeName(): string {
    return '';
  }

  get virtualClusterName(): string {
    return '';
  }

  get listenerName(): string {
    return '';
  }

  get chainName(): string {
    return '';
  }

  get streamId(): string {
    return '';
  }

  /** A load balancer asked whether this proxy is well. */
  get healthCheck(): boolean {
    return false;
  }

  /** A span is made of it. */
  get traced(): boolean {
    return false;
  }

  get traceId(): string {
    return '';
  }

  get spanId(): string {
    return '';
  }

  get localReplyBody(): string {
    return '';
  }

  get downstream(): ConnectionFacts | null {
    return null;
  }

  /** The client's address as the forwarding fields tell it; '' where the connection's own is the client's. */
  get clientHost(): string {
    return '';
  }

  get serverName(): string {
    return '';
  }

  /** The last one that carried an attempt. */
  get upstream(): ConnectionFacts | null {
    return null;
  }

  get upstreamProtocol(): string {
    return '';
  }

  /** Addresses of the endpoints tried, in their order. */
  get upstreamHosts(): readonly string[] {
    return [];
  }

  /** Their names, where the configuration gives one. */
  get upstreamNames(): readonly string[] {
    return this.upstreamHosts;
  }

  get upstreamCluster(): string {
    return '';
  }

  /** The name beside its statistics' name. */
  get upstreamClusterRaw(): string {
    return this.upstreamCluster;
  }

  get upstreamFailure(): string {
    return '';
  }

  metadata(_kind: MetadataKind): MetadataMap | null {
    return null;
  }

  filterState(_key: string): FilterState | null {
    return null;
  }

  get hostName(): string {
    return '';
  }

  environment(_name: string): string | null {
    return null;
  }

  uniqueId(): string {
    return '';
  }
}

/** Host of an address, or the whole of one that has no port. */
export function hostOf(address: Address): string {
  return address.kind === 'ip' ? address.host : formatAddress(address);
}
