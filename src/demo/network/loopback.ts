// Everything on 127.0.0.1, each listener with a port of its own: works on any machine, for any user.

import type { PortAllocator } from '../machine/ports.ts';
import type { PodNetwork, PodPlace } from './network.ts';

const host = '127.0.0.1';

export class LoopbackNetwork implements PodNetwork {
  readonly host = host;
  readonly serviceAddresses = null;
  private readonly ports: PortAllocator;

  constructor(ports: PortAllocator) {
    this.ports = ports;
  }

  async open(): Promise<void> {}

  async close(): Promise<void> {}

  place(_pod: string, withSidecar: boolean): PodPlace {
    const applicationPort = this.ports.allocate();
    const [outbound, inbound, admin] = withSidecar
      ? [this.ports.allocate(), this.ports.allocate(), this.ports.allocate()]
      : [0, applicationPort, 0];
    return {
      address: host,
      host,
      captured: false,
      applicationPort,
      listen: { outbound: `${host}:${outbound}`, inbound: `${host}:${inbound}` },
      port: inbound,
      admin: { host, port: admin },
      async open() {},
      command: (command) => command,
      async close() {},
    };
  }
}
