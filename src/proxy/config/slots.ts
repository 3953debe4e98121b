// What is in force of one kind of resource, and what is to follow it once what it refers to is there.

import { assert, type Clock } from '../../base/index.ts';

/** The newest version of something, the one in force, and until when the newest may wait. */
export interface Slot<T> {
  active: T | null;
  warming: T | null;
  deadlineMs: number;
}

/** Called before and after a slot changes. */
export type AroundChange<T> = (name: string, slot: Slot<T>, present: boolean) => void;

/** Those of one kind by name, and which of them are warming. */
export class Slots<T> extends Map<string, Slot<T>> {
  readonly pending = new Set<string>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    super();
    this.clock = clock;
  }

  /** `timeoutMs` 0: it waits for ever. */
  warm(name: string, value: T, timeoutMs: number): void {
    const slot = this.get(name) ?? { active: null, warming: null, deadlineMs: 0 };
    slot.warming = value;
    slot.deadlineMs = timeoutMs === 0 ? Number.POSITIVE_INFINITY : this.clock.now() + timeoutMs;
    this.set(name, slot);
    this.pending.add(name);
  }

  drop(name: string): void {
    this.delete(name);
    this.pending.delete(name);
  }

  /** Puts into force what is ready, or out of patience. */
  settle(nowMs: number, isReady: (value: T) => boolean, around: AroundChange<T> | null = null): void {
    for (const name of this.pending) {
      const slot = this.get(name);
      assert(slot?.warming != null, 'what is pending is warming');
      if (!(isReady(slot.warming) || nowMs >= slot.deadlineMs)) continue;
      around?.(name, slot, false);
      slot.active = slot.warming;
      slot.warming = null;
      this.pending.delete(name);
      around?.(name, slot, true);
    }
  }
}

export function setOrDelete<T>(map: Map<string, T>, name: string, value: T | null): void {
  if (value === null) map.delete(name);
  else map.set(name, value);
}
