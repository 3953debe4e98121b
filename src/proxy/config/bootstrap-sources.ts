// Where a bootstrap says that resources come from, and whether it can be reached.

import { namedSecretsOf, tlsConfigsOfCluster } from './cluster-transports.ts';
import { demandsOf } from './referred-sources.ts';
import { type bootstrap, type Faults, join, type MessageOf } from './schema/index.ts';
import type { ServerCluster } from './server-types.ts';
import type { ResourceSource, StreamConfig } from './source-types.ts';
import { serverFault } from './sources/index.ts';
import {
  type TranslatedCluster,
  type TranslatedListener,
  translateConfigSource,
  translateStream,
} from './translate/index.ts';

export interface BootstrapSources {
  /** The aggregated stream; null: there is none. */
  readonly ads: StreamConfig | null;
  /** Where all listeners and all clusters come from; null: nowhere. */
  readonly lds: ResourceSource | null;
  readonly cds: ResourceSource | null;
  /** Where to say how requests went (LRS); null: nowhere. */
  readonly loadStats: StreamConfig | null;
  /** Clusters that streams of discovery may lead to, by name. */
  readonly servers: ReadonlyMap<string, ServerCluster>;
}

export function translateSources(
  message: MessageOf<typeof bootstrap>,
  clusters: readonly TranslatedCluster[],
  faults: Faults,
): BootstrapSources {
  const { ads_config, lds_config, cds_config } = message.dynamic_resources ?? {};
  const path = 'dynamic_resources';
  const source = (config: typeof lds_config, name: string) =>
    config === undefined ? null : translateConfigSource(config, join(path, name), faults);
  const ads = ads_config === undefined ? null : translateStream(ads_config, join(path, 'ads_config'), faults);
  const loads = message.cluster_manager?.load_stats_config;
  const loadsPath = 'cluster_manager.load_stats_config';
  const sources = {
    ads,
    loadStats: loads === undefined ? null : translateStream(loads, loadsPath, faults),
    lds: source(lds_config, 'lds_config'),
    cds: source(cds_config, 'cds_config'),
    servers: new Map(clusters.map((cluster) => [cluster.config.name, serverOf(cluster)])),
  };
  if (ads !== null) checkStream(ads, sources.servers, join(path, 'ads_config'), faults);
  if (sources.loadStats !== null) checkStream(sources.loadStats, sources.servers, loadsPath, faults);
  return sources;
}

function serverOf({ config, endpoints, tokenFile }: TranslatedCluster): ServerCluster {
  return {
    addresses: (endpoints?.endpoints ?? []).map(({ address }) => address),
    speaksHttp2: config.http2 !== null,
    connectTimeoutMs: config.connectTimeoutMs,
    tls: config.tls,
    ...(tokenFile === undefined ? {} : { tokenFile }),
  };
}

function checkStream(
  { services }: StreamConfig,
  servers: BootstrapSources['servers'],
  path: string,
  faults: Faults,
): void {
  for (const [index, { cluster }] of services.entries()) {
    const rule = serverFault(cluster, servers);
    if (rule !== null)
      faults.add(join(path, `grpc_services[${index}].envoy_grpc.cluster_name`), rule, cluster);
  }
}

/** Each source that something of the bootstrap names must be one that can be asked. */
/** A filter chain, and which of the listeners it is of. */
export type IndexedChain = readonly [index: number, chain: TranslatedListener];

export function checkSources(
  sources: BootstrapSources,
  clusters: readonly TranslatedCluster[],
  chains: readonly IndexedChain[],
  faults: Faults,
): void {
  const check = (source: ResourceSource | null, path: string, user: string) => {
    if (source?.kind === 'grpc')
      checkStream(source.stream, sources.servers, join(path, 'api_config_source'), faults);
    else if (source?.kind === 'ads' && sources.ads === null)
      faults.add('dynamic_resources.ads_config', `must be set: ${user}`);
  };
  check(sources.lds, 'dynamic_resources.lds_config', 'lds_config is ads');
  check(sources.cds, 'dynamic_resources.cds_config', 'cds_config is ads');
  for (const [index, { config, edsSource }] of clusters.entries()) {
    const path = `static_resources.clusters[${index}]`;
    check(edsSource, join(path, 'eds_cluster_config.eds_config'), `cluster ${config.name} is of type EDS`);
    for (const { name, source } of tlsConfigsOfCluster(config).flatMap(namedSecretsOf))
      check(source, path, `cluster ${config.name} has the secret ${name} by ADS`);
  }
  for (const [index, listener] of chains) {
    const { config, rdsSource } = listener;
    const path = `static_resources.listeners[${index}]`;
    check(rdsSource, path, `listener ${config.name} uses RDS`);
    for (const { name, source } of namedSecretsOf(config.tls))
      check(source, path, `listener ${config.name} has the secret ${name} by ADS`);
    for (const { field, source } of demandsOf(listener)) {
      check(source, join(path, field), `listener ${config.name} asks for clusters`);
      if (source.kind === 'ads' && sources.ads?.variant === 'sotw')
        faults.add(
          'dynamic_resources.ads_config.api_type',
          `must be DELTA_GRPC: listener ${config.name} asks for clusters by name`,
        );
    }
  }
}
