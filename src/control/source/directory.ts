// Objects from a directory of manifests, read through the Store seam and read again when it changes. A file that does
// not parse keeps what it last held, a removed file takes its objects along, and of two files with the same object the
// first by path counts.

import { type Clock, type Issue, type Log, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Store } from '../../net/index.ts';
import { isForeignFile } from './foreign-files.ts';
import { LastGoodObjects } from './last-good-objects.ts';
import { sourceLimits } from './limits.ts';
import {
  decodeManifest,
  type ManifestFile,
  nextLookMs,
  type ReadText,
  readManifestFile,
  unreadableFile,
} from './manifest-file.ts';
import { fileIssue } from './parse.ts';
import type { ObjectKey, RawObject, Source, SourceFault, SourceListener } from './types.ts';

export interface DirectorySourceOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Path of the directory in the store. */
  readonly directory: string;
}

const suffixes = ['.yaml', '.yml', '.json'];

export class DirectorySource implements Source, TimerHandler {
  private readonly options: DirectorySourceOptions;
  private readonly resync = new Timer(this, 0);
  private readonly lastGood: LastGoodObjects;
  private files: ReadonlyMap<string, ManifestFile> = new Map();
  private objects: ReadonlyMap<ObjectKey, RawObject> = new Map();
  private listener: SourceListener | null = null;
  private unwatch: (() => void) | null = null;
  private synced = false;
  /** As text, to tell whether they changed. */
  private faults = '[]';
  /** One scan runs at a time; a change during a scan asks for another. */
  private scan: 'idle' | 'running' | 'again' = 'idle';

  constructor(options: DirectorySourceOptions) {
    this.options = options;
    this.lastGood = new LastGoodObjects(options.store, options.directory, options.log);
  }

  start(listener: SourceListener): void {
    this.listener = listener;
    const { store, directory } = this.options;
    this.unwatch = store.watch(directory, this);
    this.scan = 'again';
    void this.lastGood.restore().then((files) => {
      this.files = files;
      this.scan = 'idle';
      if (this.listener !== null) this.onChange();
    });
  }

  stop(): void {
    this.listener = null;
    this.unwatch?.();
    this.unwatch = null;
    this.options.clock.cancel(this.resync);
  }

  onChange(): void {
    if (this.scan === 'running') this.scan = 'again';
    if (this.scan === 'idle') void this.scanUntilQuiet();
  }

  onTimer(): void {
    this.onChange();
  }

  private async scanUntilQuiet(): Promise<void> {
    do {
      this.scan = 'running';
      await this.scanOnce();
    } while (this.isAskedAgain());
    this.scan = 'idle';
    if (this.listener !== null) this.options.clock.arm(this.resync, this.nextScanMs());
  }

  /** A file that waits to be believed is looked at when its time is up. */
  private nextScanMs(): number {
    const nowMs = this.options.clock.now();
    let nextMs: number = sourceLimits.resyncMs;
    for (const { held } of this.files.values())
      if (held !== null) nextMs = Math.min(nextMs, nextLookMs(held, nowMs) - nowMs);
    return Math.max(1, nextMs);
  }

  private isAskedAgain(): boolean {
    return this.scan === 'again' && this.listener !== null;
  }

  private async scanOnce(): Promise<void> {
    const { store, directory, log } = this.options;
    try {
      const files = new Map<string, ManifestFile>();
      for (const path of await store.list(directory)) {
        if (!suffixes.some((suffix) => path.endsWith(suffix)) || isForeignFile(path)) continue;
        const file = await this.readFile(path);
        if (file !== null) files.set(path, file);
      }
      if (this.listener === null) return;
      if (files.size === 0 && this.files.size > 0) this.reportEmpty(this.listener);
      else this.report(files, this.listener);
      await this.lastGood.keep(this.objects, this.files);
    } catch (error) {
      // What was read before stays in force; the next change or resync tries again.
      log.write('error', 'cannot read the manifests', {
        directory,
        error: error instanceof MeshError ? error.message : String(error),
      });
    }
  }

  /** Null: it is gone. A file that cannot be read is a fault of its own, and stops no other. */
  private async readFile(path: string): Promise<ManifestFile | null> {
    const { clock } = this.options;
    const before = this.files.get(path);
    try {
      const read = await this.readText(path, before);
      return read === null ? null : readManifestFile(path, read, before, clock.now());
    } catch (error) {
      return unreadableFile(path, error, before);
    }
  }

  /**
   * With a new text, whether it is whole: what is the same before and after the kernel said that nobody is writing it.
   * At the start there is nothing to fall back on, so what is there is taken.
   */
  private async readText(path: string, before: ManifestFile | undefined): Promise<ReadText | null> {
    const text = await this.readOnce(path);
    if (text === null) return null;
    if (!this.synced || text === before?.text) return { text, open: false };
    const open = await this.options.store.isOpenForWriting(`${this.options.directory}/${path}`);
    if (open !== false) return { text, open };
    const again = await this.readOnce(path);
    return again === null ? null : { text: again, open: !isSame(again, text) };
  }

  private async readOnce(path: string): Promise<string | Issue | null> {
    const bytes = await this.options.store.read(`${this.options.directory}/${path}`);
    return bytes === null ? null : decodeManifest(path, bytes);
  }

  /**
   * A volume that was unmounted and a folder that was moved look like this; nobody ends a mesh by deleting its last
   * file.
   */
  private reportEmpty(listener: SourceListener): void {
    const issue = fileIssue(
      this.options.directory,
      0,
      'holds no manifests any more; what it held stays in force',
    );
    this.tellFaults([{ origin: { file: this.options.directory, line: 0 }, issue }], listener);
  }

  private report(files: ReadonlyMap<string, ManifestFile>, listener: SourceListener): void {
    const merged = mergeFiles(files);
    const { faults } = merged;
    const objects = this.lastGood.complete(merged.objects);
    this.tellLosses(files);
    for (const key of this.objects.keys()) if (!objects.has(key)) listener.onRemove(key);
    for (const [key, object] of objects) if (this.objects.get(key) !== object) listener.onUpsert(object);
    this.files = files;
    this.objects = objects;
    this.tellFaults(faults, listener);
    if (this.synced) return;
    this.synced = true;
    listener.onSynced();
  }

  /** Objects go silently when somebody deletes them; when a file goes, or is emptied, that is worth a line. */
  private tellLosses(files: ReadonlyMap<string, ManifestFile>): void {
    for (const [file, { objects }] of this.files) {
      if (objects.length === 0) continue;
      const now = files.get(file);
      const message = now === undefined ? 'manifest is gone' : 'manifest was emptied';
      if (now === undefined || now.objects.length === 0)
        this.options.log.write('warn', message, { file, objects: objects.length });
    }
  }

  private tellFaults(faults: readonly SourceFault[], listener: SourceListener): void {
    const text = JSON.stringify(faults);
    if (text !== this.faults) listener.onFaults(faults);
    this.faults = text;
  }
}

type MergedFile = Pick<ManifestFile, 'objects' | 'issues'> & Partial<Pick<ManifestFile, 'held'>>;

function isSame(one: string | Issue, other: string | Issue): boolean {
  return typeof one === 'string' ? one === other : typeof other !== 'string' && one.rule === other.rule;
}

/** Joins files in the order of their paths, so that the outcome does not depend on the order of events. */
export function mergeFiles(files: ReadonlyMap<string, MergedFile>): {
  readonly objects: ReadonlyMap<ObjectKey, RawObject>;
  readonly faults: readonly SourceFault[];
} {
  const objects = new Map<ObjectKey, RawObject>();
  const faults: SourceFault[] = [];
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [file, state] of sorted) {
    for (const issue of [...state.issues, ...(state.held?.issues ?? [])])
      faults.push({ origin: { file, line: lineOfIssue(issue) }, issue });
    for (const object of state.objects) {
      const first = objects.get(object.key);
      if (first === undefined) objects.set(object.key, object);
      else faults.push(duplicateFault(first, object));
    }
  }
  return { objects, faults };
}

function duplicateFault(first: RawObject, second: RawObject): SourceFault {
  const [a, b] = [first.origin, second.origin];
  const rule = `is defined twice, in ${a.file}:${a.line} and in ${b.file}:${b.line}; the first counts`;
  return { origin: b, issue: { object: second.key, field: '', rule, value: '' } };
}

function lineOfIssue(issue: Issue): number {
  return Number(/:(\d+)$/.exec(issue.object)?.[1] ?? 0);
}
