// Where objects come from. A directory of manifests is the first source (directory.ts); a Kubernetes watch is a second implementation of the
// same interface: both report objects one by one, whole, and know nothing of what they mean.

import type { Issue } from '../../base/index.ts';

/** `namespace/Kind/name`; the key of an object in every map of the control plane. */
export type ObjectKey = string;

export interface Origin {
  /** Path relative to the directory, `-` for standard input, empty for an API server. */
  readonly file: string;
  /** 1-based line on which the object begins; 0 where there are no lines. */
  readonly line: number;
}

/** An object as it was written, before any schema. */
export interface RawObject {
  readonly key: ObjectKey;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** The whole object as plain data. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly origin: Origin;
}

/** A fault of the source that belongs to no single object: a file that does not parse, one object in two files. */
export interface SourceFault {
  readonly origin: Origin;
  readonly issue: Issue;
}

export interface SourceListener {
  /** An object appeared or changed. */
  onUpsert(object: RawObject): void;
  onRemove(key: ObjectKey): void;
  /** All faults there are now; replaces the earlier list. */
  onFaults(faults: readonly SourceFault[]): void;
  /** Everything that existed at the start has been reported. Once, and again after every reconnection. */
  onSynced(): void;
}

export interface Source {
  /** Reports to `listener` from now on. Called once. */
  start(listener: SourceListener): void;
  stop(): void;
}

export function objectKey(namespace: string, kind: string, name: string): ObjectKey {
  return `${namespace}/${kind}/${name}`;
}
