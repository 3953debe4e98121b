// Gathers events so that a burst builds the model once. Endpoints go on at once, though not more often than every 20
// ms: a replica that is gone costs requests every millisecond, and a thousand that come and go are one push. The rest
// waits for 50 ms of quiet (500 ms at most), and is not dragged along by endpoints, so that a change of several files
// stays one change. Removals always wait: an editor may truncate a file before it writes it, and what comes back in
// time was never gone.

import { type Clock, Timer, type TimerHandler } from '../../base/index.ts';
import { batchLimits } from './limits.ts';
import type { ObjectKey, RawObject, SourceFault, SourceListener } from './types.ts';

/** `object` null: the object is gone. */
export interface SourceEvent {
  readonly key: ObjectKey;
  readonly object: RawObject | null;
  /** Clock time at which it was first seen. */
  readonly atMs: number;
}

export interface BatchReceiver {
  /** Events of one batch, at most one an object; `faults` null when they did not change. */
  onBatch(events: readonly SourceEvent[], faults: readonly SourceFault[] | null): void;
  onSynced(): void;
}

const urgentTimer = 0;
const quietTimer = 1;

export class EventBatcher implements SourceListener, TimerHandler {
  private readonly clock: Clock;
  private readonly receiver: BatchReceiver;
  private readonly urgent = new Timer(this, urgentTimer);
  private readonly quiet = new Timer(this, quietTimer);
  private pending = new Map<ObjectKey, SourceEvent>();
  private faults: readonly SourceFault[] | null = null;
  /** When the oldest waiting change came, or -1. */
  private heldSinceMs = -1;
  private synced = false;
  /** When endpoints went on last. */
  private urgentAtMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, receiver: BatchReceiver) {
    this.clock = clock;
    this.receiver = receiver;
  }

  onUpsert(object: RawObject): void {
    this.push(object.key, object);
  }

  onRemove(key: ObjectKey): void {
    this.push(key, null);
  }

  onFaults(faults: readonly SourceFault[]): void {
    this.faults = faults;
    this.hold(this.clock.now());
  }

  /** The first listing is one batch and does not wait. */
  onSynced(): void {
    this.synced = true;
    this.flushAll();
    this.receiver.onSynced();
  }

  stop(): void {
    this.clock.cancel(this.urgent);
    this.clock.cancel(this.quiet);
  }

  /** Something was heard that is not passed on yet. */
  get waiting(): boolean {
    return this.pending.size > 0;
  }

  onTimer(kind: number): void {
    if (kind === quietTimer) this.flushAll();
    else this.flushUrgent();
  }

  private push(key: ObjectKey, object: RawObject | null): void {
    const nowMs = this.clock.now();
    const atMs = this.pending.get(key)?.atMs ?? nowMs;
    this.pending.set(key, { key, object, atMs });
    if (!this.synced) return;
    if (!isUrgent(object)) this.hold(nowMs);
    else if (!this.urgent.armed)
      this.clock.arm(this.urgent, Math.max(0, this.urgentAtMs + batchLimits.urgentGapMs - nowMs));
  }

  private hold(nowMs: number): void {
    if (!this.synced) return;
    if (this.heldSinceMs < 0) this.heldSinceMs = nowMs;
    const leftMs = this.heldSinceMs + batchLimits.holdMaxMs - nowMs;
    this.clock.arm(this.quiet, Math.max(0, Math.min(batchLimits.quietMs, leftMs)));
  }

  private flushUrgent(): void {
    const events: SourceEvent[] = [];
    for (const event of this.pending.values()) if (isUrgent(event.object)) events.push(event);
    for (const event of events) this.pending.delete(event.key);
    if (events.length === 0) return;
    this.urgentAtMs = this.clock.now();
    this.receiver.onBatch(events, null);
  }

  private flushAll(): void {
    this.clock.cancel(this.urgent);
    this.clock.cancel(this.quiet);
    this.heldSinceMs = -1;
    const events = [...this.pending.values()];
    const faults = this.faults;
    this.pending = new Map();
    this.faults = null;
    if (events.length > 0 || faults !== null) this.receiver.onBatch(events, faults);
  }
}

function isUrgent(object: RawObject | null): boolean {
  return object !== null && object.kind === 'EndpointSlice';
}
