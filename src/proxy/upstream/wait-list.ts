// Attempts that wait for a connection, oldest first. Linked through the attempts themselves, because a timeout or a
// leaving client takes one out of the middle; bounded by the cluster's pending limit, not here.

import type { MeshError } from '../../base/index.ts';
import type { UpstreamConnection } from './connection.ts';

export interface ConnectionWaiter {
  /** Links and membership, owned by the list. */
  nextWaiter: ConnectionWaiter | null;
  previousWaiter: ConnectionWaiter | null;
  waitingIn: WaitList | null;
  /** Only a connection that has carried nothing yet will do. */
  readonly freshOnly: boolean;
  /** The connection is this waiter's: it must start a request on it now. */
  onConnection(connection: UpstreamConnection): void;
  onConnectionFailed(error: MeshError): void;
}

export class WaitList {
  length = 0;
  private first: ConnectionWaiter | null = null;
  private last: ConnectionWaiter | null = null;

  push(waiter: ConnectionWaiter): void {
    waiter.waitingIn = this;
    waiter.nextWaiter = null;
    waiter.previousWaiter = this.last;
    if (this.last === null) this.first = waiter;
    else this.last.nextWaiter = waiter;
    this.last = waiter;
    this.length += 1;
  }

  shift(): ConnectionWaiter | null {
    const waiter = this.first;
    if (waiter !== null) this.remove(waiter);
    return waiter;
  }

  /** The oldest that takes such a connection; those that want a fresh one stay behind until one comes. */
  shiftFor(fresh: boolean): ConnectionWaiter | null {
    let waiter = this.first;
    while (waiter?.freshOnly && !fresh) waiter = waiter.nextWaiter;
    if (waiter !== null) this.remove(waiter);
    return waiter;
  }

  /** False when the waiter is not in this list. */
  remove(waiter: ConnectionWaiter): boolean {
    if (waiter.waitingIn !== this) return false;
    if (waiter.previousWaiter === null) this.first = waiter.nextWaiter;
    else waiter.previousWaiter.nextWaiter = waiter.nextWaiter;
    if (waiter.nextWaiter === null) this.last = waiter.previousWaiter;
    else waiter.nextWaiter.previousWaiter = waiter.previousWaiter;
    waiter.nextWaiter = null;
    waiter.previousWaiter = null;
    waiter.waitingIn = null;
    this.length -= 1;
    return true;
  }
}
