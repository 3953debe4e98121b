// What a gRPC client without a proxy gets (gRFC A27): for each name of a Service a listener of its own and the routes
// behind it, made when somebody asks for that name; clusters as gRPC reads them, which report how calls went to this
// server (`lrs_server: self`).

import { create, fromBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterLoadAssignmentSchema,
  ClusterSchema,
  HttpConnectionManagerSchema,
  ListenerSchema,
  type OutlierDetection,
  OutlierDetectionSchema,
  RouteConfigurationSchema,
  RouterSchema,
  VirtualHostSchema,
  WrrLocalitySchema,
} from '../../xds/api.ts';
import {
  NamedResources,
  type ResourceMap,
  type ResourceSet,
  typeUrls,
  type XdsResource,
} from '../../xds/index.ts';
import { compileGrpcHost } from './grpc-routes.ts';
import { fromAds, packAny } from './messages.ts';
import { findDomain } from './named-hosts.ts';
import { encodeResource } from './resource.ts';
import { unresolvedCluster } from './route.ts';

interface Table {
  readonly listeners: NamedResources;
  readonly routes: NamedResources;
}

const tables = new WeakMap<ResourceSet, Table>();
const clusterSets = new WeakMap<ResourceSet, NamedResources>();
/** Of a host or a cluster as proxies get it, by the name that it was asked for by. */
const listenersOf = new WeakMap<XdsResource, Map<string, XdsResource>>();
const routesOf = new WeakMap<XdsResource, Map<string, XdsResource>>();
const clustersOf = new WeakMap<XdsResource, XdsResource>();

/**
 * By type URL. `hosts`: the outbound virtual hosts of its namespace; `clusters`: those of the mesh. The same sets give
 * the same ones.
 */
export function compileGrpc(
  hosts: ResourceSet,
  clusters: ResourceSet,
): readonly (readonly [typeUrl: string, resources: ResourceMap])[] {
  let table = tables.get(hosts);
  if (table === undefined) {
    table = {
      listeners: nameBy(hosts, listenersOf, compileListener),
      routes: nameBy(hosts, routesOf, compileRoutes),
    };
    tables.set(hosts, table);
  }
  let own = clusterSets.get(clusters);
  if (own === undefined) {
    own = new NamedResources('grpc/', clusters, (name) =>
      name === unresolvedCluster ? nowhere : findCluster(clusters.get(name)),
    );
    clusterSets.set(clusters, own);
  }
  return [
    [typeUrls.listener, table.listeners],
    [typeUrls.route, table.routes],
    [typeUrls.cluster, own],
  ];
}

/** Of the host whose domain is the name. */
function nameBy(
  hosts: ResourceSet,
  made: WeakMap<XdsResource, Map<string, XdsResource>>,
  compile: (name: string, host: XdsResource) => XdsResource,
): NamedResources {
  return new NamedResources('grpc/', hosts, (name) => {
    const host = findDomain(hosts, name);
    if (host === undefined) return undefined;
    const variants = made.get(host) ?? new Map<string, XdsResource>();
    made.set(host, variants);
    let variant = variants.get(name);
    if (variant === undefined) {
      variant = compile(name, host);
      variants.set(name, variant);
    }
    return variant;
  });
}

function compileListener(name: string): XdsResource {
  const manager = packAny(HttpConnectionManagerSchema, {
    routeSpecifier: { case: 'rds', value: { configSource: fromAds(), routeConfigName: name } },
    httpFilters: [
      {
        name: 'envoy.filters.http.router',
        configType: { case: 'typedConfig', value: packAny(RouterSchema, {}) },
      },
    ],
  });
  const message = create(ListenerSchema, { name, apiListener: { apiListener: manager } });
  return encodeResource(ListenerSchema, name, message);
}

function compileRoutes(name: string, resource: XdsResource): XdsResource {
  const host = fromBinary(VirtualHostSchema, resource.bytes);
  const message = create(RouteConfigurationSchema, { name, virtualHosts: [compileGrpcHost(host)] });
  return encodeResource(RouteConfigurationSchema, name, message);
}

/** Where calls go that have nowhere to go: nobody is there. Without it a client would wait, with all its calls. */
const ofNowhere = {
  clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
  edsClusterConfig: { edsConfig: fromAds(), serviceName: unresolvedCluster },
} as const;
const nowhere = encodeResource(
  ClusterSchema,
  unresolvedCluster,
  create(ClusterSchema, { name: unresolvedCluster, ...ofNowhere }),
);
const nobody = encodeResource(
  ClusterLoadAssignmentSchema,
  unresolvedCluster,
  create(ClusterLoadAssignmentSchema, { clusterName: unresolvedCluster }),
);
const assignmentSets = new WeakMap<ResourceSet, ResourceSet>();

/** Endpoints as proxies get them, and those of nowhere. */
export function withNowhere(assignments: ResourceSet): ResourceSet {
  let set = assignmentSets.get(assignments);
  if (set === undefined) {
    set = assignments.with([nobody], []);
    assignmentSets.set(assignments, set);
  }
  return set;
}

function findCluster(shared: XdsResource | undefined): XdsResource | undefined {
  if (shared === undefined) return undefined;
  let own = clustersOf.get(shared);
  if (own === undefined) {
    const cluster = compileCluster(fromBinary(ClusterSchema, shared.bytes));
    own = encodeResource(ClusterSchema, shared.name, cluster);
    clustersOf.set(shared, own);
  }
  return own;
}

/**
 * Where a Service is spoken to in TLS, a client would need what its own bootstrap alone can say, and would call in
 * plaintext without: nobody is there for it.
 */
function compileCluster(shared: Cluster): Cluster {
  const closed = shared.transportSocket !== undefined;
  return create(ClusterSchema, {
    name: shared.name,
    ...(closed ? ofNowhere : discoveryOf(shared)),
    ...(shared.connectTimeout === undefined ? {} : { connectTimeout: shared.connectTimeout }),
    ...(shared.circuitBreakers === undefined ? {} : { circuitBreakers: shared.circuitBreakers }),
    ...(shared.outlierDetection === undefined
      ? {}
      : { outlierDetection: withDefaults(shared.outlierDetection) }),
    loadBalancingPolicy: { policies: [withinLocalities(shared)] },
    lrsServer: { configSourceSpecifier: { case: 'self', value: {} } },
  });
}

/** Envoy's own, said: grpc-js 1.14 takes what is left out for none, and ends itself when it judges rates. */
function withDefaults(detection: OutlierDetection): OutlierDetection {
  return create(OutlierDetectionSchema, {
    ...detection,
    successRateMinimumHosts: 5,
    successRateStdevFactor: 1_900,
  });
}

/** A name that is looked up has one endpoint, which gRPC has a type of cluster for. */
function discoveryOf({
  loadAssignment,
  edsClusterConfig,
}: Cluster): Pick<
  MessageInitShape<typeof ClusterSchema>,
  'clusterDiscoveryType' | 'edsClusterConfig' | 'loadAssignment'
> {
  if (loadAssignment === undefined)
    return {
      clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.EDS },
      ...(edsClusterConfig === undefined ? {} : { edsClusterConfig }),
    };
  return { clusterDiscoveryType: { case: 'type', value: Cluster_DiscoveryType.LOGICAL_DNS }, loadAssignment };
}

/** The policies of proxies in their order, of which a client takes the first it knows; all know `round_robin`. */
function withinLocalities({ loadBalancingPolicy }: Cluster) {
  const wrapped = loadBalancingPolicy === undefined ? {} : { endpointPickingPolicy: loadBalancingPolicy };
  return {
    typedExtensionConfig: {
      name: 'envoy.load_balancing_policies.wrr_locality',
      typedConfig: packAny(WrrLocalitySchema, wrapped),
    },
  };
}
