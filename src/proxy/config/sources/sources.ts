// All sources of a proxy's resources, each with its client: the aggregated stream, a stream for each separate service,
// files. One is opened when the first name is asked of it and closed after the last, but for the aggregated one.

import type { Issue, MeshError } from '../../../base/index.ts';
import { type AdsClientStatus, typeUrls, type XdsUpdate } from '../../../xds/index.ts';
import type { AdsConfig, ServerCluster } from '../server-types.ts';
import { type ResourceSource, type StreamConfig, sourceKey } from '../source-types.ts';
import { findServers, serverFault } from './servers.ts';

/** Asked for as a whole: an answer says all that there is. */
export const wildcardTypes: ReadonlySet<string> = new Set([typeUrls.listener, typeUrls.cluster]);

/** What is needed of xds/ AdsClient. */
export interface AdsSubscriptions {
  subscribe(typeUrl: string, names: readonly string[] | '*'): void;
  start(): void;
  stop(): void;
  status(): AdsClientStatus;
}

/** What a client is made for. */
export type ClientRequest =
  | { readonly kind: 'stream'; readonly config: AdsConfig }
  | { readonly kind: 'file'; readonly path: string };

/**
 * What an update says: `all` that a control plane holds of a type, by default; `named`: what it was asked for by name
 * of a type of which another stream says all; `local`: what a file holds, which says nothing of any control plane.
 */
export type UpdateScope = 'all' | 'named' | 'local';

/** Takes in what a source brings; the same as xds/ XdsSubscriber, at once. */
export interface SourceSubscriber {
  onUpdate(update: XdsUpdate, scope?: UpdateScope): readonly Issue[];
  onConnection(connected: boolean, error: MeshError | null): void;
}

export type CreateClient = (request: ClientRequest, subscriber: SourceSubscriber) => AdsSubscriptions;

export interface SourcesOptions {
  readonly ads: StreamConfig | null;
  readonly servers: ReadonlyMap<string, ServerCluster>;
  readonly createClient: CreateClient;
  readonly subscriber: SourceSubscriber;
}

export class Sources {
  private readonly options: SourcesOptions;
  private readonly clients = new Map<string, AdsSubscriptions>();
  /** Streams that are not up. */
  private readonly away = new Set<string>();
  /** Streams with types that are asked of them by names alone, though there is a way to ask for all. */
  private readonly named = new Set<string>();
  private started = false;

  constructor(options: SourcesOptions) {
    this.options = options;
    if (options.ads !== null) this.open('ads', { kind: 'ads' }, '');
  }

  start(): void {
    this.started = true;
    for (const client of this.clients.values()) client.start();
  }

  stop(): void {
    for (const client of this.clients.values()) client.stop();
  }

  /** Why nothing can come from there, or null. */
  refusal(source: ResourceSource): string | null {
    const { ads, servers } = this.options;
    if (source.kind === 'file') return null;
    if (source.kind === 'ads')
      return ads === null ? 'must not be ads: the bootstrap has no ads_config' : null;
    for (const { cluster } of source.stream.services) {
      const fault = serverFault(cluster, servers);
      if (fault !== null) return `${fault}, not ${cluster}`;
    }
    return null;
  }

  /** Why nothing can be asked for by ADS that may not be there, or null. As in Envoy that needs incremental updates. */
  incrementalRefusal(): string | null {
    const { ads } = this.options;
    if (ads === null) return 'needs an ads_config in the bootstrap';
    return ads.variant === 'delta' ? null : 'needs an ads_config of api_type DELTA_GRPC';
  }

  subscribe(source: ResourceSource, typeUrl: string, names: readonly string[] | '*'): void {
    const key = source.kind === 'ads' ? 'ads' : `${typeUrl} ${sourceKey(source)}`;
    if (wildcardTypes.has(typeUrl) && !names.includes('*')) this.named.add(`${key} ${typeUrl}`);
    else this.named.delete(`${key} ${typeUrl}`);
    if (names.length === 0 && source.kind !== 'ads') this.close(key);
    else (this.clients.get(key) ?? this.open(key, source, typeUrl))?.subscribe(typeUrl, names);
  }

  /** Has said something of this type, be it that there is nothing. */
  answered(source: ResourceSource, typeUrl: string): boolean {
    const client = this.clients.get(source.kind === 'ads' ? 'ads' : `${typeUrl} ${sourceKey(source)}`);
    const type = client?.status().types.find((one) => one.typeUrl === typeUrl);
    return type !== undefined && (type.version !== '' || type.nonce !== '');
  }

  private open(key: string, source: ResourceSource, typeUrl: string): AdsSubscriptions | null {
    const request = this.requestOf(source, typeUrl);
    if (request === null) return null;
    const { createClient, subscriber } = this.options;
    if (request.kind === 'stream') this.away.add(key);
    const client = createClient(request, {
      onUpdate: (update) => subscriber.onUpdate(update, this.scopeOf(key, source, update)),
      onConnection: (connected, error) => this.onConnection(key, connected, error),
    });
    this.clients.set(key, client);
    if (this.started) client.start();
    return client;
  }

  private scopeOf(key: string, source: ResourceSource, { typeUrl }: XdsUpdate): UpdateScope {
    if (source.kind === 'file') return 'local';
    return this.named.has(`${key} ${typeUrl}`) ? 'named' : 'all';
  }

  private close(key: string): void {
    this.clients.get(key)?.stop();
    this.clients.delete(key);
    if (this.away.delete(key) && this.away.size === 0) this.options.subscriber.onConnection(true, null);
  }

  private requestOf(source: ResourceSource, typeUrl: string): ClientRequest | null {
    const { ads, servers } = this.options;
    if (source.kind === 'file') return { kind: 'file', path: source.path };
    const stream = source.kind === 'ads' ? ads : source.stream;
    if (stream === null) return null;
    return { kind: 'stream', config: findServers(stream, source.kind === 'ads' ? null : typeUrl, servers) };
  }

  /** Connected is: all of them are. */
  private onConnection(key: string, connected: boolean, error: MeshError | null): void {
    if (!this.clients.has(key)) return;
    if (connected) this.away.delete(key);
    else this.away.add(key);
    if (!connected || this.away.size === 0) this.options.subscriber.onConnection(connected, error);
  }
}
