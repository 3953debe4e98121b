// ADS without a network: a client's transport straight into a server, with a delay and a switch that cuts it. For the
// simulator and for tests; messages arrive in order, one timer per direction.

import { type Clock, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import { joinPieces } from '../discovery/encode.ts';
import type { AdsServer } from '../server/ads-server.ts';
import type { AdsStream, AdsStreamHandler, AdsTransport, AdsVariant } from '../types.ts';

export interface MemoryAdsOptions {
  readonly clock: Clock;
  /** Milliseconds one way; default 1. */
  readonly delayMs?: number;
  /** Messages under way per direction above which `send` reports a full buffer; default 64. */
  readonly messagesMax?: number;
}

export interface MemoryAdsTransport extends AdsTransport {
  /** True: open streams end with an error, new ones fail until it is set back. */
  setCut(cut: boolean): void;
  /** The server behind it from now on (a restarted control plane); null: none listens. Open streams end. */
  setServer(server: AdsServer | null): void;
}

export function createMemoryAdsTransport(
  server: AdsServer | null,
  options: MemoryAdsOptions,
): MemoryAdsTransport {
  return new MemoryTransport(server, options);
}

class MemoryTransport implements MemoryAdsTransport {
  private server: AdsServer | null;
  private readonly options: MemoryAdsOptions;
  private readonly links = new Set<Link>();
  private cut = false;

  constructor(server: AdsServer | null, options: MemoryAdsOptions) {
    this.server = server;
    this.options = options;
  }

  open(variant: AdsVariant, handler: AdsStreamHandler): AdsStream {
    const link = new Link(this.options, (gone) => this.links.delete(gone));
    if (this.cut || this.server === null) {
      const reason = this.cut ? 'the link is cut' : 'nothing listens';
      link.client.target = handler;
      link.client.end(new MeshError('connect-refused', 'upstream', 'yes', reason));
      return link.server;
    }
    this.links.add(link);
    link.client.target = handler;
    link.server.target = this.server.accept(variant, link.client);
    return link.server;
  }

  close(): void {
    this.breakAll('the transport was closed');
  }

  setCut(cut: boolean): void {
    this.cut = cut;
    if (cut) this.breakAll('the link was cut');
  }

  setServer(server: AdsServer | null): void {
    this.server = server;
    this.breakAll('the server went away');
  }

  private breakAll(reason: string): void {
    for (const link of [...this.links]) link.fail(new MeshError('peer-reset', 'upstream', 'yes', reason));
  }
}

/** Two half-streams. `client` carries what is addressed to the client, `server` what is addressed to the server. */
class Link {
  readonly client: HalfStream;
  readonly server: HalfStream;
  private readonly onGone: (link: Link) => void;

  constructor(options: MemoryAdsOptions, onGone: (link: Link) => void) {
    this.onGone = onGone;
    this.client = new HalfStream(this, options);
    this.server = new HalfStream(this, options);
    this.client.other = this.server;
    this.server.other = this.client;
  }

  fail(error: MeshError): void {
    this.client.end(error);
    this.server.end(error);
  }

  gone(): void {
    this.onGone(this);
  }
}

interface Parcel {
  readonly dueMs: number;
  readonly message: Uint8Array;
}

class HalfStream implements AdsStream, TimerHandler {
  target: AdsStreamHandler | null = null;
  other: HalfStream | null = null;
  private readonly link: Link;
  private readonly clock: Clock;
  private readonly delayMs: number;
  private readonly messagesMax: number;
  private readonly timer = new Timer(this, 0);
  private parcels: Parcel[] = [];
  private full = false;
  private ending: { readonly error: MeshError | null } | null = null;
  private ended = false;

  constructor(link: Link, options: MemoryAdsOptions) {
    this.link = link;
    this.clock = options.clock;
    this.delayMs = options.delayMs ?? 1;
    this.messagesMax = options.messagesMax ?? 64;
  }

  /** Called by the sender: the message reaches `target` after the delay. */
  send(pieces: readonly Uint8Array[]): boolean {
    if (this.ending !== null) return true;
    this.parcels.push({ dueMs: this.clock.now() + this.delayMs, message: joinPieces(pieces) });
    this.arm();
    this.full = this.parcels.length >= this.messagesMax;
    return !this.full;
  }

  /** Called by the sender: what is under way still arrives, then the end. The sender itself hears no more. */
  close(error: MeshError | null): void {
    this.end(error);
    if (this.other !== null) this.other.silence();
  }

  end(error: MeshError | null): void {
    if (this.ending !== null) return;
    this.ending = { error };
    this.arm();
  }

  silence(): void {
    this.ending ??= { error: null };
    this.ended = true;
    this.parcels = [];
    this.clock.cancel(this.timer);
    this.link.gone();
  }

  onTimer(_kind: number, nowMs: number): void {
    while (!this.ended && this.parcels.length > 0 && this.parcels[0]!.dueMs <= nowMs) {
      const { message } = this.parcels.shift()!;
      this.target?.onMessage(message);
    }
    if (this.ended) return;
    if (this.parcels.length === 0 && this.ending !== null) {
      this.ended = true;
      this.link.gone();
      this.target?.onClose(this.ending.error);
      return;
    }
    if (this.full && this.parcels.length * 2 <= this.messagesMax) {
      this.full = false;
      this.other?.target?.onWritable();
    }
    if (this.parcels.length > 0) this.arm();
  }

  private arm(): void {
    const dueMs = this.parcels[0]?.dueMs ?? this.clock.now() + this.delayMs;
    if (!this.timer.armed) this.clock.arm(this.timer, Math.max(0, dueMs - this.clock.now()));
  }
}
