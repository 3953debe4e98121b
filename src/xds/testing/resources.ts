// Small real resources for tests: encoded by the generated API, so that what is read from bytes is checked against it.

import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import {
  Cluster_DiscoveryType,
  ClusterLoadAssignmentSchema,
  ClusterSchema,
  HttpConnectionManagerSchema,
  ListenerSchema,
  RouteConfigurationSchema,
  RouterSchema,
  VirtualHostSchema,
} from '../api.ts';
import { createResource } from '../snapshot/create-snapshot.ts';
import {
  type SnapshotSource,
  type SnapshotWatcher,
  typeUrls,
  type XdsNode,
  type XdsResource,
  type XdsSnapshot,
} from '../types.ts';

const ads = { configSourceSpecifier: { case: 'ads', value: {} }, resourceApiVersion: 2 } as const;

/** `revision` makes another content of the same name. */
export function clusterOf(name: string, revision = 0): XdsResource {
  const message = create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: { edsConfig: ads },
    connectTimeout: { seconds: BigInt(1 + revision) },
  });
  return createResource(typeUrls.cluster, name, toBinary(ClusterSchema, message));
}

/** `count` addresses of one port. */
export function endpointsOf(name: string, port = 8080, count = 1): XdsResource {
  const lbEndpoints = Array.from({ length: count }, (_, index) => {
    const address = `127.0.0.${index + 1}`;
    const value = { address, portSpecifier: { case: 'portValue', value: port } } as const;
    const endpoint = { address: { address: { case: 'socketAddress', value } } } as const;
    return { hostIdentifier: { case: 'endpoint', value: endpoint } } as const;
  });
  const message = create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: [{ lbEndpoints }],
  });
  return createResource(typeUrls.endpoint, name, toBinary(ClusterLoadAssignmentSchema, message));
}

export function routeOf(name: string, clusters: readonly string[]): XdsResource {
  const message = create(RouteConfigurationSchema, {
    name,
    virtualHosts: clusters.map((cluster) =>
      create(VirtualHostSchema, {
        name: cluster,
        domains: [cluster],
        routes: [
          {
            match: { pathSpecifier: { case: 'prefix', value: '/' } },
            action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: cluster } } },
          },
        ],
      }),
    ),
  });
  return createResource(typeUrls.route, name, toBinary(RouteConfigurationSchema, message));
}

/** A virtual host with one route of its own name: to cluster `a`, or with a regular expression. */
export interface RouteHost {
  readonly name: string;
  readonly domains?: readonly string[];
  readonly regex?: string;
}

export function hostsOf(name: string, hosts: readonly RouteHost[]): XdsResource {
  const message = create(RouteConfigurationSchema, {
    name,
    virtualHosts: hosts.map(({ name: host, domains = [host], regex }) =>
      create(VirtualHostSchema, {
        name: host,
        domains: [...domains],
        routes: [
          {
            name: host,
            match: {
              pathSpecifier:
                regex === undefined
                  ? { case: 'prefix', value: '/' }
                  : { case: 'safeRegex', value: { regex } },
            },
            action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: 'a' } } },
          },
        ],
      }),
    ),
  });
  return createResource(typeUrls.route, name, toBinary(RouteConfigurationSchema, message));
}

export function listenerOf(name: string, route: string, port = 0, revision = 0): XdsResource {
  const manager = create(HttpConnectionManagerSchema, {
    statPrefix: `${name}-${revision}`,
    routeSpecifier: { case: 'rds', value: { routeConfigName: route, configSource: ads } },
    httpFilters: [
      {
        name: 'envoy.filters.http.router',
        configType: { case: 'typedConfig', value: anyPack(RouterSchema, create(RouterSchema)) },
      },
    ],
  });
  const filter = {
    name: 'envoy.filters.network.http_connection_manager',
    configType: { case: 'typedConfig', value: anyPack(HttpConnectionManagerSchema, manager) },
  } as const;
  const address = { address: '127.0.0.1', portSpecifier: { case: 'portValue', value: port } } as const;
  const message = create(ListenerSchema, {
    name,
    address: { address: { case: 'socketAddress', value: address } },
    filterChains: [{ filters: [filter] }],
  });
  return createResource(typeUrls.listener, name, toBinary(ListenerSchema, message));
}

/** A source whose snapshot a test sets. */
export class TestSource implements SnapshotSource {
  readonly watchers = new Set<SnapshotWatcher>();
  private snapshot: XdsSnapshot | null = null;

  current(): XdsSnapshot | null {
    return this.snapshot;
  }

  watch(watcher: SnapshotWatcher): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  set(snapshot: XdsSnapshot): void {
    this.snapshot = snapshot;
    for (const watcher of [...this.watchers]) watcher.onSnapshot();
  }
}

export const testNode: XdsNode = {
  id: 'sidecar~ledger-0.bank',
  cluster: 'ledger',
  metadata: { namespace: 'bank', labels: { app: 'ledger' }, listen: [1, true, null, 'x'] },
  locality: { region: 'r', zone: 'z', subZone: 's' },
  userAgent: 'weft/0.1.0',
  clientFeatures: ['envoy.lb.does_not_support_overprovisioning'],
};
