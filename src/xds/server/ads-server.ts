// The control plane's end of ADS: any number of streams, SotW and incremental, each fed from the snapshots of its node.
// A transport hands streams in (`accept`); nothing here knows of sockets.

import { type Clock, type Log, MeshError } from '../../base/index.ts';
import { refusedError } from '../caller.ts';
import type { AdsStream, AdsStreamHandler, AdsVariant, SnapshotSource, XdsNode } from '../types.ts';
import { Admission } from './admission.ts';
import type { InspectedType } from './inspect.ts';
import { PictureSlots } from './picture-slots.ts';
import { ServerStream, type ServerStreamHost, type StreamOrigin } from './stream.ts';
import type { AdsObserver, AdsRefusal, AdsStreamStatus } from './types.ts';
import { WorkQueue } from './work-queue.ts';

export interface AdsServerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Called once per stream, with the node of its first request. */
  readonly snapshotFor: (node: XdsNode) => SnapshotSource;
  readonly observer?: AdsObserver;
  /**
   * How long what is sent lives at clients that say `xds.config.supports-resource-ttl`, by type URL in milliseconds; it
   * is renewed three times in that time. Absent types, and all by default: for ever.
   */
  readonly lifetimes?: ReadonlyMap<string, number>;
}

/** What one client has. */
export interface InspectedClient {
  readonly node: XdsNode;
  readonly types: readonly (InspectedType & { readonly refusals: readonly AdsRefusal[] })[];
}

const silentObserver: AdsObserver = {
  onStream() {},
  onNack() {},
  onRefused() {},
  onResolved() {},
  onAck() {},
};

export class AdsServer {
  private readonly host: ServerStreamHost;
  private readonly streams = new Set<ServerStream>();

  constructor(options: AdsServerOptions) {
    this.host = {
      clock: options.clock,
      log: options.log,
      observer: options.observer ?? silentObserver,
      snapshotFor: options.snapshotFor,
      lifetimes: options.lifetimes ?? null,
      admission: new Admission(),
      slots: new PictureSlots(),
      queue: new WorkQueue(options.clock),
      onStreamClosed: (stream) => this.streams.delete(stream),
    };
  }

  /**
   * Serves one stream: the transport gives the returned handler what the client sends.
   */
  accept(variant: AdsVariant, stream: AdsStream, from: Partial<StreamOrigin> = {}): AdsStreamHandler {
    const { peer = '', typeUrl = null, caller = null } = from;
    const served = new ServerStream(this.host, variant, stream, { peer, typeUrl, caller });
    const refusal = this.host.admission.enter(served);
    if (refusal !== null) {
      served.close(new MeshError('overflow', 'internal', 'yes', refusal));
      return served;
    }
    this.streams.add(served);
    return served;
  }

  get streamCount(): number {
    return this.streams.size;
  }

  /** One entry per open stream, in the order they came. */
  status(): readonly AdsStreamStatus[] {
    return [...this.streams].map((stream) => stream.status());
  }

  /** What the proxy of this id has of each type, by its newest stream; null: it has none. */
  inspect(nodeId: string): InspectedClient['types'] | null {
    return [...this.streams].findLast((stream) => stream.nodeId === nodeId)?.inspect() ?? null;
  }

  /** The same of each stream whose node matches, in the order they came. */
  *inspectAll(matches: (node: XdsNode) => boolean): Generator<InspectedClient> {
    for (const stream of [...this.streams]) {
      const { node } = stream.status();
      if (node !== null && matches(node)) yield { node, types: stream.inspect() };
    }
  }

  /**
   * What is known of these subjects (see {@link XdsCaller}) changed, or of any (null): streams of callers who are not
   * any more who they were, or not as they were, end. They come again and are served by what is known then.
   */
  reconsider(subjects: ReadonlySet<string> | null): void {
    for (const stream of [...this.streams]) {
      const refusal = stream.reconsider(subjects);
      if (refusal !== null) stream.close(refusedError(refusal));
    }
  }

  /** Ends every stream; clients reconnect with backoff, to this server or to another. */
  closeStreams(): void {
    const error = new MeshError('draining', 'internal', 'yes', 'the control plane is going away');
    for (const stream of [...this.streams]) stream.close(error);
  }
}
