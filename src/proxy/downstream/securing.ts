// A connection of a listener that speaks TLS, until its handshake is done: its first bytes are read ahead, so that the
// certificate is the one in use now and handshakes can wait for each other; then the connection is handed to who serves
// it.

import { type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Socket, SocketHandler, TlsServer } from '../../net/index.ts';
import { parseClientHello } from '../../wire/tls-sniff/index.ts';
import type { ListenerConfig } from '../config/types.ts';
import type { ExchangeContext } from '../exchange/index.ts';
import type { ListenerStats } from '../stats/index.ts';
import type { TlsServerSlot } from '../tls/index.ts';
import type { Ends } from './session.ts';

/** The listener, as such a connection sees it. */
export interface SecuringOwner {
  readonly name: string;
  readonly config: ListenerConfig;
  readonly stats: ListenerStats;
  readonly full: boolean;
  /** The handshake is done: the handler that serves from here on, whose `onOpen` is called next. */
  serve(socket: Socket, ends: Ends): SocketHandler;
  /** It ended before. */
  onSecuringClosed(securing: Securing): void;
}

export class Securing implements SocketHandler, TimerHandler {
  private readonly context: ExchangeContext;
  private readonly owner: SecuringOwner;
  private readonly slot: TlsServerSlot;
  private readonly socket: Socket;
  private readonly ends: Ends;
  private readonly timer = new Timer(this, 0);
  /** What came of a hello that is not whole. */
  private hello: Uint8Array = nothing;
  private refusal = '';

  constructor(
    context: ExchangeContext,
    owner: SecuringOwner,
    slot: TlsServerSlot,
    socket: Socket,
    ends: Ends,
  ) {
    this.context = context;
    this.owner = owner;
    this.slot = slot;
    this.socket = socket;
    this.ends = ends;
  }

  onOpen(): void {
    if (this.owner.full) this.refuse('too many connections');
    else if (this.owner.config.terms.handshakeMs > 0) this.context.clock.arm(this.timer, this.timeMs());
  }

  onData(socket: Socket, bytes: Uint8Array): void {
    this.hello = this.hello.length === 0 ? bytes : Buffer.concat([this.hello, bytes]);
    const result = parseClientHello(this.hello);
    if (result.kind === 'more') {
      this.hello = Buffer.from(this.hello);
      return;
    }
    if (result.kind === 'none') this.refuse('no TLS');
    else if (result.kind === 'fault') this.refuse(result.message);
    else if (this.slot.requireSni && result.hello.serverName === null) this.refuse('no server name');
    else this.begin(socket, this.slot.choose(result.hello));
  }

  private begin(socket: Socket, server: TlsServer | null): void {
    if (server === null) {
      this.refuse(`no certificate: ${this.slot.issue}`);
      return;
    }
    socket.startTlsServer(server, this.hello);
    this.hello = nothing;
  }

  onSecure(socket: Socket): void {
    this.context.clock.cancel(this.timer);
    if (socket.secure !== null) this.owner.stats.ssl.countSecure(socket.secure);
    this.owner.onSecuringClosed(this);
    const handler = this.owner.serve(socket, this.ends);
    socket.setHandler(handler);
    handler.onOpen(socket);
  }

  onDrain(): void {}

  /** A client that ends before it is secure has nothing to wait for. */
  onEnd(): void {
    this.refuse('closed by the peer');
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.context.clock.cancel(this.timer);
    this.owner.stats.ssl.countFailure(error?.code === 'tls-failed' ? error.cause : null);
    this.owner.onSecuringClosed(this);
    this.context.log.write('debug', 'TLS handshake failed', {
      listener: this.owner.name,
      peer: this.socket.remote.kind === 'ip' ? this.socket.remote.host : this.socket.remote.path,
      reason: this.refusal || (error?.message ?? 'closed'),
    });
  }

  onTimer(): void {
    this.owner.stats.handshakeTimeouts += 1;
    this.refuse(`not done after ${Math.round(this.timeMs())} ms`);
  }

  reset(): void {
    this.refuse('draining');
  }

  private timeMs(): number {
    const { scaleHandshake } = this.context.overload;
    const { handshakeMs } = this.owner.config.terms;
    return scaleHandshake === null ? handshakeMs : scaleHandshake(handshakeMs);
  }

  private refuse(reason: string): void {
    this.refusal = reason;
    this.socket.reset();
  }
}

const nothing = new Uint8Array(0);
