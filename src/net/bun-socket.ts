// One TCP or unix connection of Bun behind the Socket seam. What a handler call writes is gathered (gathered.ts) and
// leaves in one system call when the call returns; large byte ranges are not gathered but handed through. Only what the
// kernel refuses is kept.

import { assert, type ErrorSource, type MeshError } from '../base/index.ts';
import { Gathered, type GatherTarget, gatherBytesMax } from './gathered.ts';
import { readOriginalDestination, readUnreadBytes, readUnsentBytes } from './native/index.ts';
import {
  type Address,
  formatAddress,
  type Socket,
  type SocketHandler,
  socketQueueHighBytes,
  socketQueueLowBytes,
  type TurnWriter,
} from './network.ts';
import {
  createBrokenError,
  createConnectError,
  createResetError,
  createTlsError,
  systemCodeOf,
} from './system-errors.ts';
import {
  describeFailure,
  enterGate,
  Handshake,
  type SecuredSocket,
  type SecureFacts,
  type TlsClient,
  type TlsRefusal,
  type TlsServer,
} from './tls/index.ts';
import { deferClose, deferFlush, deferGathered } from './turn.ts';

/**
 * Byte ranges up to this size are joined with what was written before them; above it a copy costs more than a system
 * call.
 */
const joinBytesMax = 16 * 1024;

/** Bun's socket; its types do not know that `write` takes an encoding for strings. */
export type RawSocket = Bun.Socket<unknown> & { readonly fd?: number };

/** Given by bun-network.ts, whose handlers a connection changes to when its TLS starts. */
type Upgrade = (raw: RawSocket, socket: BunSocket, handshake: Handshake, received: Uint8Array | null) => void;

/** opening -> open -> closed, or opening -> closed. */
type State = 'opening' | 'open' | 'closed';

export class BunSocket implements Socket {
  readonly remote: Address;
  local: Address;
  queuedBytes = 0;
  /** Owned by turn.ts: whether this socket is in its list. */
  flushPending = false;
  private readonly source: ErrorSource;
  private readonly startTls: Upgrade;
  private handler: SocketHandler | null;
  private raw: RawSocket | null = null;
  private state: State = 'opening';
  /** During this turn; empty while `kept` is not, so that order holds. */
  private readonly gathered = new Gathered();
  /** Copies of what the kernel has not taken. */
  private kept: Uint8Array[] = [];
  private paused = false;
  /** Bytes that came although paused; delivered by `resume`. */
  private held: Uint8Array[] = [];
  private wantsDrain = false;
  private writer: TurnWriter | null = null;
  private ending = false;
  private finSent = false;
  private sawEnd = false;
  private endBeforeClose = false;
  private closeError: MeshError | null = null;
  /** Set from the start of TLS until its verdict; nothing is sent meanwhile. */
  private handshake: Handshake | null = null;
  /** What the engine said before it closed: an alert of the peer's. */
  private alert: Error | null = null;
  private heard = false;
  private sessions: TlsClient['sessions'] = null;
  secure: SecureFacts | null = null;

  constructor(
    source: ErrorSource,
    remote: Address,
    local: Address,
    handler: SocketHandler | null,
    upgrade: Upgrade,
  ) {
    this.source = source;
    this.startTls = upgrade;
    this.remote = remote;
    this.local = local;
    this.handler = handler;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length === 0 || this.ending || this.state === 'closed') return true;
    this.queuedBytes += length;
    if (length <= joinBytesMax) this.makeRoom(length);
    if (this.isBlocked()) this.kept.push(copyOf(bytes, start, end));
    else if (length > joinBytesMax) this.sendBytes(bytes, start, end);
    else {
      this.gathered.addBytes(bytes, start, end);
      if (!this.flushPending) deferFlush(this);
    }
    return this.mayContinue();
  }

  send(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length === 0 || this.ending || this.state === 'closed') return true;
    this.queuedBytes += length;
    if (this.isBlocked()) this.kept.push(copyOf(bytes, start, end));
    else this.sendBytes(bytes, start, end);
    return this.mayContinue();
  }

  writeLatin1(text: string): boolean {
    if (text.length === 0 || this.ending || this.state === 'closed') return true;
    this.queuedBytes += text.length;
    this.makeRoom(text.length);
    if (this.isBlocked()) this.kept.push(Buffer.from(text, 'latin1'));
    else if (text.length > gatherBytesMax) this.sendBytes(Buffer.from(text, 'latin1'), 0, text.length);
    else {
      this.gathered.addText(text);
      if (!this.flushPending) deferFlush(this);
    }
    return this.mayContinue();
  }

  flushLater(writer: TurnWriter): void {
    if (this.state === 'closed') return;
    this.writer = writer;
    if (!this.flushPending) deferGathered(this);
  }

  pause(): void {
    if (this.paused || this.state === 'closed') return;
    this.paused = true;
    if (this.state === 'open') this.raw?.pause();
  }

  resume(): void {
    if (!this.paused || this.state === 'closed') return;
    this.paused = false;
    if (this.held.length > 0) deferFlush(this);
    else if (this.state === 'open') this.raw?.resume();
  }

  setHandler(handler: SocketHandler): void {
    if (this.state !== 'closed') this.handler = handler;
  }

  startTlsServer(server: TlsServer, received: Uint8Array): void {
    const handshake = new Handshake({ side: 'server', server });
    if (!this.beginTls(handshake)) return;
    this.held.push(copyOf(received, 0, received.length));
    const entered = enterGate(this);
    if (entered === true) this.beginHandshake();
    // What follows a ClientHello while it waits its turn stays with the kernel.
    else if (entered === false) this.raw?.pause();
    else if (entered === null) this.failTls({ reason: 'handshake', message: 'too many handshakes wait' });
  }

  startTlsClient(client: TlsClient): void {
    const handshake = new Handshake({ side: 'client', client });
    if (this.beginTls(handshake)) this.upgrade(handshake, null);
  }

  end(): void {
    if (this.ending || this.state === 'closed') return;
    this.ending = true;
    deferFlush(this);
  }

  reset(): void {
    if (this.state === 'closed') return;
    this.close(createResetError(this.source, this.remote));
    this.raw?.terminate();
  }

  release(): void {
    if (this.state !== 'open' || !this.finSent) {
      this.reset();
      return;
    }
    const raw = this.raw;
    this.close(null);
    raw?.end();
  }

  unsentBytes(): number {
    const descriptor = this.state === 'open' ? (this.raw?.fd ?? -1) : -1;
    return descriptor < 0 ? this.queuedBytes : this.queuedBytes + readUnsentBytes(descriptor);
  }

  unreadBytes(): number {
    const descriptor = this.state === 'open' ? (this.raw?.fd ?? -1) : -1;
    return this.held.length > 0 ? 1 : descriptor < 0 ? 0 : readUnreadBytes(descriptor);
  }

  originalDestination(): Address | null {
    const descriptor = this.state === 'open' ? (this.raw?.fd ?? -1) : -1;
    if (descriptor < 0 || this.local.kind !== 'ip' || this.source !== 'downstream') return null;
    const found = readOriginalDestination(descriptor, this.local.host.includes(':'));
    return found === null || formatAddress(found) === formatAddress(this.local) ? null : found;
  }

  // From here on: called by bun-network.ts and turn.ts.

  /** The gate lets it in: its handshake may take its share of this turn. */
  beginHandshake(): void {
    if (this.state !== 'open' || this.handshake === null) return;
    const received = Buffer.concat(this.held);
    this.held = [];
    this.raw?.resume();
    this.upgrade(this.handshake, received);
  }

  /** Dialled with TLS from the start. */
  expectHandshake(handshake: Handshake): void {
    this.handshake = handshake;
  }

  /** The engine has taken over; `raw` carries what is inside of the TLS. */
  securing(raw: RawSocket): void {
    const session = this.handshake?.sessions?.take() ?? null;
    this.raw = raw;
    if (this.state === 'closed') raw.terminate();
    else if (session !== null) raw.setSession(session);
  }

  handshaken(raw: RawSocket, ok: boolean, error: Error | null, local: Address | null): void {
    const handshake = this.handshake;
    if (this.state === 'closed' || handshake === null) return;
    const verdict = handshake.judge(raw as unknown as SecuredSocket, ok, error);
    if (!verdict.ok) {
      this.failTls(verdict.refusal);
      return;
    }
    this.handshake = null;
    this.sessions = handshake.sessions;
    this.secure = verdict.facts;
    if (this.state === 'opening') {
      this.attach(raw, local ?? this.remote);
      this.opened();
      return;
    }
    if (this.paused) raw.pause();
    this.handler?.onSecure?.(this);
    if (this.queuedBytes > 0 || this.ending || this.writer !== null) deferFlush(this);
  }

  /** Comes when the server has sent one, any time after the handshake. */
  sessionCame(session: Uint8Array): void {
    (this.sessions ?? this.handshake?.sessions)?.put(session);
  }

  /** An alert of the peer's, or an error of the engine; the close follows. */
  alerted(error: Error): void {
    this.alert = error;
  }

  get isOpening(): boolean {
    return this.state === 'opening';
  }

  /** Its descriptor exists and its connect is under way; a reset from here on frees it at once. */
  dialled(raw: RawSocket): void {
    this.raw = raw;
    if (this.state === 'closed') raw.terminate();
  }

  /** False: it was reset while it was opening. */
  attach(raw: RawSocket, local: Address): boolean {
    this.raw = raw;
    this.local = local;
    if (this.state === 'closed') {
      raw.terminate();
      return false;
    }
    this.state = 'open';
    if (this.paused) raw.pause();
    if (this.queuedBytes > 0 || this.ending || this.writer !== null) deferFlush(this);
    return true;
  }

  opened(): void {
    if (this.writer !== null && !this.flushPending) deferFlush(this);
    if (this.state === 'open') this.handler?.onOpen(this);
  }

  received(bytes: Uint8Array): void {
    if (this.state === 'closed') return;
    this.heard = true;
    // A reset makes Bun read what is left, paused or not, and a handler may pause in the middle of a burst.
    if (this.paused || this.held.length > 0 || this.handshake !== null)
      this.held.push(copyOf(bytes, 0, bytes.length));
    else this.handler?.onData(this, bytes);
  }

  /** The kernel takes bytes again. Bun says so also when nobody waited. */
  drained(): void {
    if (this.state !== 'open' || this.handshake !== null) return;
    this.sendKept();
    this.announceDrain();
  }

  peerEnded(): void {
    if (this.handshake !== null && this.state !== 'closed') {
      this.failTls(describeFailure(this.alert));
      return;
    }
    if (this.state !== 'open' || this.sawEnd) return;
    this.sawEnd = true;
    if (this.held.length === 0) this.handler?.onEnd(this);
  }

  /**
   * Bun is done with the connection; `cause` is set when it broke. It says so also inside of our own calls to it, so
   * the handler is told later. With our FIN sent, Bun closes at the peer's FIN without telling of that first.
   */
  closed(cause: unknown): void {
    if (this.state === 'closed') return;
    if (this.handshake !== null && !this.isConnectFault(cause)) {
      this.close(createTlsError(this.source, this.remote, describeFailure(this.alert ?? cause)));
      return;
    }
    if (this.state === 'opening') {
      this.close(createConnectError(this.remote, cause ?? 'closed'));
      return;
    }
    // With TLS 1.3 a client is done before the server has judged it: an alert in place of the first answer is that
    // verdict.
    if (this.alert !== null && !this.heard) {
      this.close(createTlsError(this.source, this.remote, describeFailure(this.alert)));
      return;
    }
    const orderly = (cause === undefined || cause === null) && this.finSent;
    this.endBeforeClose = orderly && !this.sawEnd;
    this.close(orderly ? null : createBrokenError(this.source, this.remote, cause ?? this.alert ?? 'closed'));
  }

  failed(error: MeshError): void {
    if (this.state !== 'closed') this.close(error);
  }

  deliverClose(): void {
    const handler = this.handler;
    this.handler = null;
    if (this.endBeforeClose) handler?.onEnd(this);
    handler?.onClose(this, this.closeError);
  }

  /** End of the turn: sends what was gathered, then FIN when asked for, then delivers what a pause held back. */
  flush(): void {
    this.flushPending = false;
    if (this.state !== 'open' || this.handshake !== null) return;
    this.gatherLast();
    this.sendKept();
    this.sendGathered();
    this.sendFin();
    this.announceDrain();
    if (this.held.length > 0 && !this.paused) this.deliverHeld();
  }

  /** False: there is nobody to talk TLS with. What was written before goes out in the clear first. */
  private beginTls(handshake: Handshake): boolean {
    if (this.state === 'closed') return false;
    assert(
      this.state === 'open' && this.handshake === null && this.secure === null,
      'TLS starts once, on an open connection',
    );
    this.sendGathered();
    this.handshake = handshake;
    if (this.queuedBytes === 0 && !this.ending) return true;
    this.failTls({ reason: 'handshake', message: 'bytes in the clear were still queued' });
    return false;
  }

  private upgrade(handshake: Handshake, received: Uint8Array | null): void {
    const raw = this.raw;
    if (raw === null) return;
    this.startTls(raw, this, handshake, received);
  }

  private failTls(refusal: TlsRefusal): void {
    this.close(createTlsError(this.source, this.remote, refusal));
    this.raw?.terminate();
  }

  /** The peer was never reached, so TLS is not to blame. */
  private isConnectFault(cause: unknown): boolean {
    const code = systemCodeOf(cause);
    return this.state === 'opening' && code !== '' && code !== 'ECONNRESET' && code !== 'EPROTO';
  }

  private close(error: MeshError | null): void {
    this.state = 'closed';
    this.closeError = error;
    this.gathered.drop();
    this.kept = [];
    this.held = [];
    this.writer = null;
    this.queuedBytes = 0;
    deferClose(this);
  }

  private gatherLast(): void {
    const writer = this.writer;
    this.writer = null;
    writer?.onTurnEnd();
  }

  private isBlocked(): boolean {
    return this.kept.length > 0 || this.state === 'opening' || this.handshake !== null;
  }

  private mayContinue(): boolean {
    if (this.queuedBytes <= socketQueueHighBytes) return true;
    this.wantsDrain = true;
    return false;
  }

  private makeRoom(count: number): void {
    if (this.gathered.isFull(count)) this.sendGathered();
  }

  private sendGathered(): void {
    const { gathered } = this;
    if (gathered.isEmpty) return;
    const before = gathered.size;
    const rest = gathered.sendTo(this.raw as unknown as GatherTarget);
    this.queuedBytes -= before - (rest === null ? 0 : rest.length);
    if (rest !== null) this.kept.push(rest);
  }

  private sendBytes(bytes: Uint8Array, start: number, end: number): void {
    this.sendGathered();
    if (this.kept.length === 0) {
      const taken = Math.max(this.raw!.write(bytes, start, end - start), 0);
      this.queuedBytes -= taken;
      start += taken;
    }
    if (start < end) this.kept.push(copyOf(bytes, start, end));
  }

  private sendKept(): void {
    while (this.kept.length > 0 && this.state === 'open') {
      const bytes = this.kept[0]!;
      const taken = Math.max(this.raw!.write(bytes), 0);
      this.queuedBytes -= taken;
      if (taken < bytes.length) {
        this.kept[0] = bytes.subarray(taken);
        return;
      }
      this.kept.shift();
    }
    this.sendFin();
  }

  private sendFin(): void {
    if (!this.ending || this.finSent || this.queuedBytes > 0 || this.state !== 'open') return;
    this.finSent = true;
    this.raw!.shutdown();
  }

  private announceDrain(): void {
    if (!this.wantsDrain || this.queuedBytes >= socketQueueLowBytes || this.state !== 'open') return;
    this.wantsDrain = false;
    this.handler?.onDrain(this);
  }

  private deliverHeld(): void {
    const held = this.held;
    this.held = [];
    for (let at = 0; at < held.length && this.state === 'open'; at++) {
      if (this.paused) {
        this.held = held.slice(at);
        return;
      }
      this.handler?.onData(this, held[at]!);
    }
    if (this.state !== 'open') return;
    if (this.sawEnd) this.handler?.onEnd(this);
    if (!this.paused) this.raw!.resume();
  }
}

/** Bun hands out Buffers, whose own `slice` is a view. */
function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(bytes.subarray(start, end));
  return copy;
}
