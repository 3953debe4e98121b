// Free ports of 127.0.0.1. Each process gets its own, because macOS answers on no other loopback address.

import { DemoFault } from '../fault.ts';
import { portRange } from './limits.ts';

export class PortAllocator {
  private taken = new Set<number>();
  private next: number;

  /** `offset` spreads demos that run at the same time over the range. */
  constructor(offset: number) {
    this.next = portRange.first + (offset % (portRange.last - portRange.first));
  }

  /** The preferred port when nobody listens on it, else the next free one of the range. Never the same twice. */
  allocate(preferred?: number): number {
    if (preferred !== undefined && this.take(preferred)) return preferred;
    for (let tries = portRange.first; tries <= portRange.last; tries++) {
      const port = this.next;
      this.next = port === portRange.last ? portRange.first : port + 1;
      if (this.take(port)) return port;
    }
    throw new DemoFault('run', `no free port between ${portRange.first} and ${portRange.last} on 127.0.0.1`);
  }

  private take(port: number): boolean {
    if (this.taken.has(port) || !isFree(port)) return false;
    this.taken.add(port);
    return true;
  }
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: '127.0.0.1', port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
