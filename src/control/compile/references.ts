// Which other resources a resource needs to be there: taken from the message while it is at hand, and kept beside its
// bytes.

import type { Message } from '@bufbuild/protobuf';
import { type Any, anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  type Cluster,
  Cluster_DiscoveryType,
  type CommonTlsContext,
  DownstreamTlsContextSchema,
  HttpConnectionManagerSchema,
  type Listener,
  type RouteAction,
  type RouteConfiguration,
  TcpProxySchema,
  UpstreamTlsContextSchema,
} from '../../xds/api.ts';
import { typeUrls, type XdsResource } from '../../xds/index.ts';
import { unresolvedCluster } from './route.ts';

export interface Reference {
  readonly typeUrl: string;
  readonly name: string;
}

const known = new WeakMap<XdsResource, readonly Reference[]>();

export function referencesOf(resource: XdsResource): readonly Reference[] {
  return known.get(resource) ?? [];
}

export function rememberReferences(resource: XdsResource, references: readonly Reference[]): void {
  known.set(resource, references);
}

export function findReferences(message: Message): readonly Reference[] {
  switch (message.$typeName) {
    case 'envoy.config.cluster.v3.Cluster':
      return findClusterNeeds(message as Cluster);
    case 'envoy.config.listener.v3.Listener':
      return findListenerNeeds(message as Listener);
    case 'envoy.config.route.v3.RouteConfiguration':
      return findClusters(message as RouteConfiguration);
    default:
      return [];
  }
}

function findClusterNeeds({ name, clusterDiscoveryType, transportSocket }: Cluster): readonly Reference[] {
  const isEds = clusterDiscoveryType.value === Cluster_DiscoveryType.EDS;
  const references: Reference[] = isEds ? [{ typeUrl: typeUrls.endpoint, name }] : [];
  if (transportSocket?.configType.case !== 'typedConfig') return references;
  const context = anyUnpack(transportSocket.configType.value, UpstreamTlsContextSchema);
  return [...references, ...secretsOf(context?.commonTlsContext)];
}

function secretsOf(common: CommonTlsContext | undefined): readonly Reference[] {
  const named = common?.tlsCertificateSdsSecretConfigs ?? [];
  return named.map(({ name }) => ({ typeUrl: typeUrls.secret, name }));
}

function findListenerNeeds(listener: Listener): readonly Reference[] {
  const references: Reference[] = [];
  const { filterChains, defaultFilterChain: otherwise } = listener;
  for (const { filters, transportSocket } of otherwise === undefined
    ? filterChains
    : [...filterChains, otherwise]) {
    for (const { configType } of filters)
      if (configType.case === 'typedConfig') references.push(...findFilterNeeds(configType.value));
    if (transportSocket?.configType.case !== 'typedConfig') continue;
    const context = anyUnpack(transportSocket.configType.value, DownstreamTlsContextSchema);
    references.push(...secretsOf(context?.commonTlsContext));
  }
  return references;
}

/** Routes of what reads HTTP, clusters of what carries bytes. */
function findFilterNeeds(config: Any): readonly Reference[] {
  const manager = anyUnpack(config, HttpConnectionManagerSchema);
  if (manager?.routeSpecifier.case === 'rds')
    return [{ typeUrl: typeUrls.route, name: manager.routeSpecifier.value.routeConfigName }];
  const specifier = anyUnpack(config, TcpProxySchema)?.clusterSpecifier;
  const names =
    specifier?.case === 'cluster'
      ? [specifier.value]
      : specifier?.case === 'weightedClusters'
        ? specifier.value.clusters.map(({ name }) => name)
        : [];
  return names
    .filter((name) => name !== unresolvedCluster)
    .map((name) => ({ typeUrl: typeUrls.cluster, name }));
}

function findClusters(routes: RouteConfiguration): readonly Reference[] {
  const names = new Set<string>();
  for (const host of routes.virtualHosts)
    for (const { action } of host.routes) if (action.case === 'route') addClusters(action.value, names);
  names.delete(unresolvedCluster);
  return [...names].map((name) => ({ typeUrl: typeUrls.cluster, name }));
}

function addClusters(action: RouteAction, names: Set<string>): void {
  for (const { cluster } of action.requestMirrorPolicies) names.add(cluster);
  const { clusterSpecifier } = action;
  if (clusterSpecifier.case === 'cluster') names.add(clusterSpecifier.value);
  else if (clusterSpecifier.case === 'weightedClusters')
    for (const { name } of clusterSpecifier.value.clusters) names.add(name);
}
