// The types of resources that exist (xDS v3, those that clients ask for over ADS). A stream keeps account of these
// alone: a type that somebody invents costs nothing, and is answered as one without resources.

import { typeUrls, virtualHostType } from '../types.ts';

const prefix = 'type.googleapis.com/envoy.';

const known: ReadonlySet<string> = new Set([
  ...Object.values(typeUrls),
  virtualHostType,
  `${prefix}config.cluster.v3.ClusterCollection`,
  `${prefix}config.core.v3.TypedExtensionConfig`,
  `${prefix}config.endpoint.v3.LbEndpoint`,
  `${prefix}config.endpoint.v3.LbEndpointCollection`,
  `${prefix}config.listener.v3.ListenerCollection`,
  `${prefix}config.route.v3.ScopedRouteConfiguration`,
  `${prefix}extensions.transport_sockets.tls.v3.Secret`,
  `${prefix}service.runtime.v3.Runtime`,
]);

export function isKnownType(typeUrl: string): boolean {
  return known.has(typeUrl);
}
