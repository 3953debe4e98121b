// Which other resources a resource refers to, read straight from its bytes: field paths of the published API instead of
// descriptors, so that any server of bytes can check itself. Kept per resource, since resources live through many
// snapshots.

import { WireReader } from '../protobuf/wire-reader.ts';
import { typeUrls, virtualHostType, type XdsResource } from '../types.ts';

export interface References {
  /** Names of ClusterLoadAssignments: of an EDS cluster exactly one. */
  readonly endpoints: readonly string[];
  readonly routes: readonly string[];
  readonly clusters: readonly string[];
}

const nothing: References = { endpoints: [], routes: [], clusters: [] };
const known = new WeakMap<XdsResource, References>();

/** Throws WireError on bytes that are no such resource. */
export function findReferences(resource: XdsResource): References {
  let references = known.get(resource);
  if (references === undefined) {
    references = readReferences(resource);
    known.set(resource, references);
  }
  return references;
}

function readReferences(resource: XdsResource): References {
  switch (resource.typeUrl) {
    case typeUrls.cluster:
      return { ...nothing, endpoints: readCluster(resource) };
    case typeUrls.listener:
      return readListener(resource.bytes);
    case typeUrls.route:
      return { ...nothing, clusters: readRouteConfiguration(resource.bytes) };
    case virtualHostType:
      return { ...nothing, clusters: viewsAt(resource.bytes, [3, 2]).flatMap(readRouteAction) };
    default:
      return nothing;
  }
}

const discoveryTypeEds = 3;

/** Cluster: type = 2, eds_cluster_config = 3 { service_name = 2 }. */
function readCluster(resource: XdsResource): readonly string[] {
  const reader = new WireReader(resource.bytes);
  let isEds = false;
  let name = '';
  while (reader.next()) {
    if (reader.field === 2) isEds = reader.varint() === discoveryTypeEds;
    else if (reader.field === 3) name = stringsAt(reader.view(), [2])[0] ?? '';
    else reader.skip();
  }
  if (!isEds) return [];
  return [name === '' ? resource.name : name];
}

const connectionManager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const tcpProxy = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

/**
 * Listener: filter_chains = 3 and default_filter_chain = 25 { filters = 3 { typed_config = 4 } }, api_listener = 19 {
 * api_listener = 1 }.
 */
function readListener(bytes: Uint8Array): References {
  const routes: string[] = [];
  const clusters: string[] = [];
  const filters = [...viewsAt(bytes, [3, 3, 4]), ...viewsAt(bytes, [25, 3, 4]), ...viewsAt(bytes, [19, 1])];
  for (const any of filters) {
    const typeUrl = stringsAt(any, [1])[0] ?? '';
    const value = viewsAt(any, [2])[0] ?? new Uint8Array();
    if (typeUrl.endsWith(`/${connectionManager}`)) {
      // rds = 3 { route_config_name = 2 }, route_config = 4.
      routes.push(...stringsAt(value, [3, 2]));
      for (const inline of viewsAt(value, [4])) clusters.push(...readRouteConfiguration(inline));
    } else if (typeUrl.endsWith(`/${tcpProxy}`)) {
      // cluster = 2, weighted_clusters = 10 { clusters = 1 { name = 1 } }.
      clusters.push(...stringsAt(value, [2]), ...stringsAt(value, [10, 1, 1]));
    }
  }
  return { endpoints: [], routes, clusters };
}

/** RouteConfiguration: virtual_hosts = 2 { routes = 3 { route = 2 } }. */
function readRouteConfiguration(bytes: Uint8Array): readonly string[] {
  return viewsAt(bytes, [2, 3, 2]).flatMap(readRouteAction);
}

/**
 * RouteAction: cluster = 1, weighted_clusters = 3 { clusters = 1 { name = 1 } }, cluster_not_found_response_code = 20.
 * A route that says what to answer where its cluster is not found may name one that is not there.
 */
function readRouteAction(action: Uint8Array): readonly string[] {
  const reader = new WireReader(action);
  while (reader.next()) {
    if (reader.field === 20 && reader.varint() !== 0) return [];
    if (reader.field !== 20) reader.skip();
  }
  return [...stringsAt(action, [1]), ...stringsAt(action, [3, 1, 1])];
}

/** Every length-delimited field that lies at this path of field numbers. */
function viewsAt(bytes: Uint8Array, path: readonly number[]): readonly Uint8Array[] {
  const [field, ...rest] = path;
  if (field === undefined) return [bytes];
  const found: Uint8Array[] = [];
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.field === field) found.push(...viewsAt(reader.view(), rest));
    else reader.skip();
  }
  return found;
}

const utf8 = new TextDecoder();

function stringsAt(bytes: Uint8Array, path: readonly number[]): readonly string[] {
  return viewsAt(bytes, path).map((view) => utf8.decode(view));
}
