// Names that resources in hand refer to, each with how often: what changes is found without looking at all that stayed.

import { adsSource, type ResourceSource, sourceKey } from './source-types.ts';

export class CountedNames {
  /** Moves on whenever a name comes or goes. */
  version = 0;
  private readonly counts = new Map<string, number>();
  /** Names that nothing refers to any more, or that came without a reference, since the last {@link takeIdle}. */
  private readonly idle = new Set<string>();

  get size(): number {
    return this.counts.size;
  }

  has(name: string): boolean {
    return this.counts.has(name);
  }

  [Symbol.iterator](): Iterator<string> {
    return this.counts.keys();
  }

  add(name: string): void {
    const count = this.counts.get(name);
    this.counts.set(name, (count ?? 0) + 1);
    if (count === undefined) this.version += 1;
  }

  remove(name: string): void {
    const count = this.counts.get(name) ?? 0;
    if (count > 1) {
      this.counts.set(name, count - 1);
    } else if (this.counts.delete(name)) {
      this.version += 1;
      this.idle.add(name);
    }
  }

  /** Something of this name came in. */
  came(name: string): void {
    if (!this.counts.has(name)) this.idle.add(name);
  }

  takeIdle(): readonly string[] {
    if (this.idle.size === 0) return none;
    const idle = [...this.idle].filter((name) => !this.counts.has(name));
    this.idle.clear();
    return idle;
  }
}

const none: readonly string[] = [];

/** Names, each with where it is to come from: its newest reference has the word. */
export class SourcedNames extends CountedNames {
  private readonly sources = new Map<string, ResourceSource>();

  /** One reference more, or one less; a source of null is the aggregated stream. */
  count(name: string, source: ResourceSource | null, present: boolean): void {
    if (!present) {
      this.remove(name);
      if (!this.has(name)) this.sources.delete(name);
      return;
    }
    this.add(name);
    const before = this.sourceOf(name);
    if (source === null || source.kind === 'ads') this.sources.delete(name);
    else this.sources.set(name, source);
    if (sourceKey(before) !== sourceKey(this.sourceOf(name))) this.version += 1;
  }

  sourceOf(name: string): ResourceSource {
    return this.sources.get(name) ?? adsSource;
  }

  *sourced(): Generator<{ readonly name: string; readonly source: ResourceSource }> {
    for (const name of this) yield { name, source: this.sourceOf(name) };
  }
}
