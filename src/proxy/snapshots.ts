// What of two configurations is the same, and what of one is used: questions of the data path to snapshots.

import { formatAddress } from '../net/index.ts';
import { tlsConfigsOfCluster } from './config/index.ts';
import type { DownstreamTlsConfig, UpstreamTlsConfig } from './config/tls-types.ts';
import type { ListenerConfig, Snapshot } from './config/types.ts';

export function tlsConfigsOf(snapshot: Snapshot): Set<DownstreamTlsConfig | UpstreamTlsConfig> {
  const used = new Set<DownstreamTlsConfig | UpstreamTlsConfig>();
  for (const { tls } of snapshot.listeners.values()) if (tls !== null) used.add(tls);
  for (const config of snapshot.clusters.values())
    for (const tls of tlsConfigsOfCluster(config)) used.add(tls);
  return used;
}

/** Resources that did not change keep their identity from snapshot to snapshot. */
export function sameButEndpoints(before: Snapshot, after: Snapshot): boolean {
  return (
    sameEntries(before.listeners, after.listeners) &&
    sameEntries(before.routeConfigs, after.routeConfigs) &&
    sameEntries(before.clusters, after.clusters)
  );
}

function sameEntries(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): boolean {
  if (before === after) return true;
  if (before.size !== after.size) return false;
  for (const [name, value] of after) if (before.get(name) !== value) return false;
  return true;
}

export function isSameListener(before: ListenerConfig, after: ListenerConfig): boolean {
  return (
    before.direction === after.direction && JSON.stringify(before.binding) === JSON.stringify(after.binding)
  );
}

export function addressesOf({ binding }: ListenerConfig): readonly string[] {
  return binding.addresses.map(({ address }) => formatAddress(address));
}
