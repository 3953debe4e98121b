// The Network seam: what the mesh needs of sockets and nothing more. Two implementations, Bun's sockets
// (bun-network.ts) and a simulated one (memory-network.ts), pass one shared suite (network-suite.ts). Handlers are
// objects with methods, so a socket costs no closures.

import type { MeshError, Result } from '../base/index.ts';
import type { SecureFacts, TlsClient, TlsContext, TlsContextOptions, TlsServer } from './tls/index.ts';

/**
 * Where to listen or connect: an IP literal with a port, or a unix socket's path. Names are resolved before
 * (resolver.ts).
 */
export type Address =
  | { readonly kind: 'ip'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** A connection in either direction. Not usable after `onClose`. */
export interface Socket {
  /** The peer; for an unopened outgoing connection the address dialled. */
  readonly remote: Address;
  readonly local: Address;
  /** What its TLS has established; null while it is plain. */
  readonly secure: SecureFacts | null;
  /** Bytes taken by `write*` that the kernel has not taken yet. */
  readonly queuedBytes: number;
  /**
   * Those, and what the kernel has taken and the peer's has not: 0 means that all that was written has arrived. A
   * system call; meant for the end of a connection, not for every write.
   */
  unsentBytes(): number;
  /** Bytes that have come and that nobody has read yet. A system call; for who is about to call a connection idle. */
  unreadBytes(): number;
  /**
   * Where an accepted connection was going before it was redirected to this listener; null when it came here by itself.
   */
  originalDestination(): Address | null;
  /** From now on this one is called: what looked at the first bytes hands the connection over to who serves it. */
  setHandler(handler: SocketHandler): void;
  /**
   * What follows on this open connection is TLS: `received` are its first bytes, if they have been read already, and
   * what is written from here on waits. `onSecure` follows, or `onClose` with `tls-failed` and a {@link TlsRefusal} as
   * its cause.
   */
  startTlsServer(server: TlsServer, received: Uint8Array): void;
  startTlsClient(client: TlsClient): void;
  /**
   * Takes all of `bytes[start, end)` and copies what it cannot send at once. Writes made during one handler call leave
   * together when that call returns, so a head and its body cost one system call. Returns false when the queue is above
   * its high-water mark ({@link socketQueueHighBytes}): the writer must then stop its source until `onDrain`.
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /**
   * The same for who has all that it will say for now: these bytes leave at once, behind what was written before, and
   * are spared the copy that joins them with others.
   */
  send(bytes: Uint8Array, start: number, end: number): boolean;
  /** The same as `write` for a string in which every code unit is one byte (latin1). The fast way out for heads. */
  writeLatin1(text: string): boolean;
  /**
   * Calls `writer.onTurnEnd()` once, when the handler call under way returns, or a little later, when the other sockets
   * that have something to say had their turn too; and before what was written leaves. For a writer that gathers what
   * many write into one piece. A socket has one such writer.
   */
  flushLater(writer: TurnWriter): void;
  /**
   * Stops `onData`; the kernel's receive window then holds the peer back. A closing peer may go unnoticed until
   * `resume`.
   */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then FIN. Data may still arrive until the peer ends too. Idempotent. */
  end(): void;
  /** Drops what is queued and sends RST. `onClose` follows. Idempotent. */
  reset(): void;
  /**
   * Lets go of a connection whose FIN was sent: what the peer has not read yet stays readable, as it would not after
   * `reset`, and what it still sends is answered with RST. Before the FIN was sent this is `reset`. `onClose` follows,
   * without an error.
   */
  release(): void;
}

/** See {@link Socket.flushLater}; the same as in wire/stream.ts. */
export interface TurnWriter {
  onTurnEnd(): void;
}

/**
 * What a connection's owner implements. Nothing is called after `onClose`, nor synchronously inside `connect` or
 * `write`.
 */
export interface SocketHandler {
  /**
   * Accepted, or connected (and secure, when that was asked for). Comes first; never for a connection that failed to
   * open.
   */
  onOpen(socket: Socket): void;
  /** The TLS that was started on this open connection is established: {@link Socket.secure} tells what it proved. */
  onSecure?(socket: Socket): void;
  /**
   * Bytes came. What is kept of them must be copied, unless it is a range of `lastingBytesMin` or more, which is not
   * written to again.
   */
  onData(socket: Socket, bytes: Uint8Array): void;
  /** The queue fell below {@link socketQueueLowBytes} after a write returned false. */
  onDrain(socket: Socket): void;
  /** The peer sent FIN; writing may go on. */
  onEnd(socket: Socket): void;
  /**
   * Over. `error` is null after an orderly end on both sides; exactly one call per socket, also for a failed connect.
   */
  onClose(socket: Socket, error: MeshError | null): void;
}

export interface ListenOptions {
  readonly address: Address;
  /** Lets several processes or threads share the port (SO_REUSEPORT). */
  readonly reusePort?: boolean;
  /** What the listening socket is to have beyond an address; null: what the system gives. */
  readonly socket?: ListenSocketOptions | null;
  /** Creates the handler of an accepted connection. */
  readonly accept: (socket: Socket) => SocketHandler;
}

/** Of a listening socket, by Linux; null leaves a value to the system. */
export interface ListenSocketOptions {
  /** `::` takes no IPv4 (IPV6_V6ONLY). */
  readonly ipv6Only: boolean;
  /** Connections that wait to be accepted. */
  readonly backlog: number | null;
  /** May be an address that the machine does not have (IP_FREEBIND). */
  readonly freebind: boolean;
  /** Takes connections to other machines' addresses that routing leads here (IP_TRANSPARENT). */
  readonly transparent: boolean;
  readonly fastOpenQueue: number | null;
  /** Clients may use several paths at once (MPTCP, RFC 8684). */
  readonly multipath: boolean;
  /** Of a unix socket's file. */
  readonly mode: number | null;
  readonly options: readonly SocketOption[];
}

/** One call of setsockopt(2), and when: before bind, after it, or once it listens. */
export interface SocketOption {
  readonly level: number;
  readonly name: number;
  readonly value: number | Uint8Array;
  readonly state: 'prebind' | 'bound' | 'listening';
}

export interface Listener {
  /** The bound address, with the real port when 0 was asked for. */
  readonly address: Address;
  /**
   * Leaves new connections in the kernel's queue until `resume`. Where that cannot be done they are accepted as before.
   */
  suspend(): void;
  resume(): void;
  /** Stops accepting; open connections stay. Idempotent. */
  close(): void;
}

export interface ConnectOptions {
  /** Opens when its handshake is done and the peer is accepted. */
  readonly tls?: TlsClient | null;
  /** Bound before connecting; port 0 lets the kernel choose. */
  readonly source?: Address | null;
  readonly keepAlive?: KeepAlive | null;
  /** Unacknowledged for so long, the connection ends (TCP_USER_TIMEOUT). */
  readonly userTimeoutMs?: number | null;
  /** For routing and filter rules (SO_MARK); needs the right to. */
  readonly mark?: number | null;
  /** Sent first, in the clear, before TLS begins. */
  readonly preface?: Uint8Array | null;
  /** Set before the others; none listens. */
  readonly options?: readonly SocketOption[];
}

/** Null leaves a value to the system. */
export interface KeepAlive {
  readonly idleSeconds: number | null;
  readonly intervalSeconds: number | null;
  readonly probes: number | null;
}

export interface Network {
  /** Throws a MeshError-carrying `ListenError` when the address cannot be bound. */
  listen(options: ListenOptions): Listener;
  /**
   * Starts connecting; the outcome is `onOpen` or `onClose`. The connect timeout is the caller's (reset the socket).
   */
  connect(address: Address, handler: SocketHandler, options?: ConnectOptions): Socket;
  /** Fails with what is wrong with the certificates or parameters. */
  createTlsContext(options: TlsContextOptions): Result<TlsContext, string>;
}

/** Thrown by {@link Network.listen}: the message names the address and the reason. */
export class ListenError extends Error {
  readonly code: 'in-use' | 'not-permitted' | 'not-available' | 'failed';
  constructor(code: ListenError['code'], message: string) {
    super(message);
    this.name = 'ListenError';
    this.code = code;
  }
}

/** Above this many queued bytes `write` asks its caller to stop. */
export const socketQueueHighBytes = 256 * 1024;
/** Below this many, `onDrain` tells it to go on. */
export const socketQueueLowBytes = 64 * 1024;

/** Nobody but this machine can be behind it. */
export function isLoopback(address: Address): boolean {
  if (address.kind === 'unix') return true;
  return address.host.startsWith('127.') || address.host === '::1';
}

export function formatAddress(address: Address): string {
  // An abstract name begins with a zero byte, which people write as an at-sign.
  if (address.kind === 'unix') return `unix:${address.path.replace('\0', '@')}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
