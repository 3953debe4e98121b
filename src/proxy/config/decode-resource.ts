// One xDS resource from bytes to what it means to the proxy. The faults become the NACK's text.

import type { Issue } from '../../base/index.ts';
import type { RouteConfig, VirtualHost } from '../../policy/index.ts';
import { typeUrls, virtualHostType, type XdsResource } from '../../xds/index.ts';
import {
  cluster,
  clusterLoadAssignment,
  decodeBinary,
  decodeJson,
  encodeJson,
  Faults,
  type JsonObject,
  listener,
  type MessageOf,
  type MessageSpec,
  routeConfiguration,
  secret,
  virtualHost,
} from './schema/index.ts';
import { spareRoutes } from './spare-routes.ts';
import type { SecretConfig } from './tls-types.ts';
import {
  type TranslatedCluster,
  type TranslatedListener,
  translateCluster,
  translateEndpoints,
  translateListener,
  translateRouteConfig,
  translateSecret,
} from './translate/index.ts';
import type { EndpointSet } from './types.ts';

/** A resource of each type, translated. */
export type Meaning =
  | { readonly kind: 'listener'; readonly value: TranslatedListener }
  | { readonly kind: 'route'; readonly value: RouteConfig }
  /** Of a table that has it not in itself: see {@link HostDecoder}. */
  | { readonly kind: 'host'; readonly value: VirtualHost }
  | { readonly kind: 'cluster'; readonly value: TranslatedCluster }
  | { readonly kind: 'endpoint'; readonly value: EndpointSet }
  | { readonly kind: 'secret'; readonly value: SecretConfig };

export type Decoded =
  /** `issues`: what of it is refused, while the rest means something. */
  | { readonly ok: true; readonly meaning: Meaning; readonly issues: readonly Issue[] }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export function decodeResource(resource: XdsResource): Decoded {
  const faults = new Faults(resource.name);
  const meaning = decodeMeaning(resource, faults);
  if (faults.none && meaning !== null) return { ok: true, meaning, issues: [] };
  if (meaning?.kind === 'route') {
    const spared = spareRoutes(meaning.value, faults.issues);
    if (spared !== null)
      return { ok: true, meaning: { kind: 'route', value: spared }, issues: faults.issues };
  }
  if (faults.none) faults.add('', 'has nothing to configure');
  return { ok: false, issues: faults.issues };
}

function decodeMeaning(resource: XdsResource, faults: Faults): Meaning | null {
  const { name, typeUrl } = resource;
  switch (typeUrl) {
    case typeUrls.listener: {
      const message = readMessage(listener, resource, faults);
      checkName(name, message.name, 'name', faults);
      const value = translateListener(message, '', faults);
      return value === null ? null : { kind: 'listener', value };
    }
    case typeUrls.route: {
      const message = readMessage(routeConfiguration, resource, faults);
      checkName(name, message.name, 'name', faults);
      return { kind: 'route', value: translateRouteConfig(message, name, '', faults) };
    }
    case typeUrls.cluster: {
      const message = readMessage(cluster, resource, faults);
      checkName(name, message.name, 'name', faults);
      return { kind: 'cluster', value: translateCluster(message, '', faults) };
    }
    case typeUrls.endpoint: {
      const message = readMessage(clusterLoadAssignment, resource, faults);
      checkName(name, message.cluster_name, 'cluster_name', faults);
      return { kind: 'endpoint', value: translateEndpoints(message, false, '', faults) };
    }
    case typeUrls.secret: {
      const message = readMessage(secret, resource, faults);
      checkName(name, message.name, 'name', faults);
      const value = translateSecret(message, '', faults);
      return value === null ? null : { kind: 'secret', value };
    }
    default:
      faults.add('', 'is of a type that was not asked for', typeUrl);
      return null;
  }
}

function readMessage<S extends MessageSpec>(
  spec: S,
  { bytes, encoding }: XdsResource,
  faults: Faults,
): MessageOf<S> {
  if (encoding !== 'json') return decodeBinary(spec, bytes, '', faults);
  return decodeJson(spec, JSON.parse(new TextDecoder().decode(bytes)), '', faults);
}

function checkName(expected: string, actual: string | undefined, field: string, faults: Faults): void {
  if (expected !== '' && actual !== expected) {
    faults.add(field, `must be the name of the resource, ${expected}`, actual ?? '');
  }
}

const specs: Readonly<Record<string, MessageSpec>> = {
  [typeUrls.listener]: listener,
  [typeUrls.route]: routeConfiguration,
  [typeUrls.cluster]: cluster,
  [typeUrls.endpoint]: clusterLoadAssignment,
  [virtualHostType]: virtualHost,
};

/**
 * The resource in the JSON form of its message, with "@type", for display. Of a secret only its name: it may hold a
 * private key.
 */
export function describeResource(resource: XdsResource): JsonObject {
  if (resource.typeUrl === typeUrls.secret) return { '@type': resource.typeUrl, name: resource.name };
  const spec = specs[resource.typeUrl];
  if (spec === undefined) return { '@type': resource.typeUrl };
  const decoded = readMessage(spec, resource, new Faults(resource.name));
  return { '@type': resource.typeUrl, ...encodeJson(spec, decoded) };
}
