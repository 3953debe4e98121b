// The endpoint's side of a CONNECT that ends here: a connection that carries no HTTP, seen as a stream. It takes the
// place of a codec's stream, so that the exchange moves bytes one way only.

import type { MeshError } from '../../base/index.ts';
import type { ClientStream, Head } from '../../wire/index.ts';
import {
  type ClientEnds,
  type Cluster,
  type Endpoint,
  RawConnection,
  type RawOwner,
} from '../upstream/index.ts';

/** The attempt, as its connection sees it. */
export interface RawReceiver {
  onRawOpen(stream: RawStream): void;
  onConnectionFailed(error: MeshError): void;
  onBody(bytes: Uint8Array, start: number, end: number): void;
  onEnd(trailers: Head | null): void;
  onReset(error: MeshError): void;
  onWritable(): void;
}

export class RawStream implements ClientStream, RawOwner {
  /** A connection was made for this request alone: whoever is behind it has seen that. */
  sent = false;
  readonly client: ClientEnds;
  private readonly connection: RawConnection;
  /** Null once nobody wants to hear of it. */
  private receiver: RawReceiver | null;

  constructor(cluster: Cluster, endpoint: Endpoint, client: ClientEnds, receiver: RawReceiver) {
    this.client = client;
    this.receiver = receiver;
    this.connection = new RawConnection(cluster, endpoint, this);
  }

  /** False: the cluster has as many connections as it may. */
  dial(nowMs: number): boolean {
    return this.connection.dial(nowMs);
  }

  /** Nobody wants it any more; nothing is told. */
  stop(): void {
    this.reset();
  }

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    return this.connection.write(bytes.subarray(start, end));
  }

  sendEnd(): void {
    this.connection.end();
  }

  reset(): void {
    this.receiver = null;
    this.connection.reset();
  }

  pause(): void {
    this.connection.pause();
  }

  resume(): void {
    this.connection.resume();
  }

  // What the connection tells.

  onConnected(): void {
    this.sent = true;
    this.receiver?.onRawOpen(this);
  }

  onConnectFailed(error: MeshError): void {
    this.receiver?.onConnectionFailed(error);
  }

  onUpstreamData(bytes: Uint8Array): void {
    this.receiver?.onBody(bytes, 0, bytes.length);
  }

  onUpstreamDrain(): void {
    this.receiver?.onWritable();
  }

  onUpstreamEnd(): void {
    this.receiver?.onEnd(null);
  }

  onUpstreamClosed(error: MeshError | null): void {
    if (error !== null) this.receiver?.onReset(error);
  }
}
