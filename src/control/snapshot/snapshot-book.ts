// The snapshots in force, one for each scope that any proxy has asked for. Publishing compiles every scope again,
// compares by reference, and tells only the streams whose resources changed.

import type { Log } from '../../base/index.ts';
import {
  type SnapshotSource,
  type SnapshotWatcher,
  versionOf,
  type XdsNode,
  type XdsSnapshot,
} from '../../xds/index.ts';
import type { MeshCompiler } from '../compile/mesh.ts';
import { hashOf } from '../compile/resource.ts';
import { parseScope, type Scope, scopeKey } from '../compile/scope.ts';
import type { CompiledScope } from '../compile/scope-resources.ts';
import { checkConsistent } from './consistent.ts';

export class SnapshotBook {
  private readonly log: Log;
  private readonly entries = new Map<string, ScopeEntry>();
  private compiler: MeshCompiler | null = null;

  constructor(log: Log) {
    this.log = log;
  }

  /** The snapshots of a node's scope. A node that cannot be understood gets nothing but notes that say why. */
  sourceFor(node: XdsNode): ScopeEntry {
    const scope = parseScope(node);
    const key = scope.ok ? scopeKey(scope.value) : `? ${node.id}`;
    const known = this.entries.get(key);
    if (known !== undefined) return known;
    const entry = new ScopeEntry(scope.ok ? scope.value : null, () => {
      this.entries.delete(key);
      if (scope.ok) this.compiler?.drop(scope.value);
    });
    if (!scope.ok) entry.refuse(scope.error.map((issue) => `${issue.field} ${issue.rule}`));
    this.entries.set(key, entry);
    if (this.compiler !== null) this.update(entry, this.compiler, -1);
    return entry;
  }

  /** Replaces the model that everything is compiled from. Returns how many scopes changed. */
  publish(compiler: MeshCompiler, changedAtMs: number): number {
    this.compiler = compiler;
    const changed = [...this.entries.values()].filter((entry) => this.update(entry, compiler, changedAtMs));
    // All are in force before the first stream hears of one: a stream may be closed, and its entry dropped, while
    // others are told.
    for (const entry of changed) entry.tell();
    return changed.length;
  }

  get scopeCount(): number {
    return this.entries.size;
  }

  /** Our own mistake over one scope leaves that one as it is, and stops no other. */
  private update(entry: ScopeEntry, compiler: MeshCompiler, changedAtMs: number): boolean {
    const { scope } = entry;
    if (scope === null) return false;
    try {
      return this.advance(entry, compiler.compile(scope), scope, changedAtMs);
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.log.write('error', 'a scope could not be compiled', { scope: scopeKey(scope), reason });
      return false;
    }
  }

  private advance(entry: ScopeEntry, compiled: CompiledScope, scope: Scope, changedAtMs: number): boolean {
    entry.notes = compiled.notes;
    const before = entry.current();
    if (before !== null && isSame(before, compiled)) return false;
    const isChecked = snapshots.has(compiled);
    const hole = isChecked ? null : checkConsistent(compiled.resources, before?.resources ?? null);
    if (hole !== null) {
      // What is in force stays, rather than taking a proxy down with half a configuration.
      const { object, rule } = hole;
      this.log.write('error', 'an inconsistent snapshot was held back', {
        scope: scopeKey(scope),
        object,
        rule,
      });
      return false;
    }
    entry.replace(snapshotOf(compiled), changedAtMs);
    return true;
  }
}

/** One scope's snapshots; lives as long as any stream watches it. */
export class ScopeEntry implements SnapshotSource {
  /** Null: the node could not be understood. */
  readonly scope: Scope | null;
  notes: readonly string[] = [];
  private readonly watchers = new Set<SnapshotWatcher>();
  private readonly onUnused: () => void;
  private readonly changesMs = new Map<string, number>();
  private snapshot: XdsSnapshot | null = null;

  constructor(scope: Scope | null, onUnused: () => void) {
    this.scope = scope;
    this.onUnused = onUnused;
  }

  current(): XdsSnapshot | null {
    return this.snapshot;
  }

  watch(watcher: SnapshotWatcher): () => void {
    this.watchers.add(watcher);
    return () => {
      this.watchers.delete(watcher);
      if (this.watchers.size > 0) return;
      // Whoever still shows this entry needs its words, not its resources.
      this.snapshot = null;
      this.onUnused();
    };
  }

  /**
   * Clock time of the event behind the newest content of a type; -1 for what was there when the scope was first asked
   * for.
   */
  changedAtMs(typeUrl: string): number {
    return this.changesMs.get(typeUrl) ?? -1;
  }

  replace(snapshot: XdsSnapshot, changedAtMs: number): void {
    for (const [typeUrl, map] of snapshot.resources)
      if (this.snapshot?.resources.get(typeUrl) !== map) this.changesMs.set(typeUrl, changedAtMs);
    this.snapshot = snapshot;
  }

  refuse(notes: readonly string[]): void {
    this.notes = notes;
    this.snapshot = { version: 'empty', resources: new Map() };
  }

  tell(): void {
    for (const watcher of [...this.watchers]) watcher.onSnapshot();
  }
}

function isSame(snapshot: XdsSnapshot, compiled: CompiledScope): boolean {
  for (const [typeUrl, set] of compiled.resources) if (snapshot.resources.get(typeUrl) !== set) return false;
  return true;
}

/**
 * Those in which there is no hole. Scopes that get the same have the same snapshot, so that their streams share what is
 * found out about it.
 */
const snapshots = new WeakMap<CompiledScope, XdsSnapshot>();

function snapshotOf(compiled: CompiledScope): XdsSnapshot {
  const known = snapshots.get(compiled);
  if (known !== undefined) return known;
  const { resources } = compiled;
  const version = hashOf([...resources.values()].map((set) => versionOf(set)).join(' '));
  const snapshot = { version, resources };
  snapshots.set(compiled, snapshot);
  return snapshot;
}
