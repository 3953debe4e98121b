// One manifest file as last read: what of it is in force, and what is wrong with it. A file at fault keeps the objects
// of its last good text. Most editors and redirections truncate a file before they write it: while somebody has it open
// for writing it is waited for, and one that was emptied is believed only after it has stayed like that for a while.

import { type Issue, MeshError } from '../../base/index.ts';
import { sourceLimits } from './limits.ts';
import { fileIssue, parseManifests } from './parse.ts';
import type { RawObject } from './types.ts';

export interface ManifestFile {
  readonly text: string;
  /** Of the last text that parsed. */
  readonly objects: readonly RawObject[];
  readonly issues: readonly Issue[];
  /** A newer text that is not believed yet; null: none waits. */
  readonly held: HeldText | null;
}

export interface HeldText {
  readonly text: string;
  /** Clock time since when the file has been that. */
  readonly sinceMs: number;
  readonly reason: 'open' | 'short';
  /** Of a wait that has become long. */
  readonly issues: readonly Issue[];
}

/** What was read, and whether more may come: null where nobody can say who is writing the file. */
export interface ReadText {
  /** Or why it is none. */
  readonly text: string | Issue;
  readonly open: boolean | null;
}

export const noFile: ManifestFile = { text: '', objects: [], issues: [], held: null };

/** `before` undefined: the file was not there. */
export function readManifestFile(
  path: string,
  { text, open }: ReadText,
  before: ManifestFile | undefined,
  nowMs: number,
): ManifestFile {
  if (typeof text !== 'string') return { ...(before ?? noFile), text: '', issues: [text], held: null };
  if (before?.text === text) return before.held === null ? before : { ...before, held: null };
  const sinceMs = before?.held?.text === text ? before.held.sinceMs : nowMs;
  const waitedMs = nowMs - sinceMs;
  if (open === true && waitedMs < sourceLimits.openMaxMs) {
    const issues = waitedMs < sourceLimits.openTellMs ? [] : [openIssue(path)];
    return { ...(before ?? noFile), held: { text, sinceMs, reason: 'open', issues } };
  }
  const parsed = parseManifests(path, text);
  if (!parsed.ok) return { text, objects: before?.objects ?? [], issues: parsed.error, held: null };
  const objects = keepSame(parsed.value, before?.objects ?? []);
  const doubtful = open === null || objects.length === 0;
  if (doubtful && waitedMs < sourceLimits.shrinkQuietMs && losesObjects(before?.objects ?? [], objects))
    return { ...(before ?? noFile), held: { text, sinceMs, reason: 'short', issues: [] } };
  return { text, objects, issues: [], held: null };
}

/** When a file that waits is to be looked at again (clock time). */
export function nextLookMs({ sinceMs, reason }: HeldText, nowMs: number): number {
  return reason === 'open' ? nowMs + sourceLimits.openPollMs : sinceMs + sourceLimits.shrinkQuietMs;
}

function openIssue(path: string): Issue {
  const seconds = sourceLimits.openMaxMs / 1000;
  const rule = `is open for writing by some program; its last whole text counts until it is closed, ${seconds} s at most`;
  return fileIssue(path, 0, rule);
}

/** What was read before stays in force. */
export function unreadableFile(path: string, error: unknown, before: ManifestFile | undefined): ManifestFile {
  const rule = `cannot be read: ${error instanceof MeshError || error instanceof Error ? error.message : String(error)}`;
  return { ...(before ?? noFile), text: '', issues: [fileIssue(path, 0, rule)], held: null };
}

/** A file's text, or why it has none. */
export function decodeManifest(path: string, bytes: Uint8Array): string | Issue {
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
