// The face of xds/: what a resource is, and what the two ends of an ADS stream need from the code around them. The
// state machines (client.ts, server.ts) are pure: a transport feeds them messages, a clock drives their timers.

import type { Issue, MeshError } from '../base/index.ts';

/** One resource as it travels: the bytes of the Any's value, decoded by whoever understands the type. */
export interface XdsResource {
  readonly name: string;
  /** Content hash set by the server; opaque to the client. */
  readonly version: string;
  readonly typeUrl: string;
  readonly bytes: Uint8Array;
  /** Further names that it answers to (Resource.aliases); absent: none. */
  readonly aliases?: readonly string[];
  /** Read from a file in JSON or YAML: the bytes are JSON in UTF-8. Absent: protobuf. */
  readonly encoding?: 'json';
  /**
   * The very same bytes are held for as long as the resource is, as a part of what is sent: it may let go of its own
   * and have these. Absent: it makes its bytes when it is asked, or does not live long.
   */
  keepIn?(bytes: Uint8Array): void;
}

/** What one response changes. */
export interface XdsUpdate {
  readonly typeUrl: string;
  /** New or changed resources. */
  readonly changed: readonly XdsResource[];
  /** Names that are gone. In SotW LDS and CDS the client machine derives them from what is missing. */
  readonly removed: readonly string[];
  /** `version_info` or `system_version_info`, for display. */
  readonly version: string;
}

/**
 * Takes updates in. No issues: the machine sends ACK; otherwise NACK with the issues as text, while the good rest may
 * be applied. An issue whose `object` is the name of a changed resource rejects that resource alone; any other rejects
 * the whole update.
 */
export interface XdsSubscriber {
  /**
   * A promise: several threads take it in, and the answer waits until all of them have. The next response waits too.
   */
  onUpdate(update: XdsUpdate): readonly Issue[] | Promise<readonly Issue[]>;
  /** The stream came up or went away; the last applied resources hold in the meantime. */
  onConnection(connected: boolean, error: MeshError | null): void;
}

/** A consistent set of resources for one client. Immutable; compared by `version` of each resource. */
export interface XdsSnapshot {
  /** Changes whenever any resource does. */
  readonly version: string;
  /** Type URL -> name -> resource. */
  readonly resources: ReadonlyMap<string, ReadonlyMap<string, XdsResource>>;
}

/** The snapshots of one kind of client, shared by all streams that get the same. */
export interface SnapshotSource {
  /** Null: nothing is known yet; requests wait. */
  current(): XdsSnapshot | null;
  /** Tells of every later snapshot; the returned function stops it. */
  watch(watcher: SnapshotWatcher): () => void;
}

export interface SnapshotWatcher {
  onSnapshot(): void;
}

/** Who asks: the node of the stream's first request, decoded. */
export interface XdsNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly locality: { readonly region: string; readonly zone: string; readonly subZone: string };
  readonly userAgent: string;
  readonly clientFeatures: readonly string[];
}

/** One bidirectional ADS stream of encoded messages (SotW or delta; the path says which), as both ends see it. */
export interface AdsStream {
  /**
   * Sends a message given as its pieces in a row, which must not change any more: several streams may share them.
   * False: it waits, and the sender should too, until `onWritable`.
   */
  send(message: readonly Uint8Array[]): boolean;
  close(error: MeshError | null): void;
  /** Grows while what waits is taken by the peer; absent where nothing ever waits for it. */
  readonly progress?: number;
}

export interface AdsStreamHandler {
  onMessage(message: Uint8Array): void;
  onWritable(): void;
  /** Exactly once. */
  onClose(error: MeshError | null): void;
}

export type AdsVariant = 'sotw' | 'delta';

/** The gRPC stream as a seam: transport/grpc-client.ts for the real one, transport/memory.ts for the simulator. */
export interface AdsTransport {
  /** Client: opens a stream; failure to connect arrives as `onClose`. */
  open(variant: AdsVariant, handler: AdsStreamHandler): AdsStream;
  close(): void;
}

/** VHDS: virtual hosts one by one, for tables that say so; delta alone has it. */
export const virtualHostType = 'type.googleapis.com/envoy.config.route.v3.VirtualHost';

export const typeUrls = {
  listener: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  route: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  cluster: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  endpoint: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
  secret: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
} as const;
