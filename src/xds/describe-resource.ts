// A resource in protobuf's JSON, for people. The descriptors are loaded by the first who asks.

import { createRegistry, fromBinary, type JsonValue, type Registry, toJson } from '@bufbuild/protobuf';
import type { XdsResource } from './types.ts';

let loading: Promise<Registry> | null = null;

function loadRegistry(): Promise<Registry> {
  loading ??= import('./gen-files.ts').then(({ genFiles }) => createRegistry(...genFiles));
  return loading;
}

/** What cannot be read is shown as its bytes. */
export async function describeResource({ typeUrl, bytes }: XdsResource): Promise<JsonValue> {
  const registry = await loadRegistry();
  const schema = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
  try {
    if (schema !== undefined) return toJson(schema, fromBinary(schema, bytes), { registry });
  } catch {
    // A message within it that is not among the generated ones.
  }
  return { '@type': typeUrl, bytes: Buffer.from(bytes).toString('base64') };
}
