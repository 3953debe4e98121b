// Takes resources in one by one: decodes, applies what is good, and remembers what is not with the reason. A bad
// resource leaves its last good version in force and its neighbours alone.

import type { Clock, Issue } from '../../base/index.ts';
import { formatAddress } from '../../net/index.ts';
import type { RouteConfig } from '../../policy/index.ts';
import { typeUrls, virtualHostType, type XdsResource, type XdsUpdate } from '../../xds/index.ts';
import type { Assembler } from './assembler.ts';
import { type Decoded, decodeResource, type Meaning } from './decode-resource.ts';
import { tableOf } from './demanded-names.ts';
import { HostClaims } from './host-claims.ts';
import { HostDecoder } from './host-decoder.ts';
import type { SavedResource } from './last-good.ts';
import { nameOf, sourcesOf } from './referred-sources.ts';
import { ResourceTable } from './resource-table.ts';
import { RouteDecoder } from './route-decoder.ts';
import type { Sources } from './sources/index.ts';
import type { ListenerCheck } from './types.ts';

export class ResourceIntake {
  readonly tables: ReadonlyMap<string, ResourceTable> = new Map(
    [...Object.values(typeUrls), virtualHostType].map((typeUrl) => [typeUrl, new ResourceTable()]),
  );
  private readonly hosts = new HostDecoder();
  private readonly claims = new HostClaims();
  private readonly routes = new Map<string, RouteDecoder>();
  private readonly clock: Clock;
  private readonly assembler: Assembler;
  private readonly check: ListenerCheck;
  private readonly sources: Pick<Sources, 'refusal' | 'incrementalRefusal'>;

  /** `sources` is asked whether what a resource refers to can come from where it says. */
  constructor(
    clock: Clock,
    assembler: Assembler,
    check: ListenerCheck,
    sources: Pick<Sources, 'refusal' | 'incrementalRefusal'>,
  ) {
    this.clock = clock;
    this.assembler = assembler;
    this.check = check;
    this.sources = sources;
  }

  /** Returns what was refused. */
  take(table: ResourceTable, update: XdsUpdate): readonly Issue[] {
    const issues: Issue[] = [];
    const names = new Set<string>();
    for (const resource of update.changed) {
      const fault = names.has(resource.name) ? duplicate(resource) : this.refusal(resource);
      names.add(resource.name);
      if (fault !== null) this.refuse(table, resource, [fault], issues);
      else this.takeOne(table, resource, update.removed, issues);
    }
    for (const name of update.removed) this.remove(table, update.typeUrl, name);
    if (update.typeUrl === virtualHostType)
      for (const resource of update.changed) {
        const doubles = this.claims.doublesOf(resource.name);
        if (doubles.length > 0) this.refuse(table, resource, doubles, issues);
      }
    table.version = update.version;
    table.updatedMs = this.clock.now();
    if (issues.length === 0) table.updatesAccepted += 1;
    else table.updatesRejected += 1;
    return issues;
  }

  /** From disk: what cannot be used any more, by another version of this program, is left out. */
  restore(resources: readonly SavedResource[]): void {
    for (const { resource, receivedAtMs } of resources) {
      const decoded = this.decode(resource);
      if (!decoded.ok || this.refusal(resource) !== null) continue;
      this.tables.get(resource.typeUrl)?.accept({ resource, receivedAtMs, restored: true });
      this.applyMeaning(resource.name, decoded.meaning, receivedAtMs);
      if (decoded.meaning.kind === 'route') this.growTable(resource, decoded.meaning.value);
    }
  }

  /** Drops what was restored and not sent since. */
  dropUnconfirmed(): void {
    for (const typeUrl of [typeUrls.listener, typeUrls.cluster]) {
      const table = this.tables.get(typeUrl)!;
      for (const [name, entry] of table.accepted) if (entry.restored) this.remove(table, typeUrl, name);
    }
  }

  unconfirmedHosts(): readonly string[] {
    const { accepted } = this.tables.get(virtualHostType)!;
    return [...accepted].flatMap(([name, { restored }]) => (restored ? [name] : []));
  }

  private refusal(resource: XdsResource): Issue | null {
    const kind =
      resource.typeUrl === typeUrls.listener
        ? 'listener'
        : resource.typeUrl === typeUrls.cluster
          ? 'cluster'
          : null;
    if (kind === null || !this.assembler.isStatic(kind, resource.name)) return null;
    return { object: resource.name, field: '', rule: 'is defined in the bootstrap', value: '' };
  }

  private takeOne(
    table: ResourceTable,
    resource: XdsResource,
    leaving: readonly string[],
    issues: Issue[],
  ): void {
    const receivedAtMs = this.clock.wall();
    const known = table.accepted.get(resource.name);
    // The same bytes again need no decoding; an endpoint set grows young by them.
    if (
      known !== undefined &&
      !table.refused.has(resource.name) &&
      sameBytes(known.resource.bytes, resource.bytes) &&
      resource.typeUrl !== typeUrls.endpoint
    ) {
      table.confirm({ resource, receivedAtMs, restored: false });
      table.refused.delete(resource.name);
      return;
    }
    const decoded = this.decode(resource);
    if (!decoded.ok) {
      this.refuse(table, resource, decoded.issues, issues);
      return;
    }
    const unservable =
      this.unreachable(decoded.meaning, resource) ?? this.unservable(decoded.meaning, leaving);
    if (unservable !== null) {
      this.refuse(table, resource, [unservable], issues);
      return;
    }
    table.accept({ resource, receivedAtMs, restored: false });
    if (decoded.issues.length > 0) this.refuse(table, resource, decoded.issues, issues);
    else table.refused.delete(resource.name);
    this.applyMeaning(resource.name, decoded.meaning, receivedAtMs);
    if (decoded.meaning.kind === 'route') this.growTable(resource, decoded.meaning.value);
  }

  /** What its virtual hosts inherit stands in a table: with another one they are others. */
  private growTable(resource: XdsResource, { vhds }: RouteConfig): void {
    if (vhds === undefined) {
      this.hosts.forgetTable(resource.name);
      return;
    }
    if (!this.hosts.setTable(resource)) return;
    for (const { receivedAtMs, resource: host } of this.tables.get(virtualHostType)!.accepted.values()) {
      if (tableOf(host.name) !== resource.name) continue;
      const decoded = this.hosts.decode(host);
      if (decoded.ok) this.applyMeaning(host.name, decoded.meaning, receivedAtMs);
    }
  }

  /** What requests know a resource by: a virtual host by that name, a cluster by its own; null: it was not taken in. */
  usedNameOf(typeUrl: string, resource: string): string | null {
    if (typeUrl === virtualHostType) return this.claims.hostNameOf(resource);
    return this.tables.get(typeUrl)?.accepted.has(resource) === true ? resource : null;
  }

  /** Nobody uses it any more. */
  drop(typeUrl: string, resource: string): void {
    this.remove(this.tables.get(typeUrl)!, typeUrl, resource);
  }

  private decode(resource: XdsResource): Decoded {
    if (resource.typeUrl === virtualHostType) return this.hosts.decode(resource);
    if (resource.typeUrl !== typeUrls.route || resource.encoding === 'json') return decodeResource(resource);
    const decoder = this.routes.get(resource.name) ?? new RouteDecoder();
    this.routes.set(resource.name, decoder);
    return decoder.decode(resource);
  }

  /** Route configurations that nobody asks for any more need not be decoded by their changes. */
  forgetRoutes(name: string): void {
    this.routes.delete(name);
  }

  /** What would never come must not be waited for. */
  private unreachable(meaning: Meaning, { encoding }: XdsResource): Issue | null {
    if (meaning.kind === 'route' && meaning.value.vhds !== undefined) {
      const rule =
        encoding === 'json'
          ? 'goes with a table that comes by gRPC alone'
          : this.sources.incrementalRefusal();
      if (rule !== null) return { object: meaning.value.name, field: 'vhds', rule, value: '' };
    }
    for (const { source, field, incremental } of sourcesOf(meaning)) {
      const inSteps = incremental && source.kind === 'ads' ? this.sources.incrementalRefusal() : null;
      const rule = inSteps ?? this.sources.refusal(source);
      if (rule !== null) return { object: nameOf(meaning), field, rule, value: '' };
    }
    return null;
  }

  /**
   * As Envoy: a listener whose address another one has, or the machine does not give, is refused and not merely
   * unbound.
   */
  private unservable(meaning: Meaning, leaving: readonly string[]): Issue | null {
    if (meaning.kind !== 'listener') return null;
    const { config } = meaning.value;
    for (const { address } of config.binding.bound ? config.binding.addresses : []) {
      const owner = this.assembler.listenerAt(address);
      if (owner === null || owner === config.name || leaving.includes(owner)) continue;
      const rule = `must be no other listener's: ${owner} has it`;
      return { object: config.name, field: 'address', rule, value: formatAddress(address) };
    }
    return this.check.refusal(config);
  }

  private refuse(
    table: ResourceTable,
    resource: XdsResource,
    faults: readonly Issue[],
    issues: Issue[],
  ): void {
    table.refused.set(resource.name, {
      issues: faults,
      version: resource.version,
      atMs: this.clock.wall(),
    });
    issues.push(...faults);
  }

  private applyMeaning(name: string, meaning: Meaning, receivedAtMs: number): void {
    switch (meaning.kind) {
      case 'listener':
        this.assembler.setListener(meaning.value);
        break;
      case 'route':
        this.assembler.setRoutes(meaning.value);
        break;
      case 'host':
        this.claims.set(name, meaning.value);
        this.assembler.setHost(name, meaning.value);
        break;
      case 'cluster':
        this.assembler.setCluster(meaning.value);
        break;
      case 'endpoint':
        this.assembler.setEndpoints(name, meaning.value, receivedAtMs);
        break;
      case 'secret':
        this.assembler.setSecret(name, meaning.value);
        break;
    }
  }

  private remove(table: ResourceTable, typeUrl: string, name: string): void {
    table.forget(name);
    table.refused.delete(name);
    if (typeUrl === typeUrls.listener) this.assembler.removeListener(name);
    else if (typeUrl === typeUrls.cluster) this.assembler.removeCluster(name);
    else if (typeUrl === typeUrls.endpoint) this.assembler.clearEndpoints(name, this.clock.wall());
    else if (typeUrl === typeUrls.secret) this.assembler.removeSecret(name);
    else if (typeUrl === virtualHostType) {
      this.claims.delete(name);
      this.assembler.removeHost(name);
    }
    // A route configuration that is gone stays in force while a listener uses it, as in Envoy.
  }
}

function duplicate(resource: XdsResource): Issue {
  return { object: resource.name, field: '', rule: 'must be in a response once', value: '' };
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return Buffer.compare(left, right) === 0;
}
