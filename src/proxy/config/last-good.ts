// The last good configuration as files: the bytes of every accepted resource with its version and age, behind a line
// that says what the file is and what its checksum must be; and beside it what changed since, a change behind the
// other. Resources that hold private keys are never written here.

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

/** Of a file that was read: changes name it. */
export interface ReadLastGood extends LastGood {
  readonly digest: string;
}

/** What is not any more what the file says. */
export interface SavedChanges {
  readonly changed: readonly SavedResource[];
  readonly removed: readonly RemovedName[];
}

export type RemovedName = readonly [typeUrl: string, name: string];

/**
 * One file for each node, since several may share a folder. Ids differ that look alike as file names, hence the digest.
 */
export function lastGoodFileOf(nodeId: string): string {
  const readable = nodeId.replace(/[^\w.~-]/g, '_').slice(0, 100);
  return `last-good-${readable}-${digest(nodeId).slice(0, 8)}.weft`;
}

/** What changed since that file was written. */
export function changesFileOf(nodeId: string): string {
  return `${lastGoodFileOf(nodeId)}.changes`;
}

export const savedFormat = 'weft-last-good/1';
export const changeFormat = 'weft-last-good-change/1';

interface SavedRow {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly receivedAtMs: number;
  readonly bytes: string;
}

/** The error says why the file cannot be used: not ours, another version, damaged, or of another node. */
export function parseLastGood(bytes: Uint8Array, nodeId: string): Result<ReadLastGood, string> {
  if (bytes.length > configLimits.savedBytesMax)
    return fail(`has more than ${configLimits.savedBytesMax} bytes`);
  const text = Buffer.from(bytes).toString('utf8');
  const header = /^(\S+) sha256=([0-9a-f]{64})\n/.exec(text);
  if (header === null) return fail('is not a file of Weft');
  if (header[1] !== savedFormat) return fail(`has format ${header[1]}, this version reads ${savedFormat}`);
  const body = text.slice(header[0].length).replace(/\n$/, '');
  if (digest(body) !== header[2]) return fail('does not match its checksum');
  return parseBody(body, nodeId, header[2]);
}

/**
 * Behind the checksum stands what this program wrote, but perhaps another build of it: shapes are checked all the same.
 */
function parseBody(body: string, nodeId: string, sum: string): Result<ReadLastGood, string> {
  const value: unknown = JSON.parse(body);
  if (!isObject(value) || !Array.isArray(value['resources'])) return fail('has an unknown shape');
  if (value['node'] !== nodeId) return fail(`belongs to node ${String(value['node'])}`);
  const resources = parseRows(value['resources']);
  if (resources === null) return fail('holds a resource of an unknown shape');
  return ok({ nodeId, savedAtMs: Number(value['savedAtMs']), resources, digest: sum });
}

/**
 * The file with what changed since. `fault`: why the rest of the changes was left out; what was written last may have
 * been cut short by a crash.
 */
export function applyChanges(
  saved: ReadLastGood,
  changes: Uint8Array,
): { readonly saved: LastGood; readonly fault: string | null } {
  if (changes.length > configLimits.savedBytesMax)
    return { saved, fault: `has more than ${configLimits.savedBytesMax} bytes` };
  const lines = Buffer.from(changes).toString('utf8').split('\n');
  const resources = new Map(saved.resources.map((each) => [keyOf(each.resource), each]));
  let { savedAtMs } = saved;
  let fault: string | null = null;
  for (let at = 0; at + 1 < lines.length; at += 2) {
    const change = parseChange(lines[at]!, lines[at + 1]!, saved);
    if (!change.ok) {
      fault = change.error;
      break;
    }
    if (change.value === null) continue;
    savedAtMs = change.value.savedAtMs;
    for (const [typeUrl, name] of change.value.removed) resources.delete(keyOf({ typeUrl, name }));
    for (const each of change.value.changed) resources.set(keyOf(each.resource), each);
  }
  return { saved: { nodeId: saved.nodeId, savedAtMs, resources: [...resources.values()] }, fault };
}

/** Null: of another file, which a process wrote that ended before it wrote anew. */
function parseChange(
  header: string,
  body: string,
  saved: ReadLastGood,
): Result<(SavedChanges & { readonly savedAtMs: number }) | null, string> {
  if (header !== `${changeFormat} sha256=${digest(body)}`)
    return fail('a change does not match its checksum');
  const value: unknown = JSON.parse(body);
  if (!isObject(value) || !Array.isArray(value['resources']) || !Array.isArray(value['removed']))
    return fail('a change has an unknown shape');
  if (value['base'] !== saved.digest || value['node'] !== saved.nodeId) return ok(null);
  const changed = parseRows(value['resources']);
  if (changed === null || !value['removed'].every(isRemoved)) return fail('a change has an unknown shape');
  return ok({ changed, removed: value['removed'], savedAtMs: Number(value['savedAtMs']) });
}

function parseRows(rows: readonly unknown[]): readonly SavedResource[] | null {
  const resources: SavedResource[] = [];
  for (const row of rows) {
    if (!isRow(row)) return null;
    const { name, version, type: typeUrl, receivedAtMs } = row;
    resources.push({
      resource: { name, version, typeUrl, bytes: new Uint8Array(Buffer.from(row.bytes, 'base64')) },
      receivedAtMs,
    });
  }
  return resources;
}

function keyOf({ typeUrl, name }: Pick<XdsResource, 'typeUrl' | 'name'>): string {
  return `${typeUrl}\n${name}`;
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

function isRemoved(each: unknown): each is RemovedName {
  return Array.isArray(each) && each.length === 2 && each.every((part) => typeof part === 'string');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the first line holds of the second. */
export function createSum() {
  return createHash('sha256');
}

function digest(body: string): string {
  return createSum().update(body).digest('hex');
}
