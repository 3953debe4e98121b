// Where what a resource refers to is to come from.

import type { RouteConfig, VirtualHost } from '../../policy/index.ts';
import { namedSecretsOf, tlsConfigsOfCluster } from './cluster-transports.ts';
import type { Meaning } from './decode-resource.ts';
import type { RouteFilterConfig } from './filter-types.ts';
import { chainsOf } from './listener-chains.ts';
import type { OnDemandClusters, ResourceSource } from './source-types.ts';
import type { TlsConfig } from './tls-types.ts';
import type { TranslatedListener } from './translate/index.ts';

export interface ReferredSource {
  readonly source: ResourceSource;
  /** Of the resource, for messages. */
  readonly field: string;
  /** Names that may not be there are asked for: only incremental updates can tell. */
  readonly incremental: boolean;
}

export function sourcesOf(meaning: Meaning): readonly ReferredSource[] {
  switch (meaning.kind) {
    case 'cluster': {
      const { edsSource, config } = meaning.value;
      const endpoints = edsSource === null ? [] : [whole(edsSource, 'eds_cluster_config.eds_config')];
      return [...endpoints, ...tlsConfigsOfCluster(config).flatMap(secretSources)];
    }
    case 'listener':
      return chainsOf(meaning.value).flatMap((chain) => [
        ...(chain.rdsSource === null ? [] : [whole(chain.rdsSource, 'rds.config_source')]),
        ...secretSources(chain.config.tls),
        ...demandsOf(chain),
      ]);
    case 'route':
      return meaning.value.virtualHosts.flatMap(demandsOfHost);
    case 'host':
      return demandsOfHost(meaning.value);
    default:
      return [];
  }
}

/** Where clusters come from that its requests or connections ask for. */
export function demandsOf({ config, routes }: TranslatedListener): readonly ReferredSource[] {
  return [
    ...demanded(config.tcp?.onDemand ?? null, 'tcp_proxy.on_demand.odcds_config'),
    ...config.http.filters.flatMap(({ config: filter, name }) =>
      demandsOfFilter(filter, `http_filters[${name}]`),
    ),
    ...(routes?.virtualHosts.flatMap(demandsOfHost) ?? []),
  ];
}

const ofHosts = new WeakMap<VirtualHost, readonly ReferredSource[]>();

function demandsOfHost(host: VirtualHost): readonly ReferredSource[] {
  let known = ofHosts.get(host);
  if (known === undefined) {
    known = host.routes.flatMap(({ action, filters }) => [
      ...demandsOfFilters(filters),
      ...(action.kind === 'forward'
        ? action.clusters.flatMap((cluster) => demandsOfFilters(cluster.filters))
        : []),
    ]);
    ofHosts.set(host, known);
  }
  return known;
}

type Filters = RouteConfig['virtualHosts'][number]['routes'][number]['filters'];

function demandsOfFilters(filters: Filters): readonly ReferredSource[] {
  if (filters === undefined) return [];
  return [...filters].flatMap(([name, filter]) =>
    demandsOfFilter(filter as RouteFilterConfig, `typed_per_filter_config[${name}]`),
  );
}

function demandsOfFilter(filter: RouteFilterConfig, path: string): readonly ReferredSource[] {
  return filter.kind === 'on-demand' ? demanded(filter.clusters, `${path}.odcds.source`) : [];
}

function demanded(clusters: OnDemandClusters | null, field: string): readonly ReferredSource[] {
  return clusters === null ? [] : [{ source: clusters.source, field, incremental: true }];
}

function whole(source: ResourceSource, field: string): ReferredSource {
  return { source, field, incremental: false };
}

export function nameOf(meaning: Meaning): string {
  if (meaning.kind === 'route' || meaning.kind === 'host') return meaning.value.name;
  return meaning.kind === 'cluster' || meaning.kind === 'listener' ? meaning.value.config.name : '';
}

function secretSources(tls: TlsConfig | null): readonly ReferredSource[] {
  return namedSecretsOf(tls).flatMap(({ source }) => (source === null ? [] : [whole(source, 'sds_config')]));
}
