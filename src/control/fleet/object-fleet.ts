// Objects that the leading replica keeps for others: what runs a Gateway, what fences a Service at the network (which
// these are is the caller's to say). Server-side apply under one field manager: what people or autoscalers add to the
// objects stays, and what they change of ours is put back. The objects belong to what they are kept for, and go with
// it.

import { type Clock, type Log, type Random, Timer, type TimerHandler } from '../../base/index.ts';
import type { KubeApi } from '../kubernetes/types.ts';
import { type ObjectKey, objectKey } from '../source/types.ts';
import { fleetLimits } from './limits.ts';
import {
  type FleetFault,
  type FleetObject,
  foreignObject,
  pathOf,
  removeObject,
  type WriteOutcome,
  writeObject,
} from './object-writer.ts';

/** What objects are kept for; they belong to it, and go with it. */
export interface FleetOwner {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** An object that an earlier leader made. */
export interface AdoptedObject<O extends FleetOwner> {
  /** Where the API server has it. */
  readonly path: string;
  readonly uid: string;
  readonly owner: O;
}

export interface ObjectFleetOptions<O extends FleetOwner> {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of the owners, by which what is wrong with their objects is told. */
  readonly kind: 'Gateway' | 'Service' | 'Namespace';
  /** Null: not all has been read yet. */
  readonly list: () => readonly O[] | null;
  /** It is gone, or not to have objects any more: they go too. One that is merely at fault keeps them as they are. */
  readonly isReleased: (owner: O) => boolean;
  readonly render: (owner: O) => readonly FleetObject[];
  /** Whether what was last seen of an owner's objects is as it was applied; they are put back at once where not. */
  readonly holds?: (owner: O) => boolean;
  /** What is there when this replica begins to lead: what nobody wants any more goes. Null: it cannot be read. */
  readonly adopt?: () => Promise<readonly AdoptedObject<O>[] | null>;
}

interface Applied<O> {
  /** Where the API server has it. */
  readonly path: string;
  /** The object as it was sent. */
  readonly text: string;
  readonly atMs: number;
  readonly owner: O;
  /** Of the object; empty: the API server did not say. */
  readonly uid: string;
}

interface Failure<O> {
  readonly owner: O;
  /** The object as it was sent: another text is tried at once. */
  readonly text: string;
  readonly count: number;
  /** Clock time before which it is not tried again. */
  readonly notBeforeMs: number;
  readonly fault: FleetFault | null;
}

/** One object to write, or to take away. */
interface Task<O> {
  readonly key: string;
  readonly path: string;
  /** Empty: it goes. */
  readonly text: string;
  readonly owner: O;
  readonly item: FleetObject | null;
  /** Another owner's object has this name, and was there before; empty: none. */
  readonly holder: string;
}

export class ObjectFleet<O extends FleetOwner> implements TimerHandler {
  readonly counters = { applied: 0, removed: 0, failed: 0 };
  /** Something else is at fault than before. */
  onFaults: () => void = () => {};
  private readonly options: ObjectFleetOptions<O>;
  private readonly timer = new Timer(this, 0);
  /** By owner and path, as the next: objects of two owners may have one name. */
  private readonly applied = new Map<string, Applied<O>>();
  private readonly failed = new Map<string, Failure<O>>();
  /** Rounds in a row that broke as a whole. */
  private brokenRounds = 0;
  private adopted = false;
  private leading = false;
  /** Of this leadership: what was begun in another says nothing of this. */
  private term = 0;
  private running = false;
  /** Something changed while a round ran, which may have read it before. */
  private dirty = false;

  constructor(options: ObjectFleetOptions<O>) {
    this.options = options;
  }

  /** What keeps owners' objects from being as they should be, by their keys; nothing while another leads. */
  get faults(): ReadonlyMap<ObjectKey, FleetFault> {
    const faults = new Map<ObjectKey, FleetFault>();
    for (const { owner, fault } of this.failed.values()) {
      if (faults.size >= fleetLimits.faultsMax) break;
      const key = objectKey(owner.namespace, this.options.kind, owner.name);
      if (fault !== null && !faults.has(key)) faults.set(key, fault);
    }
    return faults;
  }

  lead(leading: boolean): void {
    this.leading = leading;
    this.term++;
    // What another leader wrote meanwhile is not known.
    this.applied.clear();
    this.failed.clear();
    this.adopted = false;
    if (leading) this.poke();
    else this.options.clock.cancel(this.timer);
  }

  /** Something changed that they may be made of. */
  poke(): void {
    if (this.running) this.dirty = true;
    else if (this.leading) this.armWithin(fleetLimits.gatherMs);
  }

  stop(): void {
    this.leading = false;
    this.options.clock.cancel(this.timer);
  }

  onTimer(): void {
    if (!this.running) void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    this.dirty = false;
    const waitMs = await this.runRound();
    this.running = false;
    if (this.leading) this.armWithin(this.dirty ? fleetLimits.gatherMs : waitMs);
  }

  /** How long until the next one. */
  private async runRound(): Promise<number> {
    try {
      if (!this.adopted) this.adopted = await this.adoptAll();
      const owners = this.adopted ? this.options.list() : null;
      const isWhole = owners === null || (await this.settleAll(owners));
      this.brokenRounds = this.adopted ? 0 : this.brokenRounds + 1;
      if (!isWhole) return fleetLimits.gatherMs;
    } catch (error) {
      this.brokenRounds++;
      this.tell('', String(error));
    }
    return this.brokenRounds > 0 ? this.backoff(this.brokenRounds) : this.untilNextTry();
  }

  private async adoptAll(): Promise<boolean> {
    const { term } = this;
    const objects = (await this.options.adopt?.()) ?? (this.options.adopt === undefined ? [] : null);
    if (term !== this.term) return false;
    if (objects === null) return this.tell('', 'what is there already cannot be read');
    for (const { path, uid, owner } of objects)
      this.applied.set(keyOf(owner, path), { path, text: '', atMs: Number.NEGATIVE_INFINITY, owner, uid });
    return true;
  }

  /** False: not all that is due was of this round. What failed before comes last, so that it puts off nobody else's. */
  private async settleAll(owners: readonly O[]): Promise<boolean> {
    const now = this.options.clock.now();
    const due = this.listTasks(owners)
      .filter(({ key, text }) => {
        const failure = this.failed.get(key);
        return failure === undefined || failure.text !== text || failure.notBeforeMs <= now;
      })
      .sort((a, b) => this.failuresOf(a) - this.failuresOf(b));
    const round = due.slice(0, fleetLimits.roundMax);
    // What comes in place of another is there before that goes.
    await this.settleEach(round.filter(({ item }) => item !== null));
    await this.settleEach(round.filter(({ item }) => item === null));
    return round.length === due.length;
  }

  private async settleEach(round: readonly Task<O>[]): Promise<void> {
    const { term } = this;
    let next = 0;
    const lane = async () => {
      while (this.leading && term === this.term) {
        const task = round[next++];
        if (task === undefined) return;
        await this.settle(task, term);
      }
    };
    await Promise.all(Array.from({ length: fleetLimits.lanes }, lane));
  }

  private listTasks(owners: readonly O[]): readonly Task<O>[] {
    const { clock, render, holds } = this.options;
    const wanted = new Set<string>();
    const holders = new Map([...this.applied.values()].map(({ path, owner }) => [path, idOf(owner)]));
    const tasks: Task<O>[] = [];
    for (const owner of owners) {
      for (const item of render(owner)) {
        const path = pathOf(item);
        const id = idOf(owner);
        if (!holders.has(path)) holders.set(path, id);
        const holder = holders.get(path) === id ? '' : (holders.get(path) ?? '');
        const text = JSON.stringify(item.object);
        const task = { key: keyOf(owner, path), path, text, owner, item, holder };
        const before = this.applied.get(task.key);
        const isFresh = before?.text === task.text && clock.now() - before.atMs < fleetLimits.resyncMs;
        if (!isFresh || holds?.(owner) === false) tasks.push(task);
        wanted.add(task.key);
      }
    }
    return [...tasks, ...this.listRemovals(owners, wanted)];
  }

  /**
   * An owner that is gone takes its objects along; one that is another's now does not. One that comes back later finds
   * them as somebody else may have left them.
   */
  private listRemovals(owners: readonly O[], wanted: ReadonlySet<string>): readonly Task<O>[] {
    const served = new Set(owners.map(idOf));
    const tasks: Task<O>[] = [];
    for (const [key, before] of this.applied) {
      const { path, owner } = before;
      if (wanted.has(key)) continue;
      if (served.has(idOf(owner)) || this.options.isReleased(owner))
        tasks.push({ key, path, text: '', owner, item: null, holder: '' });
      else this.applied.set(key, { ...before, text: '' });
    }
    const told = new Set([...wanted, ...tasks.map(({ key }) => key)]);
    for (const key of [...this.failed.keys()]) if (!told.has(key)) this.settled(key);
    return tasks;
  }

  private async settle(task: Task<O>, term: number): Promise<void> {
    const { api, clock, kind } = this.options;
    const { key, path, text, owner, item, holder } = task;
    const uid = this.applied.get(key)?.uid ?? '';
    if (item !== null && holder !== '') return this.fail(task, foreignObject(item, `${kind} ${holder}`));
    const outcome = await (item === null ? removeObject(api, path, uid) : writeObject(api, item, uid));
    if (term !== this.term) return;
    if (outcome.kind === 'failed') return this.fail(task, outcome);
    this.settled(key);
    if (outcome.kind === 'written') {
      this.applied.set(key, { path, text, atMs: clock.now(), owner, uid: outcome.uid });
      this.counters.applied++;
      return;
    }
    this.applied.delete(key);
    if (outcome.kind === 'removed') this.counters.removed++;
  }

  private settled(key: string): void {
    const before = this.failed.get(key);
    this.failed.delete(key);
    if (before !== undefined && before.fault !== null) this.onFaults();
  }

  private fail(task: Task<O>, { reason, fault }: Extract<WriteOutcome, { kind: 'failed' }>): void {
    const before = this.failed.get(task.key);
    const count = (before?.count ?? 0) + 1;
    const notBeforeMs = this.options.clock.now() + this.backoff(count);
    const { owner, text } = task;
    this.failed.set(task.key, { owner, text, count, notBeforeMs, fault });
    // What it is now is not known: it is looked at before it is written again.
    if (task.item !== null && fault?.reason === 'ObjectNotOurs') this.applied.delete(task.key);
    this.tell(task.path, reason);
    if (before?.fault?.message !== fault?.message) this.onFaults();
  }

  private tell(path: string, reason: string): false {
    this.counters.failed++;
    this.options.log.write('warn', 'an object was not written', { path, reason });
    return false;
  }

  private failuresOf({ key }: Task<O>): number {
    return this.failed.get(key)?.count ?? 0;
  }

  private backoff(count: number): number {
    const waitMs = Math.min(fleetLimits.backoffMs * 2 ** (count - 1), fleetLimits.backoffMaxMs);
    return waitMs * (0.5 + this.options.random.float() / 2);
  }

  private untilNextTry(): number {
    const now = this.options.clock.now();
    let waitMs: number = fleetLimits.resyncMs;
    for (const { notBeforeMs } of this.failed.values()) waitMs = Math.min(waitMs, notBeforeMs - now);
    return Math.max(waitMs, fleetLimits.gatherMs);
  }

  private armWithin(ms: number): void {
    const { clock } = this.options;
    if (!this.timer.armed || this.timer.dueMs > clock.now() + ms) clock.arm(this.timer, ms);
  }
}

function idOf({ namespace, name }: FleetOwner): string {
  return `${namespace}/${name}`;
}

function keyOf(owner: FleetOwner, path: string): string {
  return `${idOf(owner)} ${path}`;
}
