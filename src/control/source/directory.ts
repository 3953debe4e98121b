// Objects from a directory of manifests, read through the Store seam and read again when it changes. A file that does not parse keeps what it
// last held, a removed file takes its objects along, and of two files with the same object the first by path counts.

import { type Clock, type Issue, type Log, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Store } from '../../net/index.ts';
import { sourceLimits } from './limits.ts';
import { fileIssue, parseManifests } from './parse.ts';
import type { ObjectKey, RawObject, Source, SourceFault, SourceListener } from './types.ts';

export interface DirectorySourceOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Path of the directory in the store. */
  readonly directory: string;
}

interface FileState {
  readonly text: string;
  /** Of the last text that parsed. */
  readonly objects: readonly RawObject[];
  readonly issues: readonly Issue[];
}

const suffixes = ['.yaml', '.yml', '.json'];

export class DirectorySource implements Source, TimerHandler {
  readonly #options: DirectorySourceOptions;
  readonly #resync = new Timer(this, 0);
  #files: ReadonlyMap<string, FileState> = new Map();
  #objects: ReadonlyMap<ObjectKey, RawObject> = new Map();
  #listener: SourceListener | null = null;
  #unwatch: (() => void) | null = null;
  #synced = false;
  /** As text, to tell whether they changed. */
  #faults = '[]';
  /** One scan runs at a time; a change during a scan asks for another. */
  #scan: 'idle' | 'running' | 'again' = 'idle';

  constructor(options: DirectorySourceOptions) {
    this.#options = options;
  }

  start(listener: SourceListener): void {
    this.#listener = listener;
    const { store, directory } = this.#options;
    this.#unwatch = store.watch(directory, this);
    this.onChange();
  }

  stop(): void {
    this.#listener = null;
    this.#unwatch?.();
    this.#unwatch = null;
    this.#options.clock.cancel(this.#resync);
  }

  onChange(): void {
    if (this.#scan === 'running') this.#scan = 'again';
    if (this.#scan === 'idle') void this.#scanUntilQuiet();
  }

  onTimer(): void {
    this.onChange();
  }

  async #scanUntilQuiet(): Promise<void> {
    do {
      this.#scan = 'running';
      await this.#scanOnce();
    } while (this.#isAskedAgain());
    this.#scan = 'idle';
    if (this.#listener !== null) this.#options.clock.arm(this.#resync, sourceLimits.resyncMs);
  }

  #isAskedAgain(): boolean {
    return this.#scan === 'again' && this.#listener !== null;
  }

  async #scanOnce(): Promise<void> {
    const { store, directory, log } = this.#options;
    try {
      const files = new Map<string, FileState>();
      for (const path of await store.list(directory)) {
        if (!suffixes.some((suffix) => path.endsWith(suffix))) continue;
        const bytes = await store.read(`${directory}/${path}`);
        if (bytes !== null) files.set(path, readFile(path, bytes, this.#files.get(path)));
      }
      if (this.#listener === null) return;
      if (files.size === 0 && this.#files.size > 0) this.#reportEmpty(this.#listener);
      else this.#report(files, this.#listener);
    } catch (error) {
      // What was read before stays in force; the next change or resync tries again.
      log.write('error', 'cannot read the manifests', {
        directory,
        error: error instanceof MeshError ? error.message : String(error),
      });
    }
  }

  /** A volume that was unmounted and a folder that was moved look like this; nobody ends a mesh by deleting its last file. */
  #reportEmpty(listener: SourceListener): void {
    const issue = fileIssue(
      this.#options.directory,
      0,
      'holds no manifests any more; what it held stays in force',
    );
    this.#tellFaults([{ origin: { file: this.#options.directory, line: 0 }, issue }], listener);
  }

  #report(files: ReadonlyMap<string, FileState>, listener: SourceListener): void {
    const { objects, faults } = mergeFiles(files);
    for (const key of this.#objects.keys()) if (!objects.has(key)) listener.onRemove(key);
    for (const [key, object] of objects) if (this.#objects.get(key) !== object) listener.onUpsert(object);
    this.#files = files;
    this.#objects = objects;
    this.#tellFaults(faults, listener);
    if (this.#synced) return;
    this.#synced = true;
    listener.onSynced();
  }

  #tellFaults(faults: readonly SourceFault[], listener: SourceListener): void {
    const text = JSON.stringify(faults);
    if (text !== this.#faults) listener.onFaults(faults);
    this.#faults = text;
  }
}

function readFile(path: string, bytes: Uint8Array, before: FileState | undefined): FileState {
  const text = new TextDecoder().decode(bytes);
  if (before?.text === text) return before;
  const parsed = parseManifests(path, text);
  if (!parsed.ok) return { text, objects: before?.objects ?? [], issues: parsed.error };
  return { text, objects: keepSame(parsed.value, before?.objects ?? []), issues: [] };
}

/** Objects of a changed file that did not change themselves stay the same objects, so that only what changed is reported. */
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

/** Joins files in the order of their paths, so that the outcome does not depend on the order of events. */
export function mergeFiles(files: ReadonlyMap<string, Pick<FileState, 'objects' | 'issues'>>): {
  readonly objects: ReadonlyMap<ObjectKey, RawObject>;
  readonly faults: readonly SourceFault[];
} {
  const objects = new Map<ObjectKey, RawObject>();
  const faults: SourceFault[] = [];
  const sorted = [...files].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [file, state] of sorted) {
    for (const issue of state.issues) faults.push({ origin: { file, line: lineOfIssue(issue) }, issue });
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
