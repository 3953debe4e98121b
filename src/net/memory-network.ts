// A network inside one process and in virtual time, for tests and the simulator: delay, loss, bandwidth, resets,
// partitions and crashes, drawn from one seeded generator, so that the same seed gives the same run. A host is an IP
// address, also one like 127.0.1.5; the processes on it share its loopback 127.0.0.1 (a sidecar and its application),
// and each can crash alone.

import { assert, type Clock, type Random } from '../base/index.ts';
import { type LinkConditions, MemoryPipe, type PipeWorld, type SegmentKind } from './memory-pipe.ts';
import { MemorySocket, type SocketWorld } from './memory-socket.ts';
import {
  type Address,
  type ConnectOptions,
  formatAddress,
  ListenError,
  type Listener,
  type ListenOptions,
  type Network,
  type Socket,
  type SocketHandler,
} from './network.ts';
import { withPreface } from './preface.ts';
import { createMemoryTlsContext, MemoryTlsWorld } from './tls/index.ts';

export interface MemoryNetworkOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Between hosts, where nothing more special is set. */
  readonly conditions?: Partial<LinkConditions>;
  /** Sees every segment at its arrival: the simulator's trace. */
  readonly observer?: MemoryNetworkObserver;
}

export interface MemoryNetworkObserver {
  onSegment(kind: SegmentKind, from: Address, to: Address, bytes: number): void;
}

/** One process of a host, as its own Network. */
export interface MemoryProcess extends Network {
  readonly name: string;
  readonly host: string;
  /**
   * Connections that its host makes or receives to `address` reach `target` on the host instead, and know where they
   * were going: what iptables does for a sidecar. Not for those of the redirecting process itself.
   */
  redirect(address: Address, target: Address): void;
  /**
   * Crashes it: listeners go, every connection is reset towards its peer, and its own handlers hear nothing any more.
   */
  kill(): void;
}

/**
 * Used as a Network it is the process `local` on 127.0.0.1, to which all addresses belong that no other process's host
 * has.
 */
export interface MemoryNetwork extends MemoryProcess {
  createProcess(name: string, host: string): MemoryProcess;
  /** Both ways. Overrides what was set for the pair before; set {} to return to the default. */
  setConditions(hostA: string, hostB: string, conditions: Partial<LinkConditions>): void;
  /** Nothing passes between the two, connections included, until {@link heal}. */
  partition(hostA: string, hostB: string): void;
  heal(hostA: string, hostB: string): void;
}

const defaultConditions: LinkConditions = {
  latencyMs: 0.5,
  jitterMs: 0,
  lossShare: 0,
  retransmitMs: 200,
  resetShare: 0,
  splitShare: 0,
  bandwidth: Infinity,
};

/** Within a host nothing is lost. */
const loopbackConditions: LinkConditions = { ...defaultConditions, latencyMs: 0.05 };
const localHost = '127.0.0.1';
const firstEphemeralPort = 32_768;

export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  const world = new World(options);
  const local = new Process(world, 'local', localHost);
  return {
    name: local.name,
    host: local.host,
    listen: (listenOptions) => local.listen(listenOptions),
    connect: (address, handler, connectOptions) => local.connect(address, handler, connectOptions),
    createTlsContext: createMemoryTlsContext,
    redirect: (address, target) => local.redirect(address, target),
    kill: () => local.kill(),
    createProcess: (name, host) => world.createProcess(name, host),
    setConditions: (hostA, hostB, conditions) => world.setConditions(hostA, hostB, conditions),
    partition: (hostA, hostB) => world.partition(hostA, hostB),
    heal: (hostA, hostB) => world.heal(hostA, hostB),
  };
}

class Process implements MemoryProcess {
  readonly createTlsContext = createMemoryTlsContext;
  readonly name: string;
  readonly host: string;
  readonly sockets = new Set<MemorySocket>();
  private readonly world: World;
  private alive = true;

  constructor(world: World, name: string, host: string) {
    this.world = world;
    this.name = name;
    this.host = host;
  }

  listen(options: ListenOptions): Listener {
    return this.world.listen(this, options);
  }

  connect(address: Address, handler: SocketHandler, options: ConnectOptions = {}): Socket {
    assert(this.alive, `${this.name} runs`);
    return this.world.connect(this, address, handler, options);
  }

  redirect(address: Address, target: Address): void {
    this.world.redirect(this, address, target);
  }

  kill(): void {
    this.alive = false;
    this.world.unbindAll(this);
    for (const socket of this.sockets) socket.kill();
    this.sockets.clear();
  }
}

interface Bound {
  /** Who waits while it is suspended; null: nobody has to. */
  queue: MemorySocket[] | null;
  readonly owner: Process;
  readonly address: Address;
  readonly accept: ListenOptions['accept'];
}

/** Where a waiting end was dialled, and whose it is. */
interface EndState {
  readonly target: string;
  /** Where it was going before a redirection, or null. */
  readonly original: Address | null;
  owner: Process | null;
}

class World implements PipeWorld, SocketWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly tls = new MemoryTlsWorld();
  private readonly observer: MemoryNetworkObserver | null;
  private readonly between: LinkConditions;
  private readonly special = new Map<string, LinkConditions>();
  private readonly hosts = new Set<string>([localHost]);
  /** By {@link keyOf}; SO_REUSEPORT listeners share an entry and take turns. */
  private readonly bound = new Map<string, Bound[]>();
  private readonly ends = new Map<MemorySocket, EndState>();
  /** By host and formatted address. */
  private readonly redirections = new Map<string, { owner: Process; target: Address }>();
  private readonly cut = new Map<string, Set<MemoryPipe>>();
  private nextPort = firstEphemeralPort;

  constructor(options: MemoryNetworkOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.observer = options.observer ?? null;
    this.between = { ...defaultConditions, ...options.conditions };
  }

  createProcess(name: string, host: string): MemoryProcess {
    this.hosts.add(host);
    return new Process(this, name, host);
  }

  listen(owner: Process, options: ListenOptions): Listener {
    const { address: asked } = options;
    const address = asked.kind === 'ip' && asked.port === 0 ? { ...asked, port: this.nextPort++ } : asked;
    const key = keyOf(owner.host, address);
    const others = this.bound.get(key) ?? [];
    if (others.length > 0 && options.reusePort !== true)
      throw new ListenError('in-use', `listen ${formatAddress(address)}: in use`);
    const bound: Bound = { owner, address, accept: options.accept, queue: null };
    this.bound.set(key, [...others, bound]);
    return {
      address,
      suspend: () => {
        bound.queue ??= [];
      },
      resume: () => {
        const queue = bound.queue ?? [];
        bound.queue = null;
        for (const socket of queue) socket.acceptNow();
      },
      close: () => this.unbind(key, bound),
    };
  }

  redirect(owner: Process, address: Address, target: Address): void {
    this.redirections.set(`${owner.host} ${formatAddress(address)}`, { owner, target });
  }

  originalDestination(socket: MemorySocket): Address | null {
    return this.ends.get(socket)?.original ?? null;
  }

  connect(owner: Process, dialled: Address, handler: SocketHandler, options: ConnectOptions): Socket {
    const { preface = null } = options;
    if (preface !== null) return this.connect(owner, dialled, ...withPreface(handler, options, preface));
    const { address, toHost, original } = this.route(owner, dialled);
    const port = this.nextPort++;
    const nearHost = toHost === owner.host ? localHost : owner.host;
    const local = createLocal(address, nearHost, port, options.source ?? null);
    const near = new MemorySocket(this, local, dialled, handler);
    const far = new MemorySocket(this, address, local, null);
    const forth = new MemoryPipe(
      this,
      { sender: near, receiver: far },
      { from: owner.host, to: toHost },
      { from: local, to: address },
    );
    const back = new MemoryPipe(
      this,
      { sender: far, receiver: near },
      { from: toHost, to: owner.host },
      { from: address, to: local },
    );
    this.ends.set(near, { target: '', original: null, owner });
    this.ends.set(far, { target: keyOf(toHost, address), original, owner: null });
    owner.sockets.add(near);
    far.attach(back, forth);
    if (options.tls) near.expectTls(options.tls);
    near.attach(forth, back);
    return near;
  }

  /** The caller's host redirects first (outbound capture), then the callee's (inbound). */
  private route(
    owner: Process,
    dialled: Address,
  ): { address: Address; toHost: string; original: Address | null } {
    const dialledHost = this.hostOf(owner.host, dialled);
    for (const host of [owner.host, dialledHost]) {
      const found = this.redirections.get(`${host} ${formatAddress(dialled)}`);
      if (found !== undefined && found.owner !== owner)
        return { address: found.target, toHost: host, original: dialled };
    }
    return { address: dialled, toHost: dialledHost, original: null };
  }

  unbindAll(owner: Process): void {
    for (const [key, list] of this.bound)
      for (const bound of list) if (bound.owner === owner) this.unbind(key, bound);
  }

  private unbind(key: string, bound: Bound): void {
    const left = (this.bound.get(key) ?? []).filter((other) => other !== bound);
    for (const socket of bound.queue ?? []) socket.reset();
    if (left.length === 0) this.bound.delete(key);
    else this.bound.set(key, left);
  }

  isListening(socket: MemorySocket): boolean {
    return this.find(socket) !== null;
  }

  accept(socket: MemorySocket): SocketHandler | 'later' | null {
    const bound = this.find(socket);
    if (bound === null) return null;
    if (bound.queue !== null) {
      bound.queue.push(socket);
      return 'later';
    }
    this.ends.get(socket)!.owner = bound.owner;
    bound.owner.sockets.add(socket);
    return bound.accept(socket);
  }

  onClosed(socket: MemorySocket): void {
    this.ends.get(socket)?.owner?.sockets.delete(socket);
    this.ends.delete(socket);
  }

  private find(socket: MemorySocket): Bound | null {
    const target = this.ends.get(socket)?.target ?? '';
    const exact = this.bound.get(target);
    const list = exact ?? this.bound.get(target.replace(/ .*:/, ' *:'));
    if (list === undefined) return null;
    return list[list.length === 1 ? 0 : this.random.below(list.length)] ?? null;
  }

  /** An address that no host has is the local process's, where it is refused unless a test listens there. */
  private hostOf(fromHost: string, address: Address): string {
    if (address.kind === 'unix') return fromHost;
    if (address.host !== localHost && this.hosts.has(address.host)) return address.host;
    return isLoopback(address.host) ? fromHost : localHost;
  }

  conditions(fromHost: string, toHost: string): LinkConditions {
    return (
      this.special.get(pairOf(fromHost, toHost)) ?? (fromHost === toHost ? loopbackConditions : this.between)
    );
  }

  setConditions(hostA: string, hostB: string, conditions: Partial<LinkConditions>): void {
    this.special.set(pairOf(hostA, hostB), { ...this.between, ...conditions });
  }

  partition(hostA: string, hostB: string): void {
    const pair = pairOf(hostA, hostB);
    if (!this.cut.has(pair)) this.cut.set(pair, new Set());
  }

  heal(hostA: string, hostB: string): void {
    const pair = pairOf(hostA, hostB);
    const waiting = this.cut.get(pair);
    this.cut.delete(pair);
    for (const pipe of waiting ?? []) pipe.wake();
  }

  isCut(pipe: MemoryPipe): boolean {
    const waiting = this.cut.get(pairOf(pipe.fromHost, pipe.toHost));
    waiting?.add(pipe);
    return waiting !== undefined;
  }

  onSegment(kind: SegmentKind, pipe: MemoryPipe, bytes: number): void {
    this.observer?.onSegment(kind, pipe.from, pipe.to, bytes);
  }
}

/** The caller's own end: what it asked for, or its host with a port of the kernel's choice. */
function createLocal(address: Address, host: string, port: number, source: Address | null): Address {
  if (address.kind === 'unix') return address;
  if (source?.kind !== 'ip') return { kind: 'ip', host, port };
  return { kind: 'ip', host: source.host, port: source.port === 0 ? port : source.port };
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1';
}

/** `host interface:port`: loopback and unix addresses belong to their host, `*` is every interface of it. */
function keyOf(ownerHost: string, address: Address): string {
  if (address.kind === 'unix') return `${ownerHost} unix ${address.path}`;
  const wildcard = address.host === '0.0.0.0' || address.host === '::';
  return `${ownerHost} ${wildcard ? '*' : address.host}:${address.port}`;
}

function pairOf(hostA: string, hostB: string): string {
  return hostA < hostB ? `${hostA} ${hostB}` : `${hostB} ${hostA}`;
}
