// The last good configuration as a file: the bytes of every accepted resource with its version and age, behind a line
// that says what the file is and what its checksum must be. Resources that hold private keys are of types that are
// never written here.

import { createHash } from 'node:crypto';
import { fail, ok, type Result } from '../../base/index.ts';
import { typeUrls, virtualHostType, type XdsResource } from '../../xds/index.ts';
import { configLimits } from './limits.ts';

export interface SavedResource {
  readonly resource: XdsResource;
  /** Clock.wall() when the control plane sent it. */
  readonly receivedAtMs: number;
}

export interface LastGood {
  /** Whose configuration it is; another node's must not be used. */
  readonly nodeId: string;
  readonly savedAtMs: number;
  readonly resources: readonly SavedResource[];
}

/**
 * One file for each node, since several may share a folder. Ids differ that look alike as file names, hence the digest.
 */
export function lastGoodFileOf(nodeId: string): string {
  const readable = nodeId.replace(/[^\w.~-]/g, '_').slice(0, 100);
  return `last-good-${readable}-${digest(nodeId).slice(0, 8)}.weft`;
}

const format = 'weft-last-good/1';

interface SavedRow {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly receivedAtMs: number;
  readonly bytes: string;
}

export function encodeLastGood(saved: LastGood): Uint8Array {
  const rows = saved.resources.map(encodeRow);
  const { nodeId: node, savedAtMs } = saved;
  const body = `{"node":${JSON.stringify(node)},"savedAtMs":${savedAtMs},"resources":[${rows.join(',')}]}`;
  return Buffer.from(`${format} sha256=${digest(body)}\n${body}\n`);
}

/**
 * Encoded once for each resource: of thousands few change from save to save, and all of them together took 20 ms of the
 * data path's thread.
 */
const encodedRows = new WeakMap<XdsResource, { readonly receivedAtMs: number; readonly row: string }>();

function encodeRow({ resource, receivedAtMs }: SavedResource): string {
  const known = encodedRows.get(resource);
  if (known?.receivedAtMs === receivedAtMs) return known.row;
  const saved: SavedRow = {
    type: resource.typeUrl,
    name: resource.name,
    version: resource.version,
    receivedAtMs,
    bytes: Buffer.from(resource.bytes).toString('base64'),
  };
  const row = JSON.stringify(saved);
  encodedRows.set(resource, { receivedAtMs, row });
  return row;
}

/** The error says why the file cannot be used: not ours, another version, damaged, or of another node. */
export function parseLastGood(bytes: Uint8Array, nodeId: string): Result<LastGood, string> {
  if (bytes.length > configLimits.savedBytesMax)
    return fail(`has more than ${configLimits.savedBytesMax} bytes`);
  const text = Buffer.from(bytes).toString('utf8');
  const header = /^(\S+) sha256=([0-9a-f]{64})\n/.exec(text);
  if (header === null) return fail('is not a file of Weft');
  if (header[1] !== format) return fail(`has format ${header[1]}, this version reads ${format}`);
  const body = text.slice(header[0].length).replace(/\n$/, '');
  if (digest(body) !== header[2]) return fail('does not match its checksum');
  return parseBody(body, nodeId);
}

/**
 * Behind the checksum stands what this program wrote, but perhaps another build of it: shapes are checked all the same.
 */
function parseBody(body: string, nodeId: string): Result<LastGood, string> {
  const value: unknown = JSON.parse(body);
  if (!isObject(value) || !Array.isArray(value['resources'])) return fail('has an unknown shape');
  if (value['node'] !== nodeId) return fail(`belongs to node ${String(value['node'])}`);
  const resources: SavedResource[] = [];
  for (const row of value['resources']) {
    if (!isRow(row)) return fail('holds a resource of an unknown shape');
    const { name, version, type: typeUrl, receivedAtMs } = row;
    resources.push({
      resource: { name, version, typeUrl, bytes: new Uint8Array(Buffer.from(row.bytes, 'base64')) },
      receivedAtMs,
    });
  }
  return ok({ nodeId, savedAtMs: Number(value['savedAtMs']), resources });
}

const knownTypes: readonly string[] = [...Object.values(typeUrls), virtualHostType];

function isRow(row: unknown): row is SavedRow {
  return (
    isObject(row) &&
    typeof row['name'] === 'string' &&
    typeof row['version'] === 'string' &&
    typeof row['receivedAtMs'] === 'number' &&
    typeof row['bytes'] === 'string' &&
    knownTypes.includes(String(row['type']))
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function digest(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}
