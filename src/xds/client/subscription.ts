// What the client remembers of one resource type. Versions belong to the resources and survive a reconnect; nonces, and
// what the server was told, belong to the stream.

import { resourceWaitMs } from '../limits.ts';
import type { AdsSubscriptionStatus } from './types.ts';

/**
 * A name's life: `asked` (no answer yet) -> `held` (a version was applied) or `absent` (the server said so, or time ran
 * out), and between these two as the server adds and removes it. Only names subscribed by name are ever `asked`.
 */
interface Entry {
  state: 'asked' | 'held' | 'absent';
  /** Of what was applied last; '' unless held by this very name. */
  version: string;
  /** When the open stream was asked for it; -1 while it was not. */
  askedAtMs: number;
  /** What is held is gone then, streams or no streams; infinity: never. */
  expiresAtMs: number;
}

/** An answer to a response, not yet sent. */
export interface Answer {
  readonly nonce: string;
  readonly error: string | null;
}

export class Subscription {
  readonly typeUrl: string;
  wildcard = false;
  readonly names = new Set<string>();
  readonly entries = new Map<string, Entry>();
  /** Resources that came for names that are further names of theirs (Resource.aliases): their own name to those. */
  private readonly aliased = new Map<string, Set<string>>();
  /** Last accepted `version_info`; repeated on the next stream (SotW). */
  version = '';
  nack: string | null = null;
  acceptedAtMs = -1;

  /** Of the open stream: nothing was sent yet, the last nonce, and what the server believes we want. */
  fresh = true;
  nonce = '';
  changed = false;
  readonly toldNames = new Set<string>();
  toldWildcard = false;
  readonly answers: Answer[] = [];

  constructor(typeUrl: string) {
    this.typeUrl = typeUrl;
  }

  /** `aliases`: further names of it. */
  wants(name: string, aliases: readonly string[] = []): boolean {
    if (this.wildcard || this.names.has(name) || this.aliased.has(name)) return true;
    return aliases.some((alias) => this.names.has(alias));
  }

  /** Asked for and not answered. */
  awaits(name: string): boolean {
    return this.entries.get(name)?.state === 'asked';
  }

  get active(): boolean {
    return this.wildcard || this.names.size > 0;
  }

  /** Sets all that is wanted. What is no longer wanted is forgotten. */
  want(names: readonly string[] | '*'): void {
    const wanted = new Set(names === '*' ? ['*'] : names);
    const wildcard = wanted.delete('*');
    if (wildcard === this.wildcard && isSame(wanted, this.names)) return;
    this.wildcard = wildcard;
    // What `*` covers too is sent once more by whoever is told that its name is not wanted: that must be news then.
    for (const name of this.names) if (!wanted.has(name)) this.forget(name);
    this.names.clear();
    for (const name of wanted) {
      this.names.add(name);
      if (!this.entries.has(name)) this.entries.set(name, newEntry('asked'));
    }
    for (const [name, entry] of this.entries) {
      const covered = entry.state === 'held' ? this.wants(name) : this.names.has(name);
      if (!covered) this.entries.delete(name);
    }
    this.changed = true;
  }

  versionOf(name: string): string {
    return this.entries.get(name)?.version ?? '';
  }

  hold(name: string, version: string, aliases: readonly string[] = []): void {
    const expiresAtMs = this.entries.get(name)?.expiresAtMs ?? Number.POSITIVE_INFINITY;
    this.entries.set(name, { ...newEntry('held'), version, expiresAtMs });
    for (const alias of aliases) {
      if (alias === name || !this.names.has(alias)) continue;
      this.entries.set(alias, newEntry('held'));
      this.aliased.set(name, (this.aliased.get(name) ?? new Set()).add(alias));
    }
  }

  /** It is not wanted by this name any more; what came under another one goes with the last name that asked for it. */
  private forget(name: string): void {
    this.entries.delete(name);
    for (const [own, aliases] of this.aliased)
      if (aliases.delete(name) && aliases.size === 0) this.aliased.delete(own);
  }

  /** The server says again how long it holds; null: for ever. */
  renew(name: string, ttlMs: number | null, nowMs: number): void {
    const entry = this.entries.get(name);
    if (entry?.state !== 'held') return;
    entry.expiresAtMs = ttlMs === null ? Number.POSITIVE_INFINITY : nowMs + ttlMs;
  }

  /** An answer that could not be applied: the server knows the name, so its timer must not run out. */
  answered(name: string): void {
    const entry = this.entries.get(name);
    if (entry?.state === 'asked') entry.askedAtMs = Number.POSITIVE_INFINITY;
  }

  /** True when this is news: it was held, or was asked for and is now known not to exist. */
  remove(name: string): boolean {
    const entry = this.entries.get(name);
    if (entry === undefined || entry.state === 'absent') return false;
    if (this.names.has(name)) this.entries.set(name, newEntry('absent'));
    else this.entries.delete(name);
    for (const alias of this.aliased.get(name) ?? []) this.entries.set(alias, newEntry('absent'));
    this.aliased.delete(name);
    return true;
  }

  /** Names held, for complete (SotW) responses and for `initial_resource_versions`. */
  heldVersions(): Map<string, string> {
    const held = new Map<string, string>();
    for (const [name, entry] of this.entries) if (entry.version !== '') held.set(name, entry.version);
    return held;
  }

  /** Asked for and not answered: whoever warms up by these resources still has to wait. */
  missing(): readonly string[] {
    return [...this.entries].filter(([, entry]) => entry.state === 'asked').map(([name]) => name);
  }

  /** The stream is gone, and with it nonces and what the server knew. */
  disconnect(): void {
    this.fresh = true;
    this.nonce = '';
    this.changed = this.active;
    this.toldNames.clear();
    this.toldWildcard = false;
    this.answers.length = 0;
    for (const entry of this.entries.values()) entry.askedAtMs = -1;
  }

  /** The open stream was just asked for everything wanted. */
  markAsked(nowMs: number): void {
    for (const entry of this.entries.values()) {
      if (entry.state === 'asked' && entry.askedAtMs < 0) entry.askedAtMs = nowMs;
    }
  }

  /** When the first name asked for will be given up, or what is held has lived its time; infinity for none. */
  dueMs(): number {
    let dueMs = Number.POSITIVE_INFINITY;
    for (const entry of this.entries.values()) {
      if (entry.state === 'asked' && entry.askedAtMs >= 0)
        dueMs = Math.min(dueMs, entry.askedAtMs + resourceWaitMs);
      else if (entry.state === 'held') dueMs = Math.min(dueMs, entry.expiresAtMs);
    }
    return dueMs;
  }

  /** Names whose time ran out; they are absent from now on. */
  expire(nowMs: number): readonly string[] {
    const expired: string[] = [];
    for (const [name, entry] of this.entries) {
      if (entry.state === 'asked' && entry.askedAtMs >= 0 && entry.askedAtMs + resourceWaitMs <= nowMs)
        expired.push(name);
      else if (entry.state === 'held' && entry.expiresAtMs <= nowMs) expired.push(name);
    }
    for (const name of expired) this.remove(name);
    return expired;
  }

  status(nowMs: number): AdsSubscriptionStatus {
    let known = 0;
    for (const entry of this.entries.values()) if (entry.state === 'held') known += 1;
    return {
      typeUrl: this.typeUrl,
      subscribed: this.wildcard ? '*' : this.names.size,
      known,
      missing: this.missing().length,
      version: this.version,
      nonce: this.nonce,
      nack: this.nack,
      ageMs: this.acceptedAtMs < 0 ? -1 : nowMs - this.acceptedAtMs,
    };
  }
}

function newEntry(state: Entry['state']): Entry {
  return { state, version: '', askedAtMs: -1, expiresAtMs: Number.POSITIVE_INFINITY };
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a.size !== b.size) return false;
  for (const item of a) if (!b.has(item)) return false;
  return true;
}
