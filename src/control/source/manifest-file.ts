// One manifest file as last read: what of it is in force, and what is wrong with it. A file at fault keeps the objects
// of its last good text; a file that loses objects is believed only after it has stayed like that for a while, because
// most editors and redirections truncate a file before they write it.

import { type Issue, MeshError } from '../../base/index.ts';
import { sourceLimits } from './limits.ts';
import { fileIssue, parseManifests } from './parse.ts';
import type { RawObject } from './types.ts';

export interface ManifestFile {
  readonly text: string;
  /** Of the last text that parsed. */
  readonly objects: readonly RawObject[];
  readonly issues: readonly Issue[];
  /** A newer text that lacks objects, and since when (clock time) it has been that; null: none waits. */
  readonly held: { readonly text: string; readonly sinceMs: number } | null;
}

export const noFile: ManifestFile = { text: '', objects: [], issues: [], held: null };

/** `before` undefined: the file was not there. */
export function readManifestFile(
  path: string,
  bytes: Uint8Array,
  before: ManifestFile | undefined,
  nowMs: number,
): ManifestFile {
  const text = decode(path, bytes);
  if (typeof text !== 'string') return { ...(before ?? noFile), text: '', issues: [text], held: null };
  if (before?.text === text) return before.held === null ? before : { ...before, held: null };
  const parsed = parseManifests(path, text);
  if (!parsed.ok) return { text, objects: before?.objects ?? [], issues: parsed.error, held: null };
  const objects = keepSame(parsed.value, before?.objects ?? []);
  if (before !== undefined && losesObjects(before.objects, objects)) {
    const held = before.held?.text === text ? before.held : { text, sinceMs: nowMs };
    if (nowMs - held.sinceMs < sourceLimits.shrinkQuietMs) return { ...before, held };
  }
  return { text, objects, issues: [], held: null };
}

/** What was read before stays in force. */
export function unreadableFile(path: string, error: unknown, before: ManifestFile | undefined): ManifestFile {
  const rule = `cannot be read: ${error instanceof MeshError || error instanceof Error ? error.message : String(error)}`;
  return { ...(before ?? noFile), text: '', issues: [fileIssue(path, 0, rule)], held: null };
}

function decode(path: string, bytes: Uint8Array): string | Issue {
  if (bytes.length > sourceLimits.fileBytesMax) {
    const rule = `must have at most ${sourceLimits.fileBytesMax} bytes`;
    return { ...fileIssue(path, 0, rule), value: String(bytes.length) };
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return fileIssue(path, lineOfFirstFault(bytes), 'must be UTF-8');
  }
}

function lineOfFirstFault(bytes: Uint8Array): number {
  const lenient = new TextDecoder().decode(bytes);
  return lenient.slice(0, lenient.indexOf('\ufffd')).split('\n').length;
}

function losesObjects(before: readonly RawObject[], now: readonly RawObject[]): boolean {
  const keys = new Set(now.map((object) => object.key));
  return before.some((object) => !keys.has(object.key));
}

/**
 * Objects of a changed file that did not change themselves stay the same objects, so that only what changed is
 * reported.
 */
function keepSame(now: readonly RawObject[], before: readonly RawObject[]): readonly RawObject[] {
  const texts = new Map(before.map((object) => [object.key, object]));
  return now.map((object) => {
    const old = texts.get(object.key);
    const same =
      old !== undefined &&
      old.origin.line === object.origin.line &&
      JSON.stringify(old.value) === JSON.stringify(object.value);
    return same ? old : object;
  });
}
