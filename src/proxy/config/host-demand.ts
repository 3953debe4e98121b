// Virtual hosts that requests ask for: which names are wanted from the control plane, who waits for them, and what
// became of each. Envoy's file of this is source/common/router/vhds.cc; unlike there a request waits for a bounded
// time, and what nobody uses any more is given up.
//
// A name's life: `asked` -> `applying` (it came, and what it refers to has not) -> `held`; or -> `absent` or
// `refused`, which are remembered for a while. A name that is held and that the control plane takes away is `absent`;
// one that it brings after all is `held`.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { demandLimits as limits } from './limits.ts';

/** `came`: routes may be looked up again. `late`: nobody has said anything within the time that a request waits. */
export type HostOutcome = 'came' | 'absent' | 'refused' | 'late';

/** A request that waits. */
export interface HostWaiter {
  onHost(outcome: HostOutcome): void;
}

export interface HostDemandOwner {
  /** {@link HostDemand.names} are others, or were used. */
  onNames(): void;
  /** Virtual hosts of these resources are not to be held any more. */
  onUnused(resources: readonly string[]): void;
}

/** What a waiter gives back to say that it waits no more. */
export interface HostWait {
  readonly waiter: HostWaiter;
  readonly untilMs: number;
  readonly entry: DemandEntry;
}

interface DemandEntry {
  readonly name: string;
  state: 'asked' | 'applying' | 'held' | 'absent' | 'refused';
  /** The resource that it came as, and the virtual host in that; '' for none. */
  resource: string;
  host: string;
  /** When the state began, and when a request last used it. */
  sinceMs: number;
  usedMs: number;
  readonly waits: Set<HostWait>;
}

export interface DemandCounts {
  asked: number;
  came: number;
  absent: number;
  refused: number;
  late: number;
  overflow: number;
  letGo: number;
}

const timerKind = { late: 0, sweep: 1 } as const;

export class HostDemand implements TimerHandler {
  readonly counts: DemandCounts = {
    asked: 0,
    came: 0,
    absent: 0,
    refused: 0,
    late: 0,
    overflow: 0,
    letGo: 0,
  };
  private readonly clock: Clock;
  private owner: HostDemandOwner | null = null;
  private readonly entries = new Map<string, DemandEntry>();
  /** Names in this state. */
  private askedNow = 0;
  private readonly applying = new Set<DemandEntry>();
  /** Those that came, by the name of the virtual host and of the resource. */
  private readonly byHost = new Index();
  private readonly byResource = new Index();
  /** In the order of their ends. */
  private readonly waits = new Set<HostWait>();
  private readonly lateTimer = new Timer(this, timerKind.late);
  private readonly sweepTimer = new Timer(this, timerKind.sweep);

  constructor(clock: Clock) {
    this.clock = clock;
  }

  attach(owner: HostDemandOwner): void {
    this.owner = owner;
  }

  stop(): void {
    this.clock.cancel(this.lateTimer);
    this.clock.cancel(this.sweepTimer);
    this.owner = null;
  }

  /** What the control plane is to be asked for, of these tables. */
  names(isTable: (table: string) => boolean): readonly string[] {
    return [...this.entries.keys()].filter((name) => isTable(tableOf(name)));
  }

  /** Nothing came by a request's asking: there is nothing to use. */
  get idle(): boolean {
    return this.byHost.empty;
  }

  get held(): number {
    let held = 0;
    for (const { state } of this.entries.values()) if (state === 'held') held += 1;
    return held;
  }

  get waiting(): number {
    return this.waits.size;
  }

  /**
   * A request of this authority has no virtual host in the table. `full`: a bound is reached, and it cannot wait.
   * `came`: it is there by now.
   */
  ask(table: string, authority: string, waiter: HostWaiter): HostWait | HostOutcome | 'full' {
    const host = authority.toLowerCase();
    if (!isAskable(host)) return 'absent';
    const known = this.entries.get(`${table}/${host}`);
    if (known?.state === 'absent' || known?.state === 'refused') return known.state;
    // It is there and has no domain for this request: asking again would not change that.
    if (known?.state === 'held') return 'absent';
    const entry = this.waits.size >= limits.waitersMax ? null : (known ?? this.want(`${table}/${host}`));
    if (entry === null) {
      this.counts.overflow += 1;
      return 'full';
    }
    const wait = { waiter, untilMs: this.clock.now() + limits.waitMs, entry };
    entry.waits.add(wait);
    this.waits.add(wait);
    if (!this.lateTimer.armed) this.clock.arm(this.lateTimer, limits.waitMs);
    return wait;
  }

  /** It waits no more. */
  leave(wait: HostWait): void {
    this.waits.delete(wait);
    wait.entry.waits.delete(wait);
  }

  /** A request goes by this virtual host. */
  use(host: string): void {
    const nowMs = this.clock.now();
    for (const entry of this.byHost.get(host)) entry.usedMs = nowMs;
  }

  /** Another thread wants these, or goes on using them; those for which there is no room do not come. */
  wantAll(names: readonly string[]): void {
    const nowMs = this.clock.now();
    for (const name of names) {
      const known = this.entries.get(name);
      if (known === undefined) this.want(name);
      else known.usedMs = nowMs;
    }
  }

  /** The resource that came by this name, `absent` where it is known that there is none; null: not known yet. */
  resourceOf(name: string): { readonly kind: 'held'; readonly resource: string } | 'absent' | null {
    const entry = this.entries.get(name);
    if (entry?.state === 'absent') return 'absent';
    return entry === undefined || entry.resource === '' ? null : { kind: 'held', resource: entry.resource };
  }

  /** A virtual host was taken in, or its resource was refused: `host` is null. */
  onResource(resource: string, aliases: readonly string[], host: string | null): void {
    for (const name of [resource, ...aliases]) {
      const entry = this.entries.get(name);
      if (entry === undefined) continue;
      // What was accepted before stays in force.
      if (host === null && (entry.state === 'held' || entry.state === 'applying')) continue;
      if (host === null) {
        this.move(entry, 'refused');
        this.tell(entry, 'refused');
        continue;
      }
      this.unlink(entry);
      this.move(entry, 'applying');
      entry.resource = resource;
      entry.host = host;
      this.byHost.add(host, entry);
      this.byResource.add(resource, entry);
    }
  }

  /** There is none of this name, or not any more. */
  onRemoved(resource: string): void {
    const entries = new Set(this.byResource.get(resource));
    const own = this.entries.get(resource);
    if (own !== undefined) entries.add(own);
    for (const entry of entries) {
      this.unlink(entry);
      this.move(entry, 'absent');
      this.tell(entry, 'absent');
    }
  }

  /** They were let go elsewhere: whoever needs one asks anew. */
  forget(resources: readonly string[]): void {
    for (const resource of resources)
      for (const entry of [...this.byResource.get(resource)]) {
        this.unlink(entry);
        this.move(entry, 'absent');
        this.entries.delete(entry.name);
      }
  }

  /** A configuration is in force: what came is there if `isActive` says so. */
  onApplied(isActive: (resource: string) => boolean): void {
    for (const entry of this.applying) {
      if (!isActive(entry.resource)) continue;
      this.move(entry, 'held');
      entry.usedMs = this.clock.now();
      this.tell(entry, 'came');
    }
  }

  onTimer(kind: number): void {
    if (kind === timerKind.sweep) this.sweep();
    else this.endLate();
  }

  private want(name: string): DemandEntry | null {
    if (this.askedNow >= limits.askedMax) return null;
    if (this.entries.size >= limits.namesMax && !this.makeRoom()) return null;
    const nowMs = this.clock.now();
    const entry: DemandEntry = {
      name,
      state: 'asked',
      resource: '',
      host: '',
      sinceMs: nowMs,
      usedMs: nowMs,
      waits: new Set(),
    };
    this.entries.set(name, entry);
    this.askedNow += 1;
    this.counts.asked += 1;
    if (!this.sweepTimer.armed) this.clock.arm(this.sweepTimer, limits.sweepMs);
    this.owner?.onNames();
    return entry;
  }

  private move(entry: DemandEntry, state: DemandEntry['state']): void {
    if (entry.state === 'asked') this.askedNow -= 1;
    if (state === 'applying') this.applying.add(entry);
    else this.applying.delete(entry);
    entry.state = state;
    entry.sinceMs = this.clock.now();
  }

  private tell(entry: DemandEntry, outcome: HostOutcome): void {
    if (outcome !== 'late') this.counts[outcome] += 1;
    const waits = [...entry.waits];
    for (const wait of waits) this.leave(wait);
    for (const { waiter } of waits) waiter.onHost(outcome);
  }

  private endLate(): void {
    const nowMs = this.clock.now();
    for (const wait of this.waits) {
      if (wait.untilMs > nowMs) {
        this.clock.arm(this.lateTimer, wait.untilMs - nowMs);
        return;
      }
      this.leave(wait);
      this.counts.late += 1;
      wait.waiter.onHost('late');
    }
  }

  /** Of those whose loss costs least: what is known not to be there, then what was used longest ago. */
  private makeRoom(): boolean {
    let least: DemandEntry | null = null;
    for (const entry of this.entries.values()) {
      if (entry.waits.size > 0) continue;
      if (least === null || rankOf(entry) < rankOf(least)) least = entry;
      else if (rankOf(entry) === rankOf(least) && entry.usedMs < least.usedMs) least = entry;
    }
    if (least === null) return false;
    this.drop([least]);
    return true;
  }

  private sweep(): void {
    const nowMs = this.clock.now();
    this.drop([...this.entries.values()].filter((entry) => isOver(entry, nowMs)));
    if (this.entries.size === 0) return;
    this.clock.arm(this.sweepTimer, limits.sweepMs);
    this.owner?.onNames();
  }

  private drop(entries: readonly DemandEntry[]): void {
    if (entries.length === 0) return;
    const resources = new Set<string>();
    for (const entry of entries) {
      const { name, resource } = entry;
      this.unlink(entry);
      this.move(entry, 'absent');
      this.entries.delete(name);
      // What another name still wants stays.
      if (resource !== '' && this.byResource.get(resource).size === 0) resources.add(resource);
    }
    this.counts.letGo += resources.size;
    if (resources.size > 0) this.owner?.onUnused([...resources]);
    this.owner?.onNames();
  }

  private unlink(entry: DemandEntry): void {
    this.byHost.delete(entry.host, entry);
    this.byResource.delete(entry.resource, entry);
    entry.host = '';
    entry.resource = '';
  }
}

const nobody: ReadonlySet<DemandEntry> = new Set();

class Index {
  private readonly entries = new Map<string, Set<DemandEntry>>();

  get empty(): boolean {
    return this.entries.size === 0;
  }

  get(key: string): ReadonlySet<DemandEntry> {
    return this.entries.get(key) ?? nobody;
  }

  add(key: string, entry: DemandEntry): void {
    this.entries.set(key, (this.entries.get(key) ?? new Set()).add(entry));
  }

  delete(key: string, entry: DemandEntry): void {
    const entries = this.entries.get(key);
    if (entries?.delete(entry) === true && entries.size === 0) this.entries.delete(key);
  }
}

/** `TABLE/HOST`: a host has no slash, a table's name may have some. */
export function tableOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

/** What can be a host and a port (RFC 3986 section 3.2) in a name that a control plane takes. */
function isAskable(host: string): boolean {
  return host.length > 0 && host.length <= limits.hostCharsMax && /^[!-.0-~]+$/.test(host);
}

function rankOf({ state }: DemandEntry): number {
  return state === 'absent' || state === 'refused' ? 0 : state === 'asked' ? 1 : 2;
}

function isOver({ sinceMs, state, usedMs, waits }: DemandEntry, nowMs: number): boolean {
  if (waits.size > 0) return false;
  if (state === 'held' || state === 'applying') return usedMs + limits.idleMs <= nowMs;
  return sinceMs + limits.absentMs <= nowMs;
}
