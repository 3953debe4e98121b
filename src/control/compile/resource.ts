// A compiled message as a resource: its bytes, their hash as its version, and what it needs to be there.

import { createHash } from 'node:crypto';
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import type { XdsResource } from '../../xds/index.ts';
import { findReferences, type Reference, rememberReferences } from './references.ts';

/** A resource's bytes, and what it needs to be there. */
export interface Encoded {
  readonly bytes: Uint8Array;
  readonly references: readonly Reference[];
}

/** `before`: the resource of that name so far; it stays if its bytes are the same. */
export function encodeResource<D extends DescMessage>(
  schema: D,
  name: string,
  message: MessageShape<D>,
  before?: XdsResource,
): XdsResource {
  const bytes = toBinary(schema, message);
  const version = hashOf(bytes);
  if (before?.version === version) return before;
  const resource = new EncodedResource(name, version, typeUrlOf(schema), bytes);
  rememberReferences(resource, findReferences(message));
  return resource;
}

class EncodedResource implements XdsResource {
  readonly name: string;
  readonly version: string;
  readonly typeUrl: string;
  bytes: Uint8Array;

  constructor(name: string, version: string, typeUrl: string, bytes: Uint8Array) {
    this.name = name;
    this.version = version;
    this.typeUrl = typeUrl;
    this.bytes = bytes;
  }

  keepIn(bytes: Uint8Array): void {
    this.bytes = bytes;
  }
}

const urls = new Map<DescMessage, string>();

/** One text for all resources of a type. */
function typeUrlOf(schema: DescMessage): string {
  let url = urls.get(schema);
  if (url === undefined) {
    url = `type.googleapis.com/${schema.typeName}`;
    urls.set(schema, url);
  }
  return url;
}

/** 64 bits of SHA-256 in hex: versions are compared, never attacked. */
export function hashOf(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}
