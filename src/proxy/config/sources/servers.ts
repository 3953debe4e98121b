// The servers that a stream of discovery leads to: clusters of the bootstrap, for others would have to be discovered
// first.

import type { AdsConfig, AdsServer, ServerCluster } from '../server-types.ts';
import type { StreamConfig } from '../source-types.ts';

/** Why no stream can lead to this cluster, or null. */
export function serverFault(cluster: string, servers: ReadonlyMap<string, ServerCluster>): string | null {
  const known = servers.get(cluster);
  if (known === undefined) return 'must name a static cluster';
  if (!known.speaksHttp2) return 'must name a cluster with http2_protocol_options: gRPC needs HTTP/2';
  return known.addresses.length === 0 ? 'must name a cluster with endpoints of its own' : null;
}

/** `typeUrl` null: of the aggregated service. */
export function findServers(
  stream: StreamConfig,
  typeUrl: string | null,
  servers: ReadonlyMap<string, ServerCluster>,
): AdsConfig {
  const found = stream.services.flatMap(({ cluster, authority, metadata }): readonly AdsServer[] => {
    const { addresses = [], connectTimeoutMs = 0, tls = null, tokenFile = null } = servers.get(cluster) ?? {};
    return addresses.map((address) => ({ address, connectTimeoutMs, authority, metadata, tls, tokenFile }));
  });
  return { variant: stream.variant, typeUrl, servers: found };
}
