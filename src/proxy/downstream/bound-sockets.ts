// The listening sockets of a listener, one for each of its addresses: all are bound, or none.

import type { Issue } from '../../base/index.ts';
import {
  type Address,
  formatAddress,
  ListenError,
  type Listener,
  type Network,
  type Socket,
  type SocketHandler,
} from '../../net/index.ts';
import type { ListenerConfig } from '../config/types.ts';

export class BoundSockets {
  /** With their real ports; empty while unbound. */
  get addresses(): readonly Address[] {
    return this.listening.map(({ address }) => address);
  }
  private listening: Listener[] = [];

  /** What stands in the way is returned as an issue, and nothing else suffers. */
  bind(
    network: Network,
    { name, binding, chainOf }: ListenerConfig,
    reusePort: boolean,
    accept: (socket: Socket) => SocketHandler,
  ): Issue | null {
    if (this.listening.length > 0 || chainOf !== null || !binding.bound) return null;
    for (const { address, socket } of binding.addresses) {
      try {
        this.listening.push(network.listen({ address, reusePort, socket, accept }));
      } catch (error) {
        this.close();
        if (!(error instanceof ListenError)) throw error;
        return { object: name, field: 'address', rule: error.message, value: formatAddress(address) };
      }
    }
    return null;
  }

  suspend(suspended: boolean): void {
    for (const listener of this.listening) {
      if (suspended) listener.suspend();
      else listener.resume();
    }
  }

  close(): void {
    for (const listener of this.listening.splice(0)) listener.close();
  }
}
