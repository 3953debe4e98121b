// Objects that the leading replica keeps for others: what runs a Gateway, what fences a Service at the network (which
// these are is the caller's to say). Server-side apply under one field manager: what people or autoscalers add to the
// objects stays, and what they change of ours is put back. The objects belong to what they are kept for, and go with
// it.

import { type Clock, type Log, type Random, Timer, type TimerHandler } from '../../base/index.ts';
import type { KubeApi, KubeObject } from '../kubernetes/types.ts';
import { fieldOf, textOf } from '../kubernetes/types.ts';
import { fleetLimits } from './limits.ts';

/** An object, and where the API server has its kind. */
export interface FleetObject {
  /** As `/apis/apps/v1` and `deployments`. */
  readonly root: string;
  readonly plural: string;
  readonly object: KubeObject;
}

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

const fieldManager = 'weft-control';
/** Of every object that is kept, so that they are found when the mesh is taken away. */
export const managedLabel = 'app.kubernetes.io/managed-by';
export const managedValue = fieldManager;

interface Applied<O> {
  /** The object as it was sent. */
  readonly text: string;
  readonly atMs: number;
  readonly owner: O;
  /** Of the object; empty: the API server did not say. */
  readonly uid: string;
}

export class ObjectFleet<O extends FleetOwner> implements TimerHandler {
  readonly counters = { applied: 0, removed: 0, failed: 0 };
  private readonly options: ObjectFleetOptions<O>;
  private readonly timer = new Timer(this, 0);
  /** By path. */
  private readonly applied = new Map<string, Applied<O>>();
  private failures = 0;
  private adopted = false;
  private leading = false;
  private running = false;
  /** Something changed while a round ran, which may have read it before. */
  private dirty = false;

  constructor(options: ObjectFleetOptions<O>) {
    this.options = options;
  }

  lead(leading: boolean): void {
    this.leading = leading;
    // What another leader wrote meanwhile is not known.
    this.applied.clear();
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
    const sound = await this.runRound();
    if (!this.leading) return;
    this.failures = sound ? 0 : this.failures + 1;
    if (sound) return this.armWithin(this.dirty ? fleetLimits.gatherMs : fleetLimits.resyncMs);
    const waitMs = Math.min(fleetLimits.backoffMs * 2 ** (this.failures - 1), fleetLimits.backoffMaxMs);
    this.armWithin(waitMs * (0.5 + this.options.random.float() / 2));
  }

  private async runRound(): Promise<boolean> {
    this.running = true;
    this.dirty = false;
    try {
      if (!this.adopted) this.adopted = await this.adoptAll();
      const owners = this.options.list();
      return owners === null || (this.adopted && (await this.applyAll(owners)));
    } catch (error) {
      return this.fail('', String(error));
    } finally {
      this.running = false;
    }
  }

  private async adoptAll(): Promise<boolean> {
    const objects = (await this.options.adopt?.()) ?? (this.options.adopt === undefined ? [] : null);
    if (objects === null) return this.fail('', 'what is there already cannot be read');
    for (const { path, uid, owner } of objects)
      this.applied.set(path, { text: '', atMs: Number.NEGATIVE_INFINITY, owner, uid });
    return true;
  }

  private async applyAll(owners: readonly O[]): Promise<boolean> {
    let sound = true;
    const wanted = new Set<string>();
    const served = new Set(owners.map(idOf));
    for (const owner of owners) {
      for (const item of this.options.render(owner)) {
        wanted.add(pathOf(item));
        sound = (await this.apply(item, owner)) && sound;
        if (!this.leading) return true;
      }
    }
    for (const [path, before] of [...this.applied]) {
      if (wanted.has(path)) continue;
      const { owner, uid } = before;
      // An owner that is gone takes its objects along; one that is another's now does not. One that comes back later
      // finds them as somebody else may have left them.
      if (served.has(idOf(owner)) || this.options.isReleased(owner))
        sound = (await this.remove(path, uid)) && sound;
      else this.applied.set(path, { ...before, text: '' });
    }
    return sound;
  }

  private async apply(item: FleetObject, owner: O): Promise<boolean> {
    const { api, clock } = this.options;
    const path = pathOf(item);
    const text = JSON.stringify(item.object);
    const before = this.applied.get(path);
    const isFresh = before?.text === text && clock.now() - before.atMs < fleetLimits.resyncMs;
    if (isFresh && this.options.holds?.(owner) !== false) return true;
    const query = `fieldManager=${fieldManager}&force=true`;
    const answer = await api.request({
      method: 'APPLY',
      path: `${path}?${query}`,
      body: labelled(item.object),
    });
    const status = answer.ok ? answer.value.status : 0;
    if (answer.ok && (status === 200 || status === 201)) {
      const uid = textOf(answer.value.body, 'metadata', 'uid');
      this.applied.set(path, { text, atMs: clock.now(), owner, uid });
      this.counters.applied++;
      return true;
    }
    return this.fail(
      path,
      answer.ok ? `${status} ${textOf(answer.value.body, 'message')}` : answer.error.message,
    );
  }

  /** A conflict: it is another object by now, which somebody else made under its name. */
  private async remove(path: string, uid: string): Promise<boolean> {
    const preconditions = uid === '' ? {} : { preconditions: { uid } };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...preconditions };
    const answer = await this.options.api.request({ method: 'DELETE', path, body });
    const status = answer.ok ? answer.value.status : 0;
    if (status === 409) return this.applied.delete(path);
    if (status !== 200 && status !== 202 && status !== 404)
      return this.fail(path, answer.ok ? String(status) : answer.error.message);
    this.applied.delete(path);
    this.counters.removed++;
    return true;
  }

  private fail(path: string, reason: string): false {
    this.counters.failed++;
    this.options.log.write('warn', 'an object was not written', { path, reason });
    return false;
  }

  private armWithin(ms: number): void {
    const { clock } = this.options;
    if (!this.timer.armed || this.timer.dueMs > clock.now() + ms) clock.arm(this.timer, ms);
  }
}

function labelled(object: KubeObject): KubeObject {
  const metadata = fieldOf(object, 'metadata') as KubeObject;
  const labels = { ...(fieldOf(metadata, 'labels') as KubeObject), [managedLabel]: managedValue };
  return { ...object, metadata: { ...metadata, labels } };
}

function idOf({ namespace, name }: FleetOwner): string {
  return `${namespace}/${name}`;
}

function pathOf({ root, plural, object }: FleetObject): string {
  const namespace = encodeURIComponent(textOf(object, 'metadata', 'namespace'));
  return `${root}/namespaces/${namespace}/${plural}/${encodeURIComponent(textOf(object, 'metadata', 'name'))}`;
}
