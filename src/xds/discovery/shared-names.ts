// Names in requests. A thousand clients ask for the same ten thousand names in the same order: what came before, and is
// still in use, is found again by its bytes, so that such a request is compared instead of read, and its names are in
// memory once.

import { nameLengthMax, subscribedNamesMax } from '../limits.ts';
import { WireError, WireReader } from '../protobuf/wire-reader.ts';
import { hashContent } from '../snapshot/content-hash.ts';

/** Fewer are read. */
const sharedMin = 64;
/** Runs of names that are found again. */
const knownMax = 4_096;
/** What a run is looked up by, at its beginning and end. */
const sampleBytes = 128;

type Names = readonly string[];

export const tooManyNames = `holds more than ${subscribedNamesMax} names of one kind`;

const known = new Map<string, WeakRef<Names>>();
/** As they came. */
const bytesOf = new WeakMap<Names, Uint8Array>();

/** What the places of one field in a message hold, together; nearly always it is one place. */
export class NameRuns {
  private readonly runs: Names[] = [];
  private left = subscribedNamesMax;

  /** The reader is at the field. Throws WireError where there are too many, before they are read. */
  read(reader: WireReader): void {
    const names = readNames(reader, this.left);
    this.left -= names.length;
    this.runs.push(names);
  }

  get names(): Names {
    const [first] = this.runs;
    return first !== undefined && this.runs.length === 1 ? first : this.runs.flat();
  }
}

/**
 * The texts of the field that the reader is at and of those of its number right behind it, tag for tag. Equal runs of
 * many names are one array. Throws WireError on what is no text, too long for a name, or more than `namesMax`.
 */
function readNames(reader: WireReader, namesMax: number): Names {
  const { bytes, start } = reader;
  const count = passRun(reader);
  if (count > namesMax) throw new WireError(tooManyNames);
  const run = bytes.subarray(start, reader.position);
  if (count < sharedMin) return readRun(run);
  const key = `${run.length} ${hashContent(run.subarray(0, sampleBytes))} ${hashContent(run.subarray(-sampleBytes))}`;
  const held = known.get(key)?.deref();
  if (held !== undefined && isSame(bytesOf.get(held)!, run)) return held;
  const names = readRun(run);
  if (known.size >= knownMax) dropDead();
  if (known.size < knownMax) {
    known.set(key, new WeakRef(names));
    bytesOf.set(names, run.slice());
  }
  return names;
}

/** How many fields were passed over. */
function passRun(reader: WireReader): number {
  const { bytes, start } = reader;
  const tag = bytes[start]!;
  for (let count = 1; ; count++) {
    reader.passText();
    // Of a tag of one byte that byte is all of it.
    if (tag >= 0x80 || reader.done || bytes[reader.position] !== tag) return count;
    reader.next();
  }
}

function readRun(run: Uint8Array): Names {
  const names: string[] = [];
  const reader = new WireReader(run);
  while (reader.next()) names.push(reader.string(nameLengthMax));
  return names;
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function dropDead(): void {
  for (const [key, names] of known) if (names.deref() === undefined) known.delete(key);
}
