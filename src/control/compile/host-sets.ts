// Outbound virtual hosts as resources by themselves (VHDS), for proxies that say `vhds` of themselves: a new Service is
// sent as its own host, where a table would be sent whole. Callers far from a Service all see the same; what a
// namespace sees otherwise lies over that.

import { ResourceSet, virtualHostType, WireWriter, type XdsResource } from '../../xds/index.ts';
import { rememberReferences } from './references.ts';
import type { Encoded } from './resource.ts';

/** One encoded host; equal hashes are equal hosts. */
export interface HostPart extends Encoded {
  /** Below the name of its table. */
  readonly name: string;
  readonly hash: string;
}

interface NearSet {
  readonly set: ResourceSet;
  /** Of which model. */
  readonly age: number;
}

/** The hosts of one table's name. */
export class HostSets {
  private readonly table: string;
  private far: ResourceSet = ResourceSet.of([]);
  private farAge = -1;
  private readonly near = new Map<string, NearSet>();
  /** Of a part that is still the same nothing is looked up. */
  private readonly made = new WeakMap<HostPart, XdsResource>();

  constructor(table: string) {
    this.table = table;
  }

  /** `far` and `near` are asked for what there is, once a model of this `age`. */
  setOf(
    namespace: string,
    age: number,
    far: () => readonly HostPart[],
    near: () => readonly HostPart[],
  ): ResourceSet {
    if (this.farAge !== age) this.followFar(far(), age);
    const held = this.near.get(namespace);
    if (held?.age === age) return held.set;
    const own = near().map((part) => this.resourceOf(part, held?.set ?? this.far));
    const differing = own.filter((resource) => this.far.get(resource.name) !== resource);
    const set = ResourceSet.over(this.far, differing, held?.set);
    this.near.set(namespace, { set, age });
    return set;
  }

  private followFar(parts: readonly HostPart[], age: number): void {
    const names = new Set<string>();
    const resources = parts.map((part) => {
      const resource = this.resourceOf(part, this.far);
      names.add(resource.name);
      return resource;
    });
    const changed = resources.filter((resource) => this.far.get(resource.name) !== resource);
    const gone = names.size - changed.length === this.far.size ? [] : [...this.far.keys()];
    this.far = this.far.with(
      changed,
      gone.filter((name) => !names.has(name)),
    );
    for (const [namespace, set] of this.near) if (set.age < this.farAge) this.near.delete(namespace);
    this.farAge = age;
  }

  private resourceOf(part: HostPart, held: ResourceSet): XdsResource {
    const known = this.made.get(part);
    if (known !== undefined) return known;
    const name = `${this.table}/${part.name}`;
    const before = held.get(name);
    const resource = before?.version === part.hash ? before : new HostResource(name, part);
    if (resource !== before) rememberReferences(resource, part.references);
    this.made.set(part, resource);
    return resource;
  }
}

/** Made of its part whenever somebody asks: it is encoded once for all clients, and need not be held a third time. */
class HostResource implements XdsResource {
  readonly name: string;
  readonly typeUrl = virtualHostType;
  private readonly part: HostPart;

  constructor(name: string, part: HostPart) {
    this.name = name;
    this.part = part;
  }

  get version(): string {
    return this.part.hash;
  }

  get bytes(): Uint8Array {
    return rename(unwrap(this.part.bytes), this.name);
  }
}

/** The host of a table that has it alone: behind a tag and a length. */
function unwrap(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(lengthEnd(bytes));
}

/** Envoy takes a host away by its own name, not by that of its resource: the two are one. */
function rename(host: Uint8Array, name: string): Uint8Array {
  // Its name is its first field, behind a tag and a length.
  const rest = host.subarray(lengthEnd(host) + lengthOf(host));
  const writer = new WireWriter(rest.length + 3 * name.length + 8);
  writer.string(1, name);
  writer.raw(rest);
  return writer.finish();
}

/** Of the field that bytes begin with. */
function lengthOf(bytes: Uint8Array): number {
  let length = 0;
  for (let at = 1, shift = 0; ; at++, shift += 7) {
    const byte = bytes[at] ?? 0;
    length += (byte & 0x7f) << shift;
    if (byte < 0x80) return length;
  }
}

function lengthEnd(bytes: Uint8Array): number {
  let at = 1;
  while ((bytes[at] ?? 0) >= 0x80) at += 1;
  return at + 1;
}
