// Compiled and serialised resources, kept from build to build: what is made of equal input is the same object, made once, however many proxies
// hold it. Plain compiling of 1,000 services for every endpoint change would take longer than the change may take to arrive.

import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { XdsResource } from '../../xds/index.ts';

interface Slot {
  readonly input: string;
  readonly resource: XdsResource;
  generation: number;
}

export class ResourceCache {
  readonly #slots = new Map<string, Slot>();
  #generation = 0;

  /**
   * `variant` tells apart resources of one name that different proxies hold (a zone, a namespace). `compile` runs only when `input`, which must
   * determine its outcome, is not what it was.
   */
  get<D extends DescMessage>(
    schema: D,
    name: string,
    variant: string,
    input: string,
    compile: () => MessageShape<D>,
  ): XdsResource {
    const slotKey = `${schema.typeName} ${name} ${variant}`;
    const slot = this.#slots.get(slotKey);
    if (slot !== undefined && slot.input === input) {
      slot.generation = this.#generation;
      return slot.resource;
    }
    const bytes = toBinary(schema, compile());
    const version = hashOf(bytes);
    // Different input may still mean equal bytes; then it is the same resource.
    const same = slot?.resource.version === version ? slot.resource : null;
    const resource = same ?? { name, version, typeUrl: `type.googleapis.com/${schema.typeName}`, bytes };
    this.#slots.set(slotKey, { input, resource, generation: this.#generation });
    return resource;
  }

  /** Begins a build. What the one before did not ask for is dropped. */
  nextGeneration(): void {
    for (const [key, slot] of this.#slots) if (slot.generation < this.#generation) this.#slots.delete(key);
    this.#generation++;
  }

  get size(): number {
    return this.#slots.size;
  }
}

/** 64 bits of SHA-256 in hex: versions are compared, never attacked. */
export function hashOf(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}
