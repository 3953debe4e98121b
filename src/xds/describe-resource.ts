// A resource in protobuf's JSON, for people. Nothing of a proxy asks for it: the descriptors and the library that reads
// them are loaded by the first who does.

import type { JsonValue } from '@bufbuild/protobuf';
import type { XdsResource } from './types.ts';

/** What cannot be read is shown as its bytes. */
export async function describeResource(resource: XdsResource): Promise<JsonValue> {
  const { resourceJson } = await import('./resource-json.ts');
  return resourceJson(resource);
}
