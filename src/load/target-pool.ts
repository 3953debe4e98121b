// The connections to one target and the due requests that wait for one. Connections are used in turn, so that all of
// them carry load.

import { Ring } from '../base/index.ts';
import type { Address, Network } from '../net/index.ts';
import { loadLimits } from './limits.ts';
import { type ConnectionOwner, LoadConnection, type PendingRequest } from './load-connection.ts';

export class TargetPool {
  readonly connections = new Set<LoadConnection>();
  readonly #index: number;
  readonly #address: Address;
  readonly #network: Network;
  readonly #connectionsMax: number;
  readonly #idle: Ring<LoadConnection>;
  readonly #waiting = new Ring<PendingRequest>(loadLimits.waitingMax);
  #connecting = 0;

  constructor(index: number, address: Address, network: Network, connectionsMax: number) {
    this.#index = index;
    this.#address = address;
    this.#network = network;
    this.#connectionsMax = connectionsMax;
    // A connection may be in it twice for a moment: gone, with its place not yet reached.
    this.#idle = new Ring<LoadConnection>(2 * connectionsMax);
  }

  get connecting(): number {
    return this.#connecting;
  }

  /** All are open, and busy: more of them might help. One that does not open is the target's matter. */
  get exhausted(): boolean {
    return this.connections.size - this.#connecting >= this.#connectionsMax;
  }

  /** Opens connections up to the maximum. */
  open(owner: ConnectionOwner, wanted: number): void {
    for (let left = wanted; left > 0 && this.connections.size < this.#connectionsMax; left--) {
      this.#connecting += 1;
      this.connections.add(new LoadConnection(this.#index, this.#address, this.#network, owner));
    }
  }

  /** Sends, or waits for a connection; overflow when too many wait. */
  dispatch(pending: PendingRequest, nowMs: number, owner: ConnectionOwner): 'sent' | 'waiting' | 'overflow' {
    const connection = this.#takeIdle();
    if (connection !== null) {
      connection.send(pending, nowMs);
      return 'sent';
    }
    if (!this.#waiting.push(pending)) return 'overflow';
    if (this.#connecting < this.#waiting.count) this.open(owner, 1);
    return 'waiting';
  }

  /** A connection can take a request. `opened`: for the first time. */
  ready(connection: LoadConnection, opened: boolean, nowMs: number): void {
    if (opened) this.#connecting -= 1;
    const pending = this.#waiting.shift();
    if (pending !== null) connection.send(pending, nowMs);
    else this.#idle.push(connection);
  }

  /** A connection is gone. `unopened`: the result is the request that it was opened for, if any. */
  gone(connection: LoadConnection, unopened: boolean, owner: ConnectionOwner): PendingRequest | null {
    this.connections.delete(connection);
    if (unopened) {
      this.#connecting -= 1;
      return this.#waiting.shift();
    }
    // One that has served is replaced at once, or the run would go on with fewer than asked for. One that has not was
    // refused in its own way, and is opened again only on demand.
    if (connection.served > 0 || this.#connecting < this.#waiting.count) this.open(owner, 1);
    return null;
  }

  /** The longest waiting request that was due before `beforeMs`, taken out; null without one. */
  takeExpired(beforeMs: number): PendingRequest | null {
    const oldest = this.#waiting.peek();
    return oldest !== null && oldest.intendedMs < beforeMs ? this.#waiting.shift() : null;
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  #takeIdle(): LoadConnection | null {
    for (let next = this.#idle.shift(); next !== null; next = this.#idle.shift()) {
      if (next.state === 'idle') return next;
    }
    return null;
  }
}
