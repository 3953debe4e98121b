// TcpProxy to what a tunnel needs.

import { compileText } from '../../../observe/index.ts';
import type { Criteria } from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type tcpProxy } from '../schema/index.ts';
import type { TcpChoice, TcpProxyConfig } from '../types.ts';
import { translateAdditions } from './header-edits.ts';
import { translateTcpOnDemand } from './on-demand.ts';
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
  const onDemand =
    message.on_demand === undefined
      ? null
      : translateTcpOnDemand(message.on_demand, join(path, 'on_demand'), faults);
  return {
    clusters,
    ...(criteria === null ? {} : { criteria }),
    ...translateHash(message, path, faults),
    ...translateTunneling(message, path, faults),
    ...(onDemand === null ? {} : { onDemand }),
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

function translateTunneling(
  { tunneling_config: message }: MessageOf<typeof tcpProxy>,
  path: string,
  faults: Faults,
): Pick<TcpProxyConfig, 'tunneling'> {
  if (message === undefined) return {};
  const at = join(path, 'tunneling_config');
  const posts = message.use_post === true;
  if (!posts && message.post_path) faults.add(join(at, 'post_path'), 'must be with use_post');
  if (posts && message.post_path && !message.post_path.startsWith('/'))
    faults.add(join(at, 'post_path'), 'must begin with a slash', message.post_path);
  const hostname = message.hostname ?? '';
  const compiled = compileText(hostname, '-');
  if (!compiled.ok) faults.add(join(at, 'hostname'), compiled.error, hostname);
  return {
    tunneling: {
      host: hostname.includes('%') && compiled.ok ? compiled.value : hostname,
      postPath: posts ? message.post_path || '/' : null,
      edits: translateAdditions(message.headers_to_add, join(at, 'headers_to_add'), faults),
    },
  };
}

function choice(cluster: string, weight: number, criteria: Criteria | null): TcpChoice {
  return criteria === null ? { cluster, weight } : { cluster, weight, criteria };
}
