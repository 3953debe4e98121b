// One TCP or unix connection of Bun behind the Socket seam. What a handler call writes is gathered as one latin1 string and leaves in
// one system call when the call returns; large byte ranges are not gathered but handed through. Only what the kernel refuses is kept.

import type { ErrorSource, MeshError } from '../base/index.ts';
import { readOriginalDestination, readUnsentBytes } from './native/index.ts';
import {
  type Address,
  formatAddress,
  type Socket,
  type SocketHandler,
  socketQueueHighBytes,
  socketQueueLowBytes,
} from './network.ts';
import { createBrokenError, createConnectError, createResetError } from './system-errors.ts';
import { deferClose, deferFlush } from './turn.ts';

/** Byte ranges up to this size are joined with what was written before them; above it a copy costs more than a system call. */
const joinBytesMax = 16 * 1024;
/** Gathered bytes that are sent before the handler returns. */
const gatherBytesMax = 64 * 1024;

/** Bun's socket; its types do not know that `write` takes an encoding for strings. */
export type RawSocket = Bun.Socket<unknown> & { readonly fd?: number };
type Latin1Writer = { write(text: string, encoding: 'latin1'): number };

const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;

/** opening -> open -> closed, or opening -> closed. */
type State = 'opening' | 'open' | 'closed';

export class BunSocket implements Socket {
  readonly remote: Address;
  local: Address;
  queuedBytes = 0;
  /** Owned by turn.ts: whether this socket is in its list. */
  flushPending = false;
  readonly #source: ErrorSource;
  #handler: SocketHandler | null;
  #raw: RawSocket | null = null;
  #state: State = 'opening';
  /** Gathered during this turn; empty while `#kept` is not, so that order holds. */
  #text = '';
  /** Copies of what the kernel has not taken. */
  #kept: Uint8Array[] = [];
  #paused = false;
  /** Bytes that came although paused; delivered by `resume`. */
  #held: Uint8Array[] = [];
  #wantsDrain = false;
  #ending = false;
  #finSent = false;
  #peerEnded = false;
  #endBeforeClose = false;
  #closeError: MeshError | null = null;

  constructor(source: ErrorSource, remote: Address, local: Address, handler: SocketHandler | null) {
    this.#source = source;
    this.remote = remote;
    this.local = local;
    this.#handler = handler;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (length === 0 || this.#ending || this.#state === 'closed') return true;
    this.queuedBytes += length;
    if (this.#isBlocked()) this.#kept.push(bytes.slice(start, end));
    else if (length > joinBytesMax) this.#sendBytes(bytes, start, end);
    else this.#gather(latin1Slice.call(bytes, start, end));
    return this.#mayContinue();
  }

  writeLatin1(text: string): boolean {
    if (text.length === 0 || this.#ending || this.#state === 'closed') return true;
    this.queuedBytes += text.length;
    if (this.#isBlocked()) this.#kept.push(Buffer.from(text, 'latin1'));
    else this.#gather(text);
    return this.#mayContinue();
  }

  pause(): void {
    if (this.#paused || this.#state === 'closed') return;
    this.#paused = true;
    if (this.#state === 'open') this.#raw?.pause();
  }

  resume(): void {
    if (!this.#paused || this.#state === 'closed') return;
    this.#paused = false;
    if (this.#held.length > 0) deferFlush(this);
    else if (this.#state === 'open') this.#raw?.resume();
  }

  end(): void {
    if (this.#ending || this.#state === 'closed') return;
    this.#ending = true;
    deferFlush(this);
  }

  reset(): void {
    if (this.#state === 'closed') return;
    this.#close(createResetError(this.#source, this.remote));
    this.#raw?.terminate();
  }

  unsentBytes(): number {
    const descriptor = this.#state === 'open' ? (this.#raw?.fd ?? -1) : -1;
    return descriptor < 0 ? this.queuedBytes : this.queuedBytes + readUnsentBytes(descriptor);
  }

  originalDestination(): Address | null {
    const descriptor = this.#state === 'open' ? (this.#raw?.fd ?? -1) : -1;
    if (descriptor < 0 || this.local.kind !== 'ip' || this.#source !== 'downstream') return null;
    const found = readOriginalDestination(descriptor, this.local.host.includes(':'));
    return found === null || formatAddress(found) === formatAddress(this.local) ? null : found;
  }

  // From here on: called by bun-network.ts and turn.ts.

  /** The handler of an accepted connection is created from its socket, after it. */
  setHandler(handler: SocketHandler): void {
    this.#handler = handler;
  }

  get isOpening(): boolean {
    return this.#state === 'opening';
  }

  /** Its descriptor exists and its connect is under way; a reset from here on frees it at once. */
  dialled(raw: RawSocket): void {
    this.#raw = raw;
    if (this.#state === 'closed') raw.terminate();
  }

  /** False: it was reset while it was opening. */
  attach(raw: RawSocket, local: Address): boolean {
    this.#raw = raw;
    this.local = local;
    if (this.#state === 'closed') {
      raw.terminate();
      return false;
    }
    this.#state = 'open';
    if (this.#paused) raw.pause();
    if (this.queuedBytes > 0 || this.#ending) deferFlush(this);
    return true;
  }

  opened(): void {
    if (this.#state === 'open') this.#handler?.onOpen(this);
  }

  received(bytes: Uint8Array): void {
    if (this.#state === 'closed') return;
    // A reset makes Bun read what is left, paused or not, and a handler may pause in the middle of a burst.
    if (this.#paused || this.#held.length > 0) this.#held.push(bytes.slice());
    else this.#handler?.onData(this, bytes);
  }

  /** The kernel takes bytes again. Bun says so also when nobody waited. */
  drained(): void {
    if (this.#state !== 'open') return;
    this.#sendKept();
    this.#announceDrain();
  }

  peerEnded(): void {
    if (this.#state !== 'open' || this.#peerEnded) return;
    this.#peerEnded = true;
    if (this.#held.length === 0) this.#handler?.onEnd(this);
  }

  /**
   * Bun is done with the connection; `cause` is set when it broke. It says so also inside of our own calls to it, so the handler
   * is told later. With our FIN sent, Bun closes at the peer's FIN without telling of that first.
   */
  closed(cause: unknown): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'opening') {
      this.#close(createConnectError(this.remote, cause ?? 'closed'));
      return;
    }
    const orderly = (cause === undefined || cause === null) && this.#finSent;
    this.#endBeforeClose = orderly && !this.#peerEnded;
    this.#close(orderly ? null : createBrokenError(this.#source, this.remote, cause ?? 'closed'));
  }

  failed(error: MeshError): void {
    if (this.#state !== 'closed') this.#close(error);
  }

  deliverClose(): void {
    const handler = this.#handler;
    this.#handler = null;
    if (this.#endBeforeClose) handler?.onEnd(this);
    handler?.onClose(this, this.#closeError);
  }

  /** End of the turn: sends what was gathered, then FIN when asked for, then delivers what a pause held back. */
  flush(): void {
    this.flushPending = false;
    if (this.#state !== 'open') return;
    this.#sendKept();
    this.#sendText();
    this.#sendFin();
    this.#announceDrain();
    if (this.#held.length > 0 && !this.#paused) this.#deliverHeld();
  }

  #close(error: MeshError | null): void {
    this.#state = 'closed';
    this.#closeError = error;
    this.#text = '';
    this.#kept = [];
    this.#held = [];
    this.queuedBytes = 0;
    deferClose(this);
  }

  #isBlocked(): boolean {
    return this.#kept.length > 0 || this.#state === 'opening';
  }

  #mayContinue(): boolean {
    if (this.queuedBytes <= socketQueueHighBytes) return true;
    this.#wantsDrain = true;
    return false;
  }

  #gather(text: string): void {
    this.#text = this.#text === '' ? text : this.#text + text;
    if (this.#text.length > gatherBytesMax) this.#sendText();
    else if (!this.flushPending) deferFlush(this);
  }

  #sendText(): void {
    const text = this.#text;
    if (text === '') return;
    this.#text = '';
    const taken = Math.max((this.#raw as Latin1Writer | null)!.write(text, 'latin1'), 0);
    this.queuedBytes -= taken;
    if (taken < text.length) this.#kept.push(Buffer.from(text.slice(taken), 'latin1'));
  }

  #sendBytes(bytes: Uint8Array, start: number, end: number): void {
    this.#sendText();
    if (this.#kept.length === 0) {
      const taken = Math.max(this.#raw!.write(bytes, start, end - start), 0);
      this.queuedBytes -= taken;
      start += taken;
    }
    if (start < end) this.#kept.push(bytes.slice(start, end));
  }

  #sendKept(): void {
    while (this.#kept.length > 0 && this.#state === 'open') {
      const bytes = this.#kept[0]!;
      const taken = Math.max(this.#raw!.write(bytes), 0);
      this.queuedBytes -= taken;
      if (taken < bytes.length) {
        this.#kept[0] = bytes.subarray(taken);
        return;
      }
      this.#kept.shift();
    }
    this.#sendFin();
  }

  #sendFin(): void {
    if (!this.#ending || this.#finSent || this.queuedBytes > 0 || this.#state !== 'open') return;
    this.#finSent = true;
    this.#raw!.shutdown();
  }

  #announceDrain(): void {
    if (!this.#wantsDrain || this.queuedBytes >= socketQueueLowBytes || this.#state !== 'open') return;
    this.#wantsDrain = false;
    this.#handler?.onDrain(this);
  }

  #deliverHeld(): void {
    const held = this.#held;
    this.#held = [];
    for (let at = 0; at < held.length && this.#state === 'open'; at++) {
      if (this.#paused) {
        this.#held = held.slice(at);
        return;
      }
      this.#handler?.onData(this, held[at]!);
    }
    if (this.#state !== 'open') return;
    if (this.#peerEnded) this.#handler?.onEnd(this);
    if (!this.#paused) this.#raw!.resume();
  }
}
