// What requests ask the control plane for: which names are wanted, who waits for them, and what became of each. There
// is one for virtual hosts and one for clusters (in Envoy: source/common/router/vhds.cc, upstream/od_cds_api_impl.cc);
// unlike there everything has a bound, and what nobody uses any more is given up.
//
// A name's life: `asked` -> `applying` (it came, and what it refers to has not) -> `held`; or -> `absent` or
// `refused`, which are remembered for a while. A name that is held and that the control plane takes away is `absent`;
// one that it brings after all is `held`.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { CallerShares } from './caller-shares.ts';
import { demandLimits as limits } from './limits.ts';
import type { ResourceSource } from './source-types.ts';

/** `came`: what was asked for is in force. `late`: nobody has said anything within the time that a request waits. */
export type DemandOutcome = 'came' | 'absent' | 'refused' | 'late';

/** A name, and where what it stands for is to come from. */
export interface Wanted {
  readonly name: string;
  readonly source: ResourceSource;
}

/** A request that waits. */
export interface DemandWaiter {
  onDemand(outcome: DemandOutcome): void;
}

export interface DemandOwner {
  /** {@link Demand.wanted} are others, or were used. */
  onNames(): void;
  /** These resources are not to be held any more. */
  onUnused(resources: readonly string[]): void;
}

/** What a waiter gives back to say that it waits no more. */
export type DemandWait = Wait;

interface DemandEntry extends Wanted {
  state: 'asked' | 'applying' | 'held' | 'absent' | 'refused';
  /** The resource that it came as, and what requests know that by; '' for none. */
  resource: string;
  used: string;
  /** Who asked for it first. */
  readonly caller: string;
  /** When the state began, and when a request last used it. */
  sinceMs: number;
  usedMs: number;
  readonly waits: Set<Wait>;
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

export class Demand implements TimerHandler {
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
  private owner: DemandOwner | null = null;
  private readonly entries = new Map<string, DemandEntry>();
  /** Names in this state, and requests that wait, by who asked. */
  private readonly asked = new CallerShares(limits.askedMax);
  private readonly waiters = new CallerShares(limits.waitersMax);
  private readonly applying = new Set<DemandEntry>();
  /** Those that came, by what requests know them by, and by the name of the resource. */
  private readonly byUse = new Index();
  private readonly byResource = new Index();
  private readonly sweepTimer = new Timer(this, 0);

  constructor(clock: Clock) {
    this.clock = clock;
  }

  attach(owner: DemandOwner): void {
    this.owner = owner;
  }

  stop(): void {
    this.clock.cancel(this.sweepTimer);
    for (const { waits } of this.entries.values()) for (const wait of waits) this.clock.cancel(wait.timer);
    this.owner = null;
  }

  /** What the control plane is to be asked for. */
  wanted(): readonly Wanted[] {
    return [...this.entries.values()].map(({ name, source }) => ({ name, source }));
  }

  /** Those of these names that are wanted. */
  wantedOf(names: Iterable<string>): readonly Wanted[] {
    const found: Wanted[] = [];
    for (const asked of names) {
      const entry = this.entries.get(asked);
      if (entry !== undefined) found.push({ name: entry.name, source: entry.source });
    }
    return found;
  }

  /** Nothing came by a request's asking: there is nothing to use. */
  get idle(): boolean {
    return this.byUse.empty;
  }

  get held(): number {
    let held = 0;
    for (const { state } of this.entries.values()) if (state === 'held') held += 1;
    return held;
  }

  get waiting(): number {
    return this.waiters.size;
  }

  /**
   * A request needs what this name stands for, and has looked in vain. `full`: a bound is reached, and it cannot wait.
   * `late` comes after `waitMs`. `caller`: no one takes all of the bounds; '' has no share of its own.
   */
  ask(
    wanted: Wanted,
    waiter: DemandWaiter,
    waitMs: number,
    caller = '',
  ): DemandWait | DemandOutcome | 'full' {
    const known = this.entries.get(wanted.name);
    if (known?.state === 'absent' || known?.state === 'refused') return known.state;
    // It is there and does not serve this request: asking again would not change that.
    if (known?.state === 'held') return 'absent';
    if (!this.waiters.take(caller)) return this.overflow();
    const entry = known ?? this.want(wanted, caller);
    if (entry === null) {
      this.waiters.release(caller);
      return this.overflow();
    }
    const wait = new Wait(this, entry, waiter, caller);
    entry.waits.add(wait);
    this.clock.arm(wait.timer, waitMs);
    return wait;
  }

  /** It waits no more. */
  leave(wait: DemandWait): void {
    if (!wait.entry.waits.delete(wait)) return;
    this.waiters.release(wait.caller);
    this.clock.cancel(wait.timer);
  }

  private overflow(): 'full' {
    this.counts.overflow += 1;
    return 'full';
  }

  /** Its time is over. */
  onLate(wait: DemandWait): void {
    this.leave(wait);
    this.counts.late += 1;
    wait.waiter.onDemand('late');
  }

  /** A request goes by what is known by this. */
  use(used: string): void {
    const nowMs = this.clock.now();
    for (const entry of this.byUse.get(used)) entry.usedMs = nowMs;
  }

  /** Another thread wants these, or goes on using them; those for which there is no room do not come. */
  wantAll(wanted: readonly Wanted[]): void {
    const nowMs = this.clock.now();
    for (const one of wanted) {
      const known = this.entries.get(one.name);
      if (known === undefined) this.want(one, '');
      else known.usedMs = nowMs;
    }
  }

  /** The resource that came by this name, `absent` where it is known that there is none; null: not known yet. */
  resourceOf(name: string): { readonly kind: 'held'; readonly resource: string } | 'absent' | null {
    const entry = this.entries.get(name);
    if (entry?.state === 'absent') return 'absent';
    return entry === undefined || entry.resource === '' ? null : { kind: 'held', resource: entry.resource };
  }

  /** A resource was taken in, which requests know by `used`; null: it was refused. */
  onResource(resource: string, aliases: readonly string[], used: string | null): void {
    for (const name of [resource, ...aliases]) {
      const entry = this.entries.get(name);
      if (entry === undefined) continue;
      // What was accepted before stays in force.
      if (used === null && (entry.state === 'held' || entry.state === 'applying')) continue;
      if (used === null) {
        this.move(entry, 'refused');
        this.tell(entry, 'refused');
        continue;
      }
      this.unlink(entry);
      this.move(entry, 'applying');
      entry.resource = resource;
      entry.used = used;
      this.byUse.add(used, entry);
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

  onTimer(): void {
    this.sweep();
  }

  private want({ name, source }: Wanted, caller: string): DemandEntry | null {
    if (!this.asked.take(caller)) return null;
    if (this.entries.size >= limits.namesMax && !this.makeRoom()) {
      this.asked.release(caller);
      return null;
    }
    const nowMs = this.clock.now();
    const entry: DemandEntry = {
      name,
      source,
      state: 'asked',
      resource: '',
      used: '',
      caller,
      sinceMs: nowMs,
      usedMs: nowMs,
      waits: new Set(),
    };
    this.entries.set(name, entry);
    this.counts.asked += 1;
    if (!this.sweepTimer.armed) this.clock.arm(this.sweepTimer, limits.sweepMs);
    this.owner?.onNames();
    return entry;
  }

  private move(entry: DemandEntry, state: DemandEntry['state']): void {
    if (entry.state === 'asked') this.asked.release(entry.caller);
    if (state === 'applying') this.applying.add(entry);
    else this.applying.delete(entry);
    entry.state = state;
    entry.sinceMs = this.clock.now();
  }

  private tell(entry: DemandEntry, outcome: DemandOutcome): void {
    if (outcome !== 'late') this.counts[outcome] += 1;
    const waits = [...entry.waits];
    for (const wait of waits) this.leave(wait);
    for (const { waiter } of waits) waiter.onDemand(outcome);
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
    this.byUse.delete(entry.used, entry);
    this.byResource.delete(entry.resource, entry);
    entry.used = '';
    entry.resource = '';
  }
}

class Wait implements TimerHandler {
  readonly entry: DemandEntry;
  readonly waiter: DemandWaiter;
  readonly caller: string;
  readonly timer = new Timer(this, 0);
  private readonly demand: Demand;

  constructor(demand: Demand, entry: DemandEntry, waiter: DemandWaiter, caller: string) {
    this.caller = caller;
    this.demand = demand;
    this.entry = entry;
    this.waiter = waiter;
  }

  onTimer(): void {
    this.demand.onLate(this);
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

function rankOf({ state }: DemandEntry): number {
  return state === 'absent' || state === 'refused' ? 0 : state === 'asked' ? 1 : 2;
}

function isOver({ sinceMs, state, usedMs, waits }: DemandEntry, nowMs: number): boolean {
  if (waits.size > 0) return false;
  if (state === 'held' || state === 'applying') return usedMs + limits.idleMs <= nowMs;
  return sinceMs + limits.absentMs <= nowMs;
}
