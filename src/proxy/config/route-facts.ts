// What assembling needs to know of a route configuration, and the one thing it changes in it.

import type { RouteConfig } from '../../policy/index.ts';

/** The same routes, with an idle timeout for those that set none. */
export function applyIdleTimeout(routes: RouteConfig, idleMs: number): RouteConfig {
  return {
    name: routes.name,
    virtualHosts: routes.virtualHosts.map((host) => ({
      ...host,
      routes: host.routes.map((route) =>
        route.timeouts.idleMs === null ? { ...route, timeouts: { ...route.timeouts, idleMs } } : route,
      ),
    })),
  };
}

/** Names of all clusters that a route configuration sends to. */
export function clustersOf(routes: RouteConfig): ReadonlySet<string> {
  const names = new Set<string>();
  for (const host of routes.virtualHosts) {
    for (const { action } of host.routes) {
      if (action.kind === 'forward') for (const { cluster } of action.clusters) names.add(cluster);
    }
  }
  return names;
}
