// The last sound version of each object of a directory. There is no API server before a directory that would refuse a
// slip of the pen, so what worked stays in force until the slip is mended; what stands in for a faulty object or file
// is written down beside the manifests, in a hidden file, so that a restart does not forget it.

import type { Log } from '../../base/index.ts';
import type { Store } from '../../net/index.ts';
import { validateObject } from '../schema/validate.ts';
import { type ManifestFile, noFile } from './manifest-file.ts';
import { isRecord, parseObject } from './parse.ts';
import type { ObjectKey, RawObject } from './types.ts';

type Version = Pick<RawObject, 'apiVersion' | 'value'>;

/** Hidden, so that no source reads it as a manifest. */
export const lastGoodFile = '.weft-last-good.json';

export class LastGoodObjects {
  private readonly store: Store;
  private readonly path: string;
  private readonly log: Log;
  private readonly sound = new Map<ObjectKey, Version>();
  /** Objects as they are sent on, by what was read. */
  private sent = new Map<RawObject, RawObject>();
  /** What the file on disk holds; null: nothing yet. */
  private written: string | null = null;
  private complained = false;

  constructor(store: Store, directory: string, log: Log) {
    this.store = store;
    this.path = `${directory}/${lastGoodFile}`;
    this.log = log;
  }

  /** What was written down before the restart: versions of objects, and whole files, which the source begins from. */
  async restore(): Promise<ReadonlyMap<string, ManifestFile>> {
    const files = new Map<string, ManifestFile>();
    try {
      const bytes = await this.store.read(this.path);
      if (bytes === null) return files;
      const text = new TextDecoder().decode(bytes);
      const kept = JSON.parse(text) as Kept;
      for (const [key, version] of Object.entries(kept.objects)) this.sound.set(key, version);
      for (const [file, values] of Object.entries(kept.files))
        files.set(file, { ...noFile, objects: values.flatMap((value) => readKept(file, value)) });
      this.written = text;
    } catch (error) {
      this.log.write('warn', 'the last good versions cannot be read', {
        file: this.path,
        error: String(error),
      });
    }
    return files;
  }

  /** The objects as they go on, with the last sound version beside each that is faulty. */
  complete(objects: ReadonlyMap<ObjectKey, RawObject>): ReadonlyMap<ObjectKey, RawObject> {
    const sent = new Map<RawObject, RawObject>();
    const complete = new Map<ObjectKey, RawObject>();
    for (const [key, object] of objects) {
      const known = this.sent.get(object) ?? this.completeOne(object);
      sent.set(object, known);
      complete.set(key, known);
    }
    this.sent = sent;
    for (const key of this.sound.keys()) if (!objects.has(key)) this.sound.delete(key);
    return complete;
  }

  private completeOne(object: RawObject): RawObject {
    const { key, apiVersion, value } = object;
    if (validateObject(object).kind !== 'faulty') {
      this.sound.set(key, { apiVersion, value });
      return object;
    }
    const lastGood = this.sound.get(key);
    return lastGood === undefined ? object : { ...object, lastGood };
  }

  /**
   * Writes down what stands in for something faulty, if that is not what the file holds. No Secrets: a key that was
   * taken out of its manifest must not live on in a copy that nobody knows of.
   */
  async keep(
    objects: ReadonlyMap<ObjectKey, RawObject>,
    files: ReadonlyMap<string, ManifestFile>,
  ): Promise<void> {
    const kept: Kept = { objects: {}, files: {} };
    for (const [key, { kind, lastGood }] of objects)
      if (lastGood !== undefined && kind !== 'Secret') kept.objects[key] = lastGood;
    for (const [path, file] of files) {
      const values = file.objects.filter(({ kind }) => kind !== 'Secret').map(({ value }) => value);
      if (file.issues.length > 0 && values.length > 0) kept.files[path] = values;
    }
    const empty = Object.keys(kept.objects).length + Object.keys(kept.files).length === 0;
    const text = JSON.stringify(kept);
    if (text === this.written || (empty && this.written === null)) return;
    try {
      if (empty) await this.store.remove(this.path);
      else await this.store.write(this.path, new TextEncoder().encode(text));
      this.written = empty ? null : text;
    } catch (error) {
      // A folder that is mounted for reading only is no fault; then a restart begins without.
      if (!this.complained)
        this.log.write('warn', 'the last good versions cannot be written down', {
          file: this.path,
          error: String(error),
        });
      this.complained = true;
    }
  }
}

interface Kept {
  readonly objects: Record<ObjectKey, Version>;
  readonly files: Record<string, RawObject['value'][]>;
}

function readKept(file: string, value: unknown): readonly RawObject[] {
  const parsed = isRecord(value) ? parseObject({ file, line: 0 }, value) : null;
  return parsed?.ok === true ? [parsed.value] : [];
}
