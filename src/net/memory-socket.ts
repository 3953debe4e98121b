// One end of a simulated connection: the Socket contract over two pipes. Every callback comes out of a timer, never out
// of a call of the handler's, and few bytes are poisoned after `onData`, so that code which keeps them fails in tests
// and not in production.

import {
  type Clock,
  type ErrorSource,
  lastingBytesMin,
  type MeshError,
  Timer,
  type TimerHandler,
} from '../base/index.ts';
import type { MemoryPipe, PipeEnd, SegmentKind } from './memory-pipe.ts';
import {
  type Address,
  type Socket,
  type SocketHandler,
  socketQueueHighBytes,
  socketQueueLowBytes,
  type TurnWriter,
} from './network.ts';
import { createBrokenError, createConnectError, createResetError, createTlsError } from './system-errors.ts';
import {
  MemoryTls,
  type MemoryTlsWorld,
  type Role,
  type SecureFacts,
  type TlsClient,
  type TlsRefusal,
  type TlsServer,
} from './tls/index.ts';

/** Overwrites bytes that a handler was shown and may not keep. */
const poison = 0xdb;

/** listening (an end that waits for its `syn` and `open`) or dialling, then open, then closed; any may go to closed. */
type State = 'listening' | 'dialling' | 'open' | 'closed';

/** What an end needs of the network: who listens where it was dialled, and where the list of live sockets is kept. */
export interface SocketWorld {
  readonly clock: Clock;
  readonly tls: MemoryTlsWorld;
  /** False: nobody listens there (any more). */
  isListening(socket: MemorySocket): boolean;
  /**
   * Creates the handler of an accepted connection; null: nobody listens any more; later: the network calls `acceptNow`.
   */
  accept(socket: MemorySocket): SocketHandler | 'later' | null;
  originalDestination(socket: MemorySocket): Address | null;
  onClosed(socket: MemorySocket): void;
}

export class MemorySocket implements Socket, PipeEnd, TimerHandler {
  readonly remote: Address;
  readonly local: Address;
  queuedBytes = 0;
  private readonly world: SocketWorld;
  private readonly source: ErrorSource;
  private state: State;
  private handler: SocketHandler | null;
  /** Set once, right after both ends exist. */
  private out: MemoryPipe | null = null;
  private in: MemoryPipe | null = null;
  private readonly turn = new Timer(this, 0);
  private backlog: Buffer[] = [];
  private unread: Buffer[] = [];
  private paused = false;
  private wantsDrain = false;
  private writer: TurnWriter | null = null;
  private ending = false;
  private finSent = false;
  /** no -> arrived (behind unread bytes) -> told. */
  private peerEnd: 'no' | 'arrived' | 'told' = 'no';
  private closeError: MeshError | null = null;
  secure: SecureFacts | null = null;
  private tls: MemoryTls | null = null;
  /** Dialled with TLS: `onOpen` waits for it. */
  private expects: TlsClient | null = null;
  /** Written before the TLS was established. */
  private early: Buffer[] = [];
  /** Inside of what arrived, when the handler paused between two records. */
  private decoded: Buffer[] = [];
  /** Closed by {@link release}: nobody is here any more for what the peer sends. */
  private released = false;

  /** An outgoing end has its handler from the start, an incoming one gets it when it is accepted. */
  constructor(world: SocketWorld, local: Address, remote: Address, handler: SocketHandler | null) {
    this.world = world;
    this.local = local;
    this.remote = remote;
    this.handler = handler;
    this.state = handler === null ? 'listening' : 'dialling';
    this.source = handler === null ? 'downstream' : 'upstream';
  }

  attach(out: MemoryPipe, incoming: MemoryPipe): void {
    this.out = out;
    this.in = incoming;
    if (this.state === 'dialling') out.send('syn');
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.enqueue(Buffer.from(bytes.subarray(start, end)));
  }

  send(bytes: Uint8Array, start: number, end: number): boolean {
    return this.write(bytes, start, end);
  }

  writeLatin1(text: string): boolean {
    return this.enqueue(Buffer.from(text, 'latin1'));
  }

  setHandler(handler: SocketHandler): void {
    if (this.state !== 'closed') this.handler = handler;
  }

  startTlsServer(server: TlsServer, received: Uint8Array): void {
    if (this.state === 'closed') return;
    this.startTls({ side: 'server', server });
    this.unread.unshift(Buffer.from(received));
    this.in!.hold(received.length);
    this.defer();
  }

  startTlsClient(client: TlsClient): void {
    if (this.state !== 'closed') this.startTls({ side: 'client', client });
  }

  /** Before `attach`: the connection opens when this is done. */
  expectTls(client: TlsClient): void {
    this.expects = client;
  }

  unsentBytes(): number {
    return this.state === 'closed' ? 0 : this.queuedBytes + (this.out?.travellingBytes ?? 0);
  }

  originalDestination(): Address | null {
    return this.world.originalDestination(this);
  }

  flushLater(writer: TurnWriter): void {
    if (this.state === 'closed') return;
    this.writer = writer;
    this.defer();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused || this.state === 'closed') return;
    this.paused = false;
    this.defer();
  }

  end(): void {
    if (this.ending || this.state === 'closed') return;
    this.ending = true;
    this.defer();
  }

  unreadBytes(): number {
    return this.unread.reduce((sum, { length }) => sum + length, 0);
  }

  reset(): void {
    if (this.state === 'closed') return;
    this.out?.send('reset');
    this.close(createResetError(this.source, this.remote));
  }

  release(): void {
    if (this.state !== 'open' || !this.finSent) {
      this.reset();
      return;
    }
    this.released = true;
    this.close(null);
  }

  /** The process is gone: the peer gets a reset, nobody here is told. */
  kill(): void {
    this.handler = null;
    this.reset();
    this.world.clock.cancel(this.turn);
  }

  arrived(kind: SegmentKind, bytes: Buffer): void {
    if (this.state === 'closed') {
      if (this.released && kind === 'data') this.out?.send('reset');
      return;
    }
    switch (kind) {
      case 'syn':
        this.answer();
        break;
      case 'refuse':
        this.close(createConnectError(this.remote, refusal));
        break;
      case 'accept':
        this.state = 'open';
        this.out!.send('open');
        if (this.expects !== null) this.startTls({ side: 'client', client: this.expects });
        else this.handler!.onOpen(this);
        this.pump();
        if (this.writer !== null) this.defer();
        break;
      case 'open':
        this.accept();
        break;
      case 'data':
        this.unread.push(bytes);
        this.deliver();
        break;
      case 'fin':
        this.peerEnd = 'arrived';
        this.deliver();
        break;
      case 'reset':
        this.close(
          this.isSecuring() ? this.createTlsReset() : createBrokenError(this.source, this.remote, reset),
        );
        break;
    }
  }

  windowOpened(): void {
    if (this.queuedBytes > 0) this.defer();
  }

  /** Work that must not happen inside a call of the handler's. */
  onTimer(): void {
    if (this.state === 'closed') {
      const handler = this.handler;
      this.handler = null;
      handler?.onClose(this, this.closeError);
      return;
    }
    const writer = this.writer;
    if (this.state === 'open') this.writer = null;
    if (this.state === 'open') writer?.onTurnEnd();
    this.pump();
    this.announceDrain();
    this.deliver();
    this.closeIfDone();
  }

  private answer(): void {
    if (this.world.isListening(this)) this.out!.send('accept');
    else this.refuse('refuse');
  }

  private accept(): void {
    const handler = this.world.accept(this);
    if (handler === 'later') return;
    this.handler = handler;
    if (handler === null) {
      this.refuse('reset');
      return;
    }
    this.state = 'open';
    handler.onOpen(this);
  }

  /** It waited in the queue of a suspended listener. */
  acceptNow(): void {
    if (this.state === 'closed') return;
    this.accept();
    this.defer();
  }

  private refuse(kind: 'refuse' | 'reset'): void {
    this.out!.send(kind);
    this.close(null);
  }

  private enqueue(bytes: Buffer): boolean {
    if (bytes.length === 0 || this.ending || this.state === 'closed') return true;
    this.queuedBytes += bytes.length;
    if (this.isSecuring()) {
      this.early.push(bytes);
    } else {
      const wrapped = this.tls?.wrap(bytes) ?? bytes;
      this.queuedBytes += wrapped.length - bytes.length;
      this.backlog.push(wrapped);
      this.pump();
    }
    if (this.queuedBytes <= socketQueueHighBytes) return true;
    this.wantsDrain = true;
    return false;
  }

  /** Moves what fits from the backlog onto the wire, and FIN after the last byte. */
  private pump(): void {
    const out = this.out;
    if (this.state !== 'open' || out === null) return;
    while (this.backlog.length > 0 && out.room > 0 && this.isOpen()) {
      const first = this.backlog[0]!;
      const taken = Math.min(first.length, out.room);
      this.queuedBytes -= taken;
      if (taken === first.length) this.backlog.shift();
      else this.backlog[0] = first.subarray(taken);
      out.sendData(first.subarray(0, taken));
    }
    if (this.ending && !this.finSent && this.queuedBytes === 0 && this.isOpen() && !this.isSecuring()) {
      this.finSent = true;
      out.send('fin');
    }
  }

  private announceDrain(): void {
    if (!this.wantsDrain || this.queuedBytes >= socketQueueLowBytes || !this.isOpen()) return;
    this.wantsDrain = false;
    this.handler?.onDrain(this);
  }

  private deliver(): void {
    while (this.hasUnread() && this.mayRead() && this.isOpen()) {
      const decoded = this.decoded.shift();
      if (decoded !== undefined) {
        this.show(decoded);
        continue;
      }
      const bytes = this.unread.shift()!;
      const { length } = bytes;
      if (this.tls === null) this.show(bytes);
      else this.tls.feed(bytes);
      this.in!.read(length);
    }
    if (this.peerEnd !== 'arrived' || !this.mayRead() || this.hasUnread() || !this.isOpen()) return;
    this.peerEnd = 'told';
    if (this.isSecuring()) {
      this.failTls({ reason: 'handshake', message: 'closed by the peer' });
      return;
    }
    this.handler!.onEnd(this);
    this.closeIfDone();
  }

  private show(bytes: Buffer): void {
    this.handler!.onData(this, bytes);
    // What is read in large pieces may be kept as it lies.
    if (bytes.length < lastingBytesMin) bytes.fill(poison);
  }

  private hasUnread(): boolean {
    return this.unread.length > 0 || this.decoded.length > 0;
  }

  /** A handler's pause does not stop a handshake. */
  private mayRead(): boolean {
    return !this.paused || this.isSecuring();
  }

  private isSecuring(): boolean {
    return (this.tls !== null && !this.tls.secured) || (this.expects !== null && this.tls === null);
  }

  private startTls(role: Role): void {
    const output = {
      send: (bytes: Buffer) => {
        this.queuedBytes += bytes.length;
        this.backlog.push(bytes);
        this.pump();
      },
      data: (bytes: Buffer) => void this.decoded.push(bytes),
      secured: (facts: SecureFacts) => this.secured(facts),
      refused: (refusal: TlsRefusal) => this.failTls(refusal),
    };
    this.tls = new MemoryTls(role, this.world.tls, output, () => this.world.clock.wall());
  }

  private secured(facts: SecureFacts): void {
    this.secure = facts;
    const early = this.early;
    this.early = [];
    for (const bytes of early) {
      this.queuedBytes -= bytes.length;
      const ending = this.ending;
      this.ending = false;
      this.enqueue(bytes);
      this.ending = ending;
    }
    this.defer();
    if (this.expects === null) this.handler?.onSecure?.(this);
    else this.handler?.onOpen(this);
  }

  private createTlsReset(): MeshError {
    return createTlsError(this.source, this.remote, { reason: 'handshake', message: 'closed by the peer' });
  }

  private failTls(refusal: TlsRefusal): void {
    this.out?.send('reset');
    this.close(createTlsError(this.source, this.remote, refusal));
  }

  /** A method, because callbacks change the state behind the type checker's back. */
  private isOpen(): boolean {
    return this.state === 'open';
  }

  private closeIfDone(): void {
    if (this.finSent && this.peerEnd === 'told' && this.isOpen()) this.close(null);
  }

  private close(error: MeshError | null): void {
    this.state = 'closed';
    this.closeError = error;
    this.backlog = [];
    this.unread = [];
    this.decoded = [];
    this.early = [];
    this.queuedBytes = 0;
    this.world.onClosed(this);
    this.defer();
  }

  private defer(): void {
    if (!this.turn.armed) this.world.clock.arm(this.turn, 0);
  }
}

const refusal = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });
