// What assembling needs to know of a route configuration, and the one thing it changes in it. Found once for each
// virtual host: most of them stay what they are when a configuration changes.

import type { RouteConfig, VirtualHost } from '../../policy/index.ts';

const idle = new WeakMap<VirtualHost, Map<number, VirtualHost>>();

/** The same routes, with an idle timeout for those that set none. */
export function applyIdleTimeout(routes: RouteConfig, idleMs: number): RouteConfig {
  return { ...routes, virtualHosts: routes.virtualHosts.map((host) => applyToHost(host, idleMs)) };
}

function applyToHost(host: VirtualHost, idleMs: number): VirtualHost {
  const variants = idle.get(host) ?? new Map<number, VirtualHost>();
  idle.set(host, variants);
  const known = variants.get(idleMs);
  if (known !== undefined) return known;
  const routes = host.routes.map((route) =>
    route.timeouts.idleMs === null ? { ...route, timeouts: { ...route.timeouts, idleMs } } : route,
  );
  const variant = { ...host, routes };
  variants.set(idleMs, variant);
  return variant;
}

const clusters = new WeakMap<VirtualHost, readonly string[]>();

/** Names of all clusters that a route configuration sends to. */
export function clustersOf(routes: RouteConfig): ReadonlySet<string> {
  const names = new Set<string>();
  for (const host of routes.virtualHosts) for (const name of clustersOfHost(host)) names.add(name);
  return names;
}

/** The same of one virtual host. */
export function clustersOfHost(host: VirtualHost): readonly string[] {
  let names = clusters.get(host);
  if (names === undefined) {
    names = host.routes.flatMap(({ action }) =>
      action.kind === 'forward'
        ? [...action.clusters, ...(action.mirrors ?? [])]
            .map(({ cluster }) => cluster)
            .filter((name) => name !== '')
        : [],
    );
    clusters.set(host, names);
  }
  return names;
}
