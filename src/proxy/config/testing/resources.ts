// Resources for the tests of this folder, translated from the JSON form by the proxy's own tables, and as bytes by the
// generated classes.

import { createRegistry, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import type { RouteConfig } from '../../../policy/index.ts';
import * as api from '../../../xds/api.ts';
import { typeUrls, type XdsResource } from '../../../xds/index.ts';
import { decodeResource, type Meaning } from '../decode-resource.ts';
import type { TranslatedCluster, TranslatedListener } from '../translate/index.ts';
import type { EndpointSet } from '../types.ts';

const registry = createRegistry(api.HttpConnectionManagerSchema, api.RouterSchema);

export function clusterJson(name: string): JsonValue {
  return { name, type: 'EDS', edsClusterConfig: { edsConfig: { ads: {} } }, connectTimeout: '1s' };
}

export function endpointsJson(name: string, port: number): JsonValue {
  const address = { socketAddress: { address: '127.0.0.1', portValue: port } };
  return { clusterName: name, endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }] };
}

export function routesJson(name: string, clusters: readonly string[]): JsonValue {
  const routes = clusters.map((cluster) => ({ match: { prefix: `/${cluster}` }, route: { cluster } }));
  return { name, virtualHosts: [{ name: 'v', domains: ['*'], routes }] };
}

export function listenerJson(name: string, routes: string, port = 1): JsonValue {
  const manager = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    statPrefix: name,
    rds: { configSource: { ads: {} }, routeConfigName: routes },
    httpFilters: [
      {
        name: 'router',
        typedConfig: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
      },
    ],
  };
  return {
    name,
    address: { socketAddress: { address: '127.0.0.1', portValue: port } },
    filterChains: [{ filters: [{ name: 'http', typedConfig: manager }] }],
  };
}

function encode(typeUrl: string, json: JsonValue): Uint8Array {
  switch (typeUrl) {
    case typeUrls.listener:
      return toBinary(api.ListenerSchema, fromJson(api.ListenerSchema, json, { registry }));
    case typeUrls.route:
      return toBinary(api.RouteConfigurationSchema, fromJson(api.RouteConfigurationSchema, json));
    case typeUrls.cluster:
      return toBinary(api.ClusterSchema, fromJson(api.ClusterSchema, json));
    default:
      return toBinary(api.ClusterLoadAssignmentSchema, fromJson(api.ClusterLoadAssignmentSchema, json));
  }
}

export function resourceOf(typeUrl: string, name: string, json: JsonValue, version = '1'): XdsResource {
  return { name, version, typeUrl, bytes: encode(typeUrl, json) };
}

function meaningOf(resource: XdsResource): Meaning['value'] {
  const decoded = decodeResource(resource);
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.issues));
  return decoded.meaning.value;
}

export function clusterOf(name: string): TranslatedCluster {
  return meaningOf(resourceOf(typeUrls.cluster, name, clusterJson(name))) as TranslatedCluster;
}

export function endpointsOf(port: number): EndpointSet {
  return meaningOf(resourceOf(typeUrls.endpoint, 'x', endpointsJson('x', port))) as EndpointSet;
}

export function routesOf(name: string, clusters: readonly string[]): RouteConfig {
  return meaningOf(resourceOf(typeUrls.route, name, routesJson(name, clusters))) as RouteConfig;
}

export function listenerOf(name: string, routes: string): TranslatedListener {
  return meaningOf(resourceOf(typeUrls.listener, name, listenerJson(name, routes))) as TranslatedListener;
}
