// Resources in protobuf's JSON by the generated descriptors, which are large: loaded by describe-resource.ts alone.

import { createRegistry, fromBinary, type JsonValue, toJson } from '@bufbuild/protobuf';
import { genFiles } from './gen-files.ts';
import type { XdsResource } from './types.ts';

const registry = createRegistry(...genFiles);

/** What cannot be read is shown as its bytes. */
export function resourceJson({ typeUrl, bytes }: XdsResource): JsonValue {
  const schema = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1));
  try {
    if (schema !== undefined) return toJson(schema, fromBinary(schema, bytes), { registry });
  } catch {
    // A message within it that is not among the generated ones.
  }
  return { '@type': typeUrl, bytes: Buffer.from(bytes).toString('base64') };
}
