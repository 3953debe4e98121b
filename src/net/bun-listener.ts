// Listening over Bun: on a descriptor of its own, of ours where more is asked for, or of a predecessor. Suspended, it
// keeps the descriptor and leaves those who come to the kernel's queue.

import { type Libc, openListening } from './native/index.ts';
import { type Address, formatAddress, type Listener, type ListenOptions } from './network.ts';
import { createListenError } from './system-errors.ts';

/** By formatted address: as many as there were threads that listened there. */
export type InheritedDescriptors = Map<string, readonly number[]>;

/** What of a predecessor's is for one thread of this process: every queue is somebody's, and everybody has one. */
export function shareDescriptors(
  inherited: InheritedDescriptors,
  thread: number,
  threads: number,
): InheritedDescriptors {
  return new Map(
    [...inherited].map(([address, all]) => {
      const own = all.filter((_, at) => at % threads === thread);
      return [address, own.length > 0 ? own : all.slice(thread % all.length).slice(0, 1)];
    }),
  );
}

/** What hangs on an accepted socket until it is opened. */
export interface Acceptor {
  readonly accept: ListenOptions['accept'];
  address: Address;
}

const openListeners = new Set<OpenListener>();

export interface OpenListener {
  readonly address: Address;
  readonly descriptor: number;
}

/** The listeners of this process that a successor can take over. */
export function listOpenListeners(): readonly OpenListener[] {
  return [...openListeners];
}

/** Copies, so that listening in vain, or for a moment, leaves them to the next. */
export function inheritedFrom(
  system: Libc | null,
  inherited: InheritedDescriptors,
  address: Address,
): readonly number[] {
  if (system === null) return [];
  const copies = (inherited.get(formatAddress(address)) ?? []).map((descriptor) => system.dup(descriptor));
  return copies.filter((copy) => copy >= 0);
}

/** Of the network that listens. */
export interface ListenBy {
  readonly system: Libc | null;
  readonly handlers: Bun.SocketHandler<unknown>;
  /** A successor may take it over. */
  readonly handsOver: boolean;
}

/** A predecessor of more threads leaves more queues than one. */
export function listenAtAll(options: ListenOptions, inherited: readonly number[], by: ListenBy): Listener {
  const [first = null, ...further] = inherited;
  const listener = listen(options, first, by);
  if (further.length === 0) return listener;
  const all = [listener, ...further.map((fd) => listen(options, fd, by))];
  return {
    address: listener.address,
    suspend() {
      for (const one of all) one.suspend();
    },
    resume() {
      for (const one of all) one.resume();
    },
    close() {
      for (const one of all) one.close();
    },
  };
}

function listen(options: ListenOptions, fd: number | null, by: ListenBy): Listener {
  const acceptor = { accept: options.accept, address: options.address };
  try {
    return new BunListener(acceptor, options, fd, by);
  } catch (cause) {
    throw createListenError(options.address, cause);
  }
}

class BunListener implements Listener {
  readonly address: Address;
  private readonly acceptor: Acceptor;
  private readonly system: Libc | null;
  private readonly handlers: Bun.SocketHandler<unknown>;
  private readonly entry: { readonly address: Address; descriptor: number };
  /** Null while suspended: then the entry's descriptor is ours, and the kernel's queue fills. */
  private raw: Bun.TCPSocketListener<unknown> | null;
  private closed = false;
  private readonly backlog: number | null;

  constructor(
    acceptor: Acceptor,
    options: ListenOptions,
    fd: number | null,
    { system, handlers, handsOver }: ListenBy,
  ) {
    this.acceptor = acceptor;
    this.system = system;
    this.handlers = handlers;
    const own = fd === null ? openOwn(options, system) : { descriptor: fd, address: options.address };
    const { backlog = null } = options.socket ?? {};
    const raw = open(acceptor, handlers, own === null ? place(options) : { fd: own.descriptor });
    const { address } = options;
    if (own !== null) acceptor.address = own.address;
    else if (address.kind === 'ip') acceptor.address = { ...address, port: raw.port };
    this.raw = raw;
    this.address = acceptor.address;
    this.entry = { address: acceptor.address, descriptor: own?.descriptor ?? descriptorOf(raw) };
    if (handsOver && this.entry.descriptor >= 0) openListeners.add(this.entry);
    this.backlog = backlog;
    this.setBacklog();
  }

  suspend(): void {
    const copy = this.raw === null ? -1 : (this.system?.dup(this.entry.descriptor) ?? -1);
    if (copy < 0) return;
    this.raw?.stop();
    this.raw = null;
    this.entry.descriptor = copy;
  }

  resume(): void {
    if (this.raw !== null || this.closed) return;
    this.raw = open(this.acceptor, this.handlers, { fd: this.entry.descriptor });
    this.setBacklog();
  }

  /** Bun listens with a length of its own; the last word counts. */
  private setBacklog(): void {
    if (this.backlog !== null) this.system?.listen(this.entry.descriptor, this.backlog);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    openListeners.delete(this.entry);
    if (this.raw === null) this.system?.close(this.entry.descriptor);
    else this.raw.stop();
  }
}

function open(
  acceptor: Acceptor,
  handlers: Bun.SocketHandler<unknown>,
  at: object,
): Bun.TCPSocketListener<unknown> {
  const common = { socket: handlers, data: acceptor as unknown, allowHalfOpen: true };
  return Bun.listen<unknown>({ ...common, ...at } as Bun.TCPSocketListenOptions<unknown>);
}

function descriptorOf(raw: object): number {
  return (raw as { readonly fd?: number }).fd ?? -1;
}

/** Null: Bun's own will do. */
function openOwn(
  { address, reusePort = false, socket = null }: ListenOptions,
  system: Libc | null,
): { readonly descriptor: number; readonly address: Address } | null {
  if (socket === null) return null;
  // What cannot be done here is not left out silently.
  if (system === null) throw new Error('socket options are supported on Linux only');
  const opened = openListening(system, address, socket, reusePort);
  if (opened instanceof Error) throw opened;
  return opened;
}

/** What Bun is told of the place; `reusePort` is missing from its types. */
function place({ address, reusePort = false }: ListenOptions): object {
  if (address.kind === 'unix') return { unix: address.path };
  // The kernel spreads connections over all listeners that set it.
  return { hostname: address.host, port: address.port, reusePort };
}
