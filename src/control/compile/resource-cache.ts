// Compiled and serialised resources, kept from build to build: what is made of equal input is the same object, made
// once, however many proxies hold it. Whole maps are shared too, because a server compares what it sent with what there
// is by reference first.

import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { XdsResource } from '../../xds/index.ts';
import { findReferences, type Reference, rememberReferences } from './references.ts';

export type ResourceMap = ReadonlyMap<string, XdsResource>;

/** A resource's bytes, and what it needs to be there. */
export interface Encoded {
  readonly bytes: Uint8Array;
  readonly references: readonly Reference[];
}

/** How a joined map came to be, so that what holds for its base need not be found out again for each scope. */
const joints = new WeakMap<
  ResourceMap,
  { readonly base: ResourceMap; readonly own: readonly XdsResource[] }
>();

export function jointOf(map: ResourceMap) {
  return joints.get(map) ?? null;
}

/** Something kept under a key, with what it was made of. */
interface Slot<T> {
  readonly input: unknown;
  readonly value: T;
  generation: number;
}

export class ResourceCache {
  private readonly resources = new Map<string, Slot<XdsResource>>();
  private readonly maps = new Map<string, Slot<ResourceMap>>();
  private readonly values = new Map<string, Slot<unknown>>();
  private generation = 0;
  private buildInput = '';

  /**
   * `variant` tells apart resources of one name that different proxies hold (a zone, a namespace). `compile` runs only
   * when `input`, which must determine its outcome, is not what it was.
   */
  resource<D extends DescMessage>(
    schema: D,
    name: string,
    variant: string,
    input: string,
    compile: () => MessageShape<D>,
  ): XdsResource {
    return this.encoded(schema, name, variant, input, () => {
      const message = compile();
      return { bytes: toBinary(schema, message), references: findReferences(message) };
    });
  }

  /** As {@link resource}, for what is put together from bytes. */
  encoded(
    schema: DescMessage,
    name: string,
    variant: string,
    input: string,
    encode: () => Encoded,
  ): XdsResource {
    const key = `${schema.typeName} ${name} ${variant}`;
    const slot = this.resources.get(key);
    if (slot !== undefined && slot.input === input) {
      slot.generation = this.generation;
      return slot.value;
    }
    const { bytes, references } = encode();
    const version = hashOf(bytes);
    // Different input may still mean equal bytes; then it is the same resource.
    const same = slot?.value.version === version ? slot.value : null;
    const value = same ?? { name, version, typeUrl: `type.googleapis.com/${schema.typeName}`, bytes };
    if (same === null) rememberReferences(value, references);
    this.resources.set(key, { input, value, generation: this.generation });
    return value;
  }

  /** The map that was there under `key` if it holds the very same resources, else `map`. */
  shareMap(key: string, map: ResourceMap): ResourceMap {
    const before = this.maps.get(key)?.value;
    const value = before !== undefined && isSame(before, map) ? before : map;
    this.maps.set(key, { input: null, value, generation: this.generation });
    return value;
  }

  /** `base` and `own` in one map, made again only when either changed. */
  joinMaps(key: string, base: ResourceMap, own: readonly XdsResource[]): ResourceMap {
    if (own.length === 0) return base;
    const before = this.maps.get(key);
    if (before?.input === base && own.every((one) => before.value.get(one.name) === one))
      if (before.value.size === base.size + own.length) {
        before.generation = this.generation;
        return before.value;
      }
    const value = new Map(base);
    for (const one of own) value.set(one.name, one);
    joints.set(value, { base, own });
    this.maps.set(key, { input: base, value, generation: this.generation });
    return value;
  }

  /** Any value that `input` determines; `key` must belong to one kind of value alone. */
  value<T>(key: string, input: string, make: () => T): T {
    const slot = this.values.get(key) as Slot<T> | undefined;
    if (slot !== undefined && slot.input === input) {
      slot.generation = this.generation;
      return slot.value;
    }
    const value = make();
    this.values.set(key, { input, value, generation: this.generation });
    return value;
  }

  /**
   * Begins a build from `input`, which stands for everything but endpoints. Only when that changes is everything asked
   * for again, so only then can what was not asked for be told from what is merely unchanged, and dropped.
   */
  beginBuild(input: string): void {
    if (input === this.buildInput) return;
    this.buildInput = input;
    for (const slots of [this.resources, this.maps, this.values])
      for (const [key, slot] of slots) if (slot.generation < this.generation) slots.delete(key);
    this.generation++;
  }

  /** Drops what was kept for one scope alone, which has no proxy any more. */
  dropScope(key: string): void {
    this.values.delete(`statics ${key}`);
    for (const part of ['listeners', 'routes', 'clusters']) this.maps.delete(`${part} ${key}`);
    for (const name of this.resources.keys()) if (name.endsWith(` ${key}`)) this.resources.delete(name);
  }

  get size(): number {
    return this.resources.size;
  }
}

function isSame(a: ResourceMap, b: ResourceMap): boolean {
  if (a.size !== b.size) return false;
  for (const [name, resource] of b) if (a.get(name) !== resource) return false;
  return true;
}

/** 64 bits of SHA-256 in hex: versions are compared, never attacked. */
export function hashOf(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}
