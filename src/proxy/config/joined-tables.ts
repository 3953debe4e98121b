// Tables whose virtual hosts come by themselves, joined with those that are in force. A host stands in the order in
// which it came; of one domain in two hosts the first has it, so that no order of updates leaves a table without
// routes.

import type { RouteConfig, VirtualHost } from '../../policy/index.ts';
import { tableOf } from './demanded-names.ts';

export class JoinedTables {
  /** By table, then by resource. */
  private readonly hosts = new Map<string, Map<string, VirtualHost>>();
  private readonly joined = new Map<string, { readonly of: RouteConfig; readonly routes: RouteConfig }>();

  set(resource: string, host: VirtualHost): void {
    const table = tableOf(resource);
    const hosts = this.hosts.get(table) ?? new Map<string, VirtualHost>();
    this.hosts.set(table, hosts.set(resource, host));
    this.joined.delete(table);
  }

  delete(resource: string): void {
    const table = tableOf(resource);
    const hosts = this.hosts.get(table);
    if (hosts?.delete(resource) !== true) return;
    if (hosts.size === 0) this.hosts.delete(table);
    this.joined.delete(table);
  }

  has(resource: string): boolean {
    return this.hosts.get(tableOf(resource))?.has(resource) === true;
  }

  /** The same object while nothing of it changed. */
  join(routes: RouteConfig): RouteConfig {
    const hosts = this.hosts.get(routes.name);
    if (routes.vhds === undefined || hosts === undefined) return routes;
    const known = this.joined.get(routes.name);
    if (known?.of === routes) return known.routes;
    const joined = { ...routes, virtualHosts: withoutDoubles([...routes.virtualHosts, ...hosts.values()]) };
    this.joined.set(routes.name, { of: routes, routes: joined });
    return joined;
  }
}

/** Hosts that keep all of their domains stay the objects that they are. */
export function withoutDoubles(hosts: readonly VirtualHost[]): readonly VirtualHost[] {
  const taken = new Set<string>();
  return hosts.flatMap((host) => {
    const domains = host.domains.filter((domain) => !taken.has(domain.toLowerCase()));
    for (const domain of domains) taken.add(domain.toLowerCase());
    if (domains.length === host.domains.length) return [host];
    return domains.length === 0 ? [] : [{ ...host, domains }];
  });
}
