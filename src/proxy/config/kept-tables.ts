// What of the tables is kept as the last good configuration: not what stands in a file, which is on disk already, and
// no private keys.

import { typeUrls, type XdsResource } from '../../xds/index.ts';
import { decodeResource } from './decode-resource.ts';
import type { RemovedName, SavedChanges, SavedResource } from './last-good.ts';
import type { SavedTables } from './last-good-keeper.ts';
import type { ResourceTable } from './resource-table.ts';

export class KeptTables implements SavedTables {
  private readonly tables: ReadonlyMap<string, ResourceTable>;

  constructor(tables: ReadonlyMap<string, ResourceTable>) {
    this.tables = tables;
    for (const table of tables.values()) table.touched = new Set();
  }

  all(): readonly SavedResource[] {
    const all: SavedResource[] = [];
    for (const table of this.tables.values()) {
      table.touched?.clear();
      for (const entry of table.accepted.values()) all.push(entry);
    }
    return all;
  }

  isKept(resource: XdsResource): boolean {
    return isKept(resource);
  }

  changes(): SavedChanges {
    const changed: SavedResource[] = [];
    const removed: RemovedName[] = [];
    for (const [typeUrl, table] of this.tables) {
      for (const name of table.touched ?? []) {
        const entry = table.accepted.get(name);
        if (entry !== undefined && isKept(entry.resource)) changed.push(entry);
        else removed.push([typeUrl, name]);
      }
      table.touched?.clear();
    }
    return { changed, removed };
  }
}

function isKept(resource: XdsResource): boolean {
  return resource.encoding !== 'json' && !isPrivate(resource);
}

/** Certificates with their keys, or passwords of keys: not written to disk; they come again from where they came. */
function isPrivate(resource: XdsResource): boolean {
  const { bytes, typeUrl } = resource;
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('PRIVATE KEY-----')) return true;
  if (typeUrl !== typeUrls.secret) return false;
  const decoded = decodeResource(resource);
  return !decoded.ok || decoded.meaning.kind !== 'secret' || decoded.meaning.value.kind !== 'validation';
}
