// Which domains the virtual hosts of a table have, where these come by themselves: a domain in two of them is the first
// one's, and the other is told.

import type { Issue } from '../../base/index.ts';
import type { VirtualHost } from '../../policy/index.ts';
import { tableOf } from './demanded-names.ts';

export class HostClaims {
  private readonly hosts = new Map<string, VirtualHost>();
  /** By table and domain, in the order in which they came. */
  private readonly owners = new Map<string, Set<string>>();

  set(resource: string, host: VirtualHost): void {
    const before = this.hosts.get(resource);
    this.hosts.set(resource, host);
    const keys = new Set(keysOf(resource, host));
    for (const key of before === undefined ? [] : keysOf(resource, before))
      if (!keys.has(key)) this.release(key, resource);
    for (const key of keys) this.owners.set(key, (this.owners.get(key) ?? new Set()).add(resource));
  }

  delete(resource: string): void {
    const host = this.hosts.get(resource);
    if (host === undefined) return;
    this.hosts.delete(resource);
    for (const key of keysOf(resource, host)) this.release(key, resource);
  }

  hostNameOf(resource: string): string | null {
    return this.hosts.get(resource)?.name ?? null;
  }

  /** Of those that another one had before. */
  doublesOf(resource: string): readonly Issue[] {
    const host = this.hosts.get(resource);
    if (host === undefined) return [];
    return keysOf(resource, host).flatMap((key, index) => {
      const [first] = this.owners.get(key) ?? [];
      if (first === resource || first === undefined) return [];
      const rule = `must be no other virtual host's: ${first} has it`;
      return [{ object: resource, field: `domains[${index}]`, rule, value: host.domains[index] ?? '' }];
    });
  }

  private release(key: string, resource: string): void {
    const owners = this.owners.get(key);
    if (owners?.delete(resource) === true && owners.size === 0) this.owners.delete(key);
  }
}

function keysOf(resource: string, { domains }: VirtualHost): readonly string[] {
  const table = tableOf(resource);
  return domains.map((domain) => `${table}/${domain.toLowerCase()}`);
}
