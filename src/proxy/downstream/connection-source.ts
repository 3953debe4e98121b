// A connection, and a tunnel over it, as format commands see them (observe/format).

import {
  type ConnectionFacts,
  FormatSource,
  type LogType,
  type MetadataKind,
  type MetadataMap,
  type TimePoint,
} from '../../observe/index.ts';
import type { ExchangeContext } from '../exchange/index.ts';
import type { Cluster, Endpoint } from '../upstream/index.ts';
import type { SessionOwner } from './session-owner.ts';

/** What every line of a connection can say. */
export class ConnectionSource extends FormatSource {
  private readonly context: ExchangeContext;
  private readonly listener: SessionOwner;
  private readonly client: ConnectionFacts;
  private readonly startedMs: number;
  private readonly endedMs: number;
  private readonly type: LogType;

  constructor(
    context: ExchangeContext,
    listener: SessionOwner,
    downstream: ConnectionFacts,
    startedMs: number,
    type: LogType,
  ) {
    super();
    this.context = context;
    this.listener = listener;
    this.client = downstream;
    this.startedMs = startedMs;
    this.endedMs = context.clock.now();
    this.type = type;
  }

  override get logType(): LogType {
    return this.type;
  }

  override get startedWallMs(): number {
    return this.nowWallMs - (this.endedMs - this.startedMs);
  }

  override get nowWallMs(): number {
    return this.context.clock.wall();
  }

  override timeOf(point: TimePoint): number {
    if (point === 'DS_RX_BEG') return this.startedMs;
    return point === 'DS_TX_END' ? this.endedMs : -1;
  }

  override get downstream(): ConnectionFacts {
    return this.client;
  }

  override get serverName(): string {
    return this.client.secure?.serverName ?? this.client.serverName ?? '';
  }

  override get listenerName(): string {
    const { chainOf, name } = this.listener.config;
    return chainOf ?? name;
  }

  override get chainName(): string {
    return this.listener.config.chainName ?? '';
  }

  override metadata(kind: MetadataKind): MetadataMap | null {
    const { config } = this.listener;
    if (kind === 'LISTENER') return config.metadata ?? null;
    if (kind === 'LISTENER_FILTER_CHAIN') return config.chainMetadata ?? null;
    if (kind !== 'DYNAMIC') return null;
    return new Map([...(this.client.metadata ?? []), ['weft.dev', { direction: config.direction }]]);
  }

  override get hostName(): string {
    return this.context.machine.hostName;
  }

  override environment(name: string): string | null {
    return this.context.machine.environment(name);
  }
}

/** What a tunnel knows beside its connection. */
export interface TunnelOutcome {
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly flags: string;
  readonly details: string;
  readonly cluster: Cluster | null;
  readonly tried: readonly Endpoint[];
  readonly upstream: ConnectionFacts | null;
}

export class TunnelSource extends ConnectionSource {
  private readonly outcome: TunnelOutcome;

  constructor(
    context: ExchangeContext,
    listener: SessionOwner,
    downstream: ConnectionFacts,
    startedMs: number,
    type: LogType,
    outcome: TunnelOutcome,
  ) {
    super(context, listener, downstream, startedMs, type);
    this.outcome = outcome;
  }

  override get bytesReceived(): number {
    return this.outcome.bytesReceived;
  }

  override get bytesSent(): number {
    return this.outcome.bytesSent;
  }

  override get flags(): string {
    return this.outcome.flags;
  }

  override get terminationDetails(): string {
    return this.outcome.details.replaceAll(' ', '_');
  }

  override get attempts(): number {
    return this.outcome.tried.length;
  }

  override get upstream(): ConnectionFacts | null {
    return this.outcome.upstream;
  }

  override get upstreamHosts(): readonly string[] {
    return this.outcome.tried.map(({ key }) => key);
  }

  override get upstreamCluster(): string {
    return this.outcome.cluster?.config.statName ?? '';
  }

  override get upstreamClusterRaw(): string {
    return this.outcome.cluster?.name ?? '';
  }
}
