// TcpProxy to what a tunnel needs.

import type { Criteria } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type tcpProxy } from '../schema/index.ts';
import type { TcpChoice, TcpProxyConfig } from '../types.ts';
import { translateCriteria } from './subsets.ts';

const defaults = { idleTimeoutMs: 3_600_000, connectAttemptsMax: 1 } as const;

export function translateTcpProxy(
  message: MessageOf<typeof tcpProxy>,
  path: string,
  faults: Faults,
): TcpProxyConfig {
  const weighted = message.weighted_clusters?.clusters ?? [];
  if (!message.cluster && weighted.length === 0)
    faults.add(path, 'one of cluster, weighted_clusters must be set');
  const criteria = translateCriteria(message.metadata_match, null);
  const clusters = message.cluster
    ? [choice(message.cluster, 1, criteria)]
    : weighted.map(({ name, weight, metadata_match }) =>
        choice(name ?? '', weight ?? 0, translateCriteria(metadata_match, criteria)),
      );
  weighted.forEach(({ weight }, index) => {
    if (weight === undefined)
      faults.add(`${join(path, 'weighted_clusters.clusters')}[${index}].weight`, 'must be set');
  });
  return {
    clusters,
    ...(criteria === null ? {} : { criteria }),
    ...translateHash(message, path, faults),
    idleTimeoutMs: message.idle_timeout ?? defaults.idleTimeoutMs,
    maxDurationMs: message.max_downstream_connection_duration ?? 0,
    connectAttemptsMax: message.max_connect_attempts ?? defaults.connectAttemptsMax,
  };
}

function translateHash(
  { hash_policy: policies }: MessageOf<typeof tcpProxy>,
  path: string,
  faults: Faults,
): Pick<TcpProxyConfig, 'hashesSource'> {
  const at = join(path, 'hash_policy');
  if (policies.length > 1) faults.add(at, 'must be one at most');
  policies.forEach(({ source_ip }, index) => {
    if (source_ip === undefined) faults.add(`${at}[${index}]`, 'one of source_ip must be set');
  });
  return policies.length > 0 ? { hashesSource: true } : {};
}

function choice(cluster: string, weight: number, criteria: Criteria | null): TcpChoice {
  return criteria === null ? { cluster, weight } : { cluster, weight, criteria };
}
