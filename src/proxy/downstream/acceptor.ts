// A connection between accept and its session: listener filters read ahead, the chain table says whose it is, and only
// then a session is made. A listener with one chain and no filters has none of this.

import { type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Address, Socket, SocketHandler } from '../../net/index.ts';
import type { EntryConfig } from '../config/types.ts';
import type { ProxyContext } from '../context.ts';
import { proxyLimits } from '../limits.ts';
import type { ListenerStats } from '../stats/index.ts';
import { type ConnectionFacts, findChain } from './chain-table.ts';
import { holdsPort, type ListenerFilter, listenerFilters } from './listener-filters.ts';
import type { Ends } from './session.ts';

/** A filter chain, as it takes a connection over; `bytes` were read ahead and are its own. */
export interface Chain {
  adopt(socket: Socket, bytes: Uint8Array, ends: Ends): void;
}

/** Another listener, as it takes a connection over. */
export interface HandOverTarget {
  take(socket: Socket, bytes: Uint8Array, ends: Ends): void;
}

export interface AcceptorOwner {
  readonly name: string;
  readonly stats: ListenerStats;
  readonly full: boolean;
  chain(name: string): Chain | null;
  listenerAt(destination: Address): HandOverTarget | null;
  /** No filter chain is for it. */
  onUnmatched(socket: Socket): void;
  /** It has a session, or is gone. */
  onEntered(acceptor: Acceptor): void;
}

export class Acceptor implements SocketHandler, TimerHandler {
  private readonly context: ProxyContext;
  private readonly owner: AcceptorOwner;
  private readonly entry: EntryConfig;
  private readonly socket: Socket;
  private readonly filters: readonly ListenerFilter[];
  private readonly facts: ConnectionFacts;
  private readonly timer = new Timer(this, 0);
  private readonly target: HandOverTarget | null;
  private at = 0;
  private bytes: Uint8Array = nothing;
  private done = false;

  /** `ends`: as another listener found them. */
  constructor(
    context: ProxyContext,
    owner: AcceptorOwner,
    entry: EntryConfig,
    socket: Socket,
    ends: Ends | null = null,
  ) {
    this.context = context;
    this.owner = owner;
    this.entry = entry;
    this.socket = socket;
    this.filters = listenerFilters(entry);
    const redirected = ends === null && restores(entry, socket.local) ? socket.originalDestination() : null;
    this.target = entry.handsOver && redirected !== null ? owner.listenerAt(redirected) : null;
    this.facts = {
      source: ends?.remote ?? socket.remote,
      direct: socket.remote,
      destination: ends?.restored ?? redirected ?? socket.local,
      serverName: ends?.serverName ?? null,
      transport: 'raw_buffer',
      protocols: [],
      tlvs: ends?.tlvs ?? [],
      fingerprints: ends?.fingerprints ?? null,
      metadata: ends?.metadata ?? null,
    };
  }

  onOpen(): void {
    if (this.owner.full) {
      this.refuse('too many connections');
      return;
    }
    if (this.entry.timeoutMs > 0 && this.filters.length > 0)
      this.context.clock.arm(this.timer, this.entry.timeoutMs);
    this.advance();
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    if (this.done) return;
    const whole = this.bytes.length === 0 ? bytes : Buffer.concat([this.bytes, bytes]);
    this.bytes = whole;
    if (whole.length > proxyLimits.entryBytesMax) this.refuse('too much before it could be told whose it is');
    else this.advance();
    // Received bytes are ours during the call only, and slice() of a Buffer is no copy.
    if (!this.done && this.bytes.length > 0) this.bytes = Buffer.from(this.bytes);
  }

  onDrain(): void {}

  onEnd(): void {
    if (!this.done) this.refuse('it ended before it could be told whose it is');
  }

  onClose(_socket: Socket, _error: MeshError | null): void {
    this.leave();
  }

  onTimer(): void {
    if (this.done) return;
    if (this.entry.continueOnTimeout) this.handOver();
    else {
      this.owner.stats.entryTimeouts += 1;
      this.refuse(`nothing could be told after ${this.entry.timeoutMs} ms`);
    }
  }

  reset(): void {
    this.socket.reset();
  }

  private advance(): void {
    while (this.at < this.filters.length) {
      const result = this.filters[this.at]?.(this.bytes, this.facts);
      if (result === undefined || result.kind === 'more') return;
      if (result.kind === 'fault') {
        this.refuse(result.message);
        return;
      }
      this.bytes = this.bytes.subarray(result.consumed);
      this.at += 1;
    }
    this.handOver();
  }

  private handOver(): void {
    if (this.target !== null) {
      const { bytes, facts } = this;
      this.bytes = nothing;
      this.leave();
      this.target.take(this.socket, bytes, this.endsOf(facts));
      return;
    }
    const name = findChain(this.entry, this.facts);
    const chain = name === null ? null : this.owner.chain(name);
    if (chain === null) {
      this.owner.stats.noChainMatch += 1;
      this.owner.onUnmatched(this.socket);
      this.refuse('no filter chain is for it');
      return;
    }
    this.leave();
    chain.adopt(this.socket, this.bytes, this.endsOf(this.facts));
    this.bytes = nothing;
  }

  private endsOf({ source, destination, tlvs, serverName, fingerprints, metadata }: ConnectionFacts): Ends {
    const restored = destination === this.socket.local ? null : destination;
    return { remote: source, restored, tlvs, serverName, fingerprints, metadata };
  }

  private refuse(reason: string): void {
    this.context.log.write('debug', 'connection refused', { listener: this.owner.name, reason });
    this.socket.reset();
    this.leave();
  }

  private leave(): void {
    if (this.done) return;
    this.done = true;
    this.context.clock.cancel(this.timer);
    this.owner.onEntered(this);
  }
}

function restores({ originalDestination, handsOver, skipped }: EntryConfig, local: Address): boolean {
  if (!originalDestination || skipped === null || skipped.originalDestination === null)
    return originalDestination;
  return handsOver || !holdsPort(skipped.originalDestination, local);
}

const nothing = new Uint8Array(0);
