// The same ends over real sockets on loopback, for what only a kernel does: resets, half-closes, segments, full
// buffers.

import { hostname } from 'node:os';
import { silentLog } from '../../base/index.ts';
import {
  type Address,
  createBunNetwork,
  createSystemClock,
  createSystemRandom,
  type Network,
} from '../../net/index.ts';
import { DataPlane } from '../data-plane.ts';
import { endpointConfig, ip, listenerConfig, type SnapshotParts, snapshot } from './configs.ts';
import { Origin, type Respond, TestClient } from './peers.ts';

export class RealWorld {
  readonly network: Network = createBunNetwork();
  readonly plane: DataPlane;
  private readonly origins: Origin[] = [];

  constructor(local?: { readonly cluster: string; readonly locality: string }) {
    const resolver = { resolve: () => Promise.reject(new Error('no names here')) };
    this.plane = new DataPlane({
      clock: createSystemClock(),
      random: createSystemRandom(),
      network: this.network,
      resolver,
      log: silentLog,
      ...(local === undefined ? {} : { local }),
      machine: { hostName: hostname(), environment: () => null },
    });
  }

  origin(respond?: Respond): Origin {
    const origin = new Origin(this.network, ip(0), respond);
    this.origins.push(origin);
    return origin;
  }

  serve(ports: readonly number[], parts: SnapshotParts = {}): void {
    const listeners = [listenerConfig({ address: ip(0) })];
    this.plane.apply(
      snapshot({ listeners, ...parts, endpoints: { ledger: ports.map((port) => endpointConfig(port)) } }),
    );
  }

  get address(): Address {
    return this.plane.listeners.get('outbound')!.address!;
  }

  get url(): string {
    return this.address.kind === 'ip' ? `http://127.0.0.1:${this.address.port}` : '';
  }

  client(): TestClient {
    return new TestClient(this.network, this.address);
  }

  connect(port: number): TestClient {
    return new TestClient(this.network, ip(port));
  }

  async stop(): Promise<void> {
    for (const origin of this.origins) origin.close();
    await this.plane.stop();
  }
}
