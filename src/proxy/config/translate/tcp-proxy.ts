// TcpProxy to what a tunnel needs.

import { type Faults, join, type MessageOf, type tcpProxy } from '../schema/index.ts';
import type { TcpProxyConfig } from '../types.ts';

const defaults = { idleTimeoutMs: 3_600_000, connectAttemptsMax: 1 } as const;

export function translateTcpProxy(
  message: MessageOf<typeof tcpProxy>,
  path: string,
  faults: Faults,
): TcpProxyConfig {
  const weighted = message.weighted_clusters?.clusters ?? [];
  if (!message.cluster && weighted.length === 0)
    faults.add(path, 'one of cluster, weighted_clusters must be set');
  const clusters = message.cluster
    ? [{ cluster: message.cluster, weight: 1 }]
    : weighted.map(({ name, weight }) => ({ cluster: name ?? '', weight: weight ?? 0 }));
  weighted.forEach(({ weight }, index) => {
    if (weight === undefined)
      faults.add(`${join(path, 'weighted_clusters.clusters')}[${index}].weight`, 'must be set');
  });
  return {
    clusters,
    idleTimeoutMs: message.idle_timeout ?? defaults.idleTimeoutMs,
    maxDurationMs: message.max_downstream_connection_duration ?? 0,
    connectAttemptsMax: message.max_connect_attempts ?? defaults.connectAttemptsMax,
  };
}
