// A DiscoveryResponse in a file, as Envoy reads it (path_config_source): JSON or YAML, or the message itself (.pb).

import { fail, ok, type Result } from '../../../base/index.ts';
import { parseText } from '../../../net/index.ts';
import { hashContent, parseSotwResponse, type XdsResource } from '../../../xds/index.ts';

export interface DiscoveryFile {
  /** Of the file, or of its content where it has none. */
  readonly version: string;
  readonly resources: readonly XdsResource[];
}

/** A fault says what is wrong with the file as a whole; what is wrong with a resource is found when it is decoded. */
export function parseDiscoveryFile(path: string, bytes: Uint8Array): Result<DiscoveryFile, string> {
  try {
    return path.endsWith('.pb') ? readMessage(bytes) : readDocument(bytes);
  } catch (error) {
    return fail(`is no DiscoveryResponse: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readMessage(bytes: Uint8Array): Result<DiscoveryFile, string> {
  const { version, resources } = parseSotwResponse(bytes);
  const read = resources.flatMap(({ name, typeUrl, bytes: content }): readonly XdsResource[] =>
    content === null ? [] : [{ name, typeUrl, version: hashContent(content), bytes: content }],
  );
  return ok({ version: version === '' ? hashContent(bytes) : version, resources: read });
}

function readDocument(bytes: Uint8Array): Result<DiscoveryFile, string> {
  const document = parseText(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as {
    readonly version_info?: unknown;
    readonly resources?: unknown;
  } | null;
  const { resources = [], version_info: version } = document ?? {};
  if (!Array.isArray(resources)) return fail('is no DiscoveryResponse: resources must be a list');
  const read: XdsResource[] = [];
  for (const [index, resource] of resources.entries()) {
    const one = readResource(resource);
    if (one === null)
      return fail(`is no DiscoveryResponse: resources[${index}] must be an object with @type`);
    read.push(one);
  }
  const said = typeof version === 'string' || typeof version === 'number' ? String(version) : '';
  return ok({ version: said === '' ? hashContent(bytes) : said, resources: read });
}

function readResource(value: unknown): XdsResource | null {
  if (typeof value !== 'object' || value === null) return null;
  const { '@type': typeUrl, ...fields } = value as Readonly<Record<string, unknown>>;
  if (typeof typeUrl !== 'string') return null;
  // An endpoint set has its name elsewhere.
  const name = fields['name'] ?? fields['cluster_name'] ?? fields['clusterName'] ?? '';
  const bytes = new TextEncoder().encode(JSON.stringify(fields));
  return { name: String(name), typeUrl, version: hashContent(bytes), bytes, encoding: 'json' };
}
