// Do the routes of a bootstrap name clusters that exist? Without an ADS server nothing can make a name known later, so
// one that is not there is a typing error, and Envoy refuses it too (validate_clusters, true for routes that stand in a
// listener).

import {
  type bootstrap,
  type Faults,
  httpConnectionManager,
  join,
  type MessageOf,
  tcpProxy,
  unpack,
} from './schema/index.ts';

type BootstrapMessage = MessageOf<typeof bootstrap>;
type Chain = NonNullable<BootstrapMessage['static_resources']>['listeners'][number]['filter_chains'][number];
type RouteConfiguration = NonNullable<MessageOf<typeof httpConnectionManager>['route_config']>;
type Route = RouteConfiguration['virtual_hosts'][number]['routes'][number];

export function checkRouteClusters(message: BootstrapMessage, faults: Faults): void {
  const known = new Set(message.static_resources?.clusters.map(({ name }) => name));
  message.static_resources?.listeners.forEach((listener, index) => {
    const at = `static_resources.listeners[${index}]`;
    listener.filter_chains.forEach((chain, chainIndex) => {
      checkChain(chain, known, `${at}.filter_chains[${chainIndex}]`, faults);
    });
    if (listener.default_filter_chain !== undefined)
      checkChain(listener.default_filter_chain, known, `${at}.default_filter_chain`, faults);
  });
}

function checkChain(chain: Chain, known: ReadonlySet<string | undefined>, at: string, faults: Faults): void {
  const filter = chain.filters.at(-1)?.typed_config;
  const path = `${at}.filters[${Math.max(0, chain.filters.length - 1)}].typed_config`;
  const tunnel = unpack(filter, tcpProxy);
  // One that is asked for need not be there.
  if (tunnel !== null && tunnel.on_demand?.odcds_config === undefined)
    checkTunnel(tunnel, known, path, faults);
  const routes = unpack(filter, httpConnectionManager)?.route_config;
  if (routes !== undefined && routes.validate_clusters !== false)
    checkRoutes(routes, known, join(path, 'route_config'), faults);
}

function checkTunnel(
  tunnel: MessageOf<typeof tcpProxy>,
  known: ReadonlySet<string | undefined>,
  path: string,
  faults: Faults,
): void {
  const named = [
    ['cluster', tunnel.cluster ?? ''] as const,
    ...(tunnel.weighted_clusters?.clusters ?? []).map(
      ({ name }, at) => [`weighted_clusters.clusters[${at}].name`, name ?? ''] as const,
    ),
  ];
  for (const [field, cluster] of named) {
    if (cluster !== '' && !known.has(cluster))
      faults.add(join(path, field), 'must name a cluster of static_resources', cluster);
  }
}

function checkRoutes(
  routes: RouteConfiguration,
  known: ReadonlySet<string | undefined>,
  path: string,
  faults: Faults,
): void {
  routes.virtual_hosts.forEach((host, hostIndex) => {
    host.routes.forEach((route, index) => {
      const at = `${join(path, 'virtual_hosts')}[${hostIndex}].routes[${index}].route`;
      for (const [field, cluster] of clustersOf(route)) {
        if (cluster !== '' && !known.has(cluster))
          faults.add(join(at, field), 'must name a cluster of static_resources', cluster);
      }
    });
  });
}

function clustersOf(route: Route): readonly (readonly [field: string, cluster: string])[] {
  const weighted = route.route?.weighted_clusters?.clusters ?? [];
  const mirrors = route.route?.request_mirror_policies ?? [];
  return [
    ['cluster', route.route?.cluster ?? ''] as const,
    ...weighted.map(({ name }, index) => [`weighted_clusters.clusters[${index}].name`, name ?? ''] as const),
    ...mirrors.map(
      ({ cluster }, index) => [`request_mirror_policies[${index}].cluster`, cluster ?? ''] as const,
    ),
  ];
}
