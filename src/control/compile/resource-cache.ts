// Compiled and serialised resources, kept from build to build: what is made of equal input is the same object, made once, however many proxies
// hold it. Whole maps are shared too, because a server compares what it sent with what there is by reference first.

import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { XdsResource } from '../../xds/index.ts';
import { rememberReferences } from './references.ts';

export type ResourceMap = ReadonlyMap<string, XdsResource>;

/** Something kept under a key, with what it was made of. */
interface Slot<T> {
  readonly input: unknown;
  readonly value: T;
  generation: number;
}

export class ResourceCache {
  readonly #resources = new Map<string, Slot<XdsResource>>();
  readonly #maps = new Map<string, Slot<ResourceMap>>();
  readonly #values = new Map<string, Slot<unknown>>();
  #generation = 0;

  /**
   * `variant` tells apart resources of one name that different proxies hold (a zone, a namespace). `compile` runs only when `input`, which must
   * determine its outcome, is not what it was.
   */
  resource<D extends DescMessage>(
    schema: D,
    name: string,
    variant: string,
    input: string,
    compile: () => MessageShape<D>,
  ): XdsResource {
    const key = `${schema.typeName} ${name} ${variant}`;
    const slot = this.#resources.get(key);
    if (slot !== undefined && slot.input === input) {
      slot.generation = this.#generation;
      return slot.value;
    }
    const message = compile();
    const bytes = toBinary(schema, message);
    const version = hashOf(bytes);
    // Different input may still mean equal bytes; then it is the same resource.
    const same = slot?.value.version === version ? slot.value : null;
    const value = same ?? { name, version, typeUrl: `type.googleapis.com/${schema.typeName}`, bytes };
    if (same === null) rememberReferences(value, message);
    this.#resources.set(key, { input, value, generation: this.#generation });
    return value;
  }

  /** The map that was there under `key` if it holds the very same resources, else `map`. */
  shareMap(key: string, map: ResourceMap): ResourceMap {
    const before = this.#maps.get(key)?.value;
    const value = before !== undefined && isSame(before, map) ? before : map;
    this.#maps.set(key, { input: null, value, generation: this.#generation });
    return value;
  }

  /** `base` and `own` in one map, made again only when either changed. */
  joinMaps(key: string, base: ResourceMap, own: readonly XdsResource[]): ResourceMap {
    if (own.length === 0) return base;
    const before = this.#maps.get(key);
    if (before?.input === base && own.every((one) => before.value.get(one.name) === one))
      if (before.value.size === base.size + own.length) {
        before.generation = this.#generation;
        return before.value;
      }
    const value = new Map(base);
    for (const one of own) value.set(one.name, one);
    this.#maps.set(key, { input: base, value, generation: this.#generation });
    return value;
  }

  /** Any value that `input` determines; `key` must belong to one kind of value alone. */
  value<T>(key: string, input: string, make: () => T): T {
    const slot = this.#values.get(key) as Slot<T> | undefined;
    if (slot !== undefined && slot.input === input) {
      slot.generation = this.#generation;
      return slot.value;
    }
    const value = make();
    this.#values.set(key, { input, value, generation: this.#generation });
    return value;
  }

  /** Begins a build. What the one before did not ask for is dropped. */
  nextGeneration(): void {
    for (const slots of [this.#resources, this.#maps, this.#values])
      for (const [key, slot] of slots) if (slot.generation < this.#generation) slots.delete(key);
    this.#generation++;
  }

  get size(): number {
    return this.#resources.size;
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
