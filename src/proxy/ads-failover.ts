// Several ADS servers as one transport: each new stream goes to the next server in turn, so a client that reconnects
// after a failure meets another one. The client's own backoff spaces the attempts.

import { assert } from '../base/index.ts';
import type { AdsStream, AdsStreamHandler, AdsTransport, AdsVariant } from '../xds/index.ts';

export function createAdsFailover(servers: readonly AdsTransport[]): AdsTransport {
  const [only] = servers;
  assert(only !== undefined, 'there is an ADS server');
  return servers.length === 1 ? only : new AdsFailover(servers);
}

class AdsFailover implements AdsTransport {
  private readonly servers: readonly AdsTransport[];
  private next = 0;

  constructor(servers: readonly AdsTransport[]) {
    this.servers = servers;
  }

  open(variant: AdsVariant, handler: AdsStreamHandler): AdsStream {
    const server = this.servers[this.next]!;
    this.next = (this.next + 1) % this.servers.length;
    return server.open(variant, handler);
  }

  close(): void {
    for (const server of this.servers) server.close();
  }
}
