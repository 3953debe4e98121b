// What assembling needs to know of a route configuration, and the one thing it changes in it. Found once for each
// virtual host: most of them stay what they are when a configuration changes.

import type { RouteConfig, VirtualHost } from '../../policy/index.ts';
import { sharePart } from './equal-parts.ts';

/** By the timeout: listeners have few. */
const idle = new Map<number, WeakMap<VirtualHost, VirtualHost>>();
const idleMax = 16;

/** The same routes, with an idle timeout for those that set none. */
export function applyIdleTimeout(routes: RouteConfig, idleMs: number): RouteConfig {
  const made = idle.get(idleMs) ?? new WeakMap<VirtualHost, VirtualHost>();
  if (!idle.has(idleMs) && idle.size >= idleMax) idle.clear();
  idle.set(idleMs, made);
  return { ...routes, virtualHosts: routes.virtualHosts.map((host) => applyToHost(host, idleMs, made)) };
}

function applyToHost(
  host: VirtualHost,
  idleMs: number,
  variants: WeakMap<VirtualHost, VirtualHost>,
): VirtualHost {
  const known = variants.get(host);
  if (known !== undefined) return known;
  const routes = host.routes.map((route) =>
    route.timeouts.idleMs === null ? { ...route, timeouts: sharePart({ ...route.timeouts, idleMs }) } : route,
  );
  const variant = { ...host, routes };
  variants.set(host, variant);
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
