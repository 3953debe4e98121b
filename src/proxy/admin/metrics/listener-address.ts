// The label that names a listener by its address. Its filter chains are one series.

import type { ListenerView, ProxyView } from '../../stats/index.ts';

/** Envoy's spelling of an address in a label; a stat_prefix stands in its place. */
export function addressLabel({ address, seriesName }: ListenerView['config']): string {
  if (seriesName !== undefined) return seriesName;
  return address.kind === 'ip' ? `${address.host}_${address.port}` : address.path;
}

export function totalsByAddress(
  { listeners }: ProxyView,
  value: (listener: ListenerView) => number,
): ReadonlyMap<string, number> {
  const totals = new Map<string, number>();
  for (const listener of listeners.values()) {
    const address = addressLabel(listener.config);
    totals.set(address, (totals.get(address) ?? 0) + value(listener));
  }
  return totals;
}
