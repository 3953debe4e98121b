// Who has which host names of a listener or a port already: asked once for each name, however many are taken.

import { widerThan } from './hosts.ts';

/** Host names by the kind of routes that has them. */
export class KindClaims {
  private readonly byKind = new Map<string, HostNames>();

  take(host: string, kind: string): void {
    const names = this.byKind.get(kind) ?? new HostNames();
    this.byKind.set(kind, names);
    names.add(host);
  }

  /** Another kind has one of them, one that covers one, or one within one. */
  isContested(hosts: readonly string[], kind: string): boolean {
    return [...this.byKind].some(
      ([other, names]) => other !== kind && hosts.some((host) => names.overlap(host)),
    );
  }
}

class HostNames {
  private readonly names = new Set<string>();
  /** These and all that cover one of them; null: nobody has asked, as where one kind has all. */
  private wider: Set<string> | null = null;

  add(host: string): void {
    this.names.add(host);
    if (this.wider !== null) for (const name of widerThan(host)) this.wider.add(name);
  }

  overlap(host: string): boolean {
    for (const name of widerThan(host)) if (this.names.has(name)) return true;
    this.wider ??= new Set([...this.names].flatMap((name) => [...widerThan(name)]));
    return this.wider.has(host);
  }
}

/** Of one port of a Gateway whose connections are led by the name that they ask for. */
export interface StreamClaims {
  /** Of its listeners. */
  readonly listeners: ReadonlySet<string>;
  /** By routes, at any of its listeners. */
  readonly routes: Set<string>;
}
