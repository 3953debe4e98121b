// A hierarchical timing wheel (Varghese and Lauck, SOSP 1987) over the intrusive links of Timer: arming and cancelling
// take constant time and allocate nothing, and it knows when it next has work, so that an idle process does not tick.
// Moving an armed timer later, which every request does to its connection's idle timeout, is one store: the timer is
// filed anew when its old slot opens.

import type { Timer } from './clock.ts';
import { assert } from './errors.ts';

const slotBits = 5;
const slotsPerLevel = 1 << slotBits;
const levels = 6;
/** Ticks that the levels span: 2^30, which is 12 days of milliseconds. */
const spanTicks = 2 ** (slotBits * levels);
/**
 * Timers of later spans wait here for the next span to begin, in turn in two slots: what waits on is filed in the
 * other.
 */
const overflowSlot = levels * slotsPerLevel;
const slotCount = overflowSlot + 2;
/** With more timers than this in the next slot nobody sleeps for long anyway. */
const sleepLooksMax = 16;

/**
 * Level L has 32 slots of 32^L ticks. A timer is filed at the level of the highest bit group in which its due tick
 * differs from the current tick, so occupied slots always lie ahead of the current one at their level, and the lowest
 * occupied level holds the next slot to open. Timers of one tick fire in the order of arming.
 */
export class TimerWheel {
  /** Timers armed. */
  armedCount = 0;
  private readonly tickMs: number;
  private readonly ticksPerMs: number;
  private readonly heads: (Timer | null)[] = new Array<Timer | null>(slotCount).fill(null);
  private readonly tails: (Timer | null)[] = new Array<Timer | null>(slotCount).fill(null);
  /** A bit per slot of each level; the last entry is the overflow's. */
  private readonly occupied = new Int32Array(levels + 1);
  private tick: number;
  private advancing = false;

  /**
   * `tickMs` is the resolution, to which due times are rounded up: a power of two (1, 0.25, ...), so that milliseconds
   * and ticks convert without rounding. `startMs` is the clock's time now.
   */
  constructor(tickMs = 1, startMs = 0) {
    assert(Number.isInteger(Math.log2(tickMs)), 'a tick is a power of two of milliseconds');
    this.tickMs = tickMs;
    this.ticksPerMs = 1 / tickMs;
    this.tick = Math.floor(startMs * this.ticksPerMs);
  }

  /**
   * Files `timer` for `dueMs` (>= 0, absolute); a due time in the past means the next tick. An armed timer is moved.
   */
  arm(timer: Timer, dueMs: number): void {
    // Also refuses NaN, which would be filed nowhere and never fire.
    assert(dueMs >= 0, 'a timer is due at some time');
    if (timer.dueMs >= 0) {
      if (dueMs >= timer.filedMs) {
        timer.dueMs = dueMs;
        return;
      }
      this.unlink(timer);
    } else {
      this.armedCount++;
    }
    timer.dueMs = dueMs;
    this.file(timer);
  }

  cancel(timer: Timer): void {
    if (timer.dueMs < 0) return;
    this.unlink(timer);
    timer.dueMs = -1;
    this.armedCount--;
  }

  /**
   * When `advance` next has work: never after the earliest due timer, Infinity when none is armed. It may be before it,
   * when timers of a higher level have to be filed lower or one was moved later: a handful of times in a timer's life.
   */
  nextDueMs(): number {
    const tick = this.nextTick();
    return tick === Infinity ? Infinity : tick * this.tickMs;
  }

  /**
   * How long one may sleep: closer to the earliest due timer than {@link nextDueMs}, because filing lower can wait for
   * it. For whoever pays for each time that it wakes up.
   */
  sleepUntilMs(): number {
    const tick = this.nextTick();
    if (tick === Infinity) return Infinity;
    const slot = this.nextSlot();
    if (slot >= overflowSlot) return tick * this.tickMs;
    // Whatever is in other slots was filed for later than this one covers.
    let earliest = tick + 2 ** ((slot >>> slotBits) * slotBits);
    let looked = 0;
    for (let timer = this.first(slot); timer !== null; timer = timer.next) {
      if (++looked > sleepLooksMax) return tick * this.tickMs;
      earliest = Math.min(earliest, this.tickOf(timer.dueMs));
    }
    return Math.max(tick, earliest) * this.tickMs;
  }

  /**
   * Fires everything due at `nowMs` and returns how many that were. A handler may arm and cancel any timer; what it
   * arms fires in a later tick, so a handler that arms itself with delay 0 cannot hang the wheel. Not to be called from
   * a handler.
   */
  advance(nowMs: number): number {
    assert(!this.advancing, 'advance is not re-entrant');
    this.advancing = true;
    let fired = 0;
    try {
      const target = Math.floor(nowMs * this.ticksPerMs);
      for (let tick = this.nextTick(); tick <= target; tick = this.nextTick()) {
        const slot = this.nextSlot();
        this.tick = tick;
        fired += this.open(slot, nowMs);
      }
      if (target > this.tick) this.tick = target;
    } finally {
      this.advancing = false;
    }
    return fired;
  }

  /** Fires what is due in the slot and files the rest lower, or later when it was moved. */
  private open(slot: number, nowMs: number): number {
    let fired = 0;
    for (let timer = this.first(slot); timer !== null; timer = this.first(slot)) {
      this.unlink(timer);
      if (this.tickOf(timer.dueMs) > this.tick) {
        this.file(timer);
        continue;
      }
      timer.dueMs = -1;
      this.armedCount--;
      fired++;
      timer.handler.onTimer(timer.kind, nowMs);
    }
    return fired;
  }

  private first(slot: number): Timer | null {
    return this.heads[slot] ?? null;
  }

  private file(timer: Timer): void {
    // At least the next tick: the current one may be opening.
    const tick = Math.max(this.tickOf(timer.dueMs), this.tick + 1);
    timer.filedMs = timer.dueMs;
    const slot = this.slotOf(tick);
    timer.slot = slot;
    timer.next = null;
    const tail = this.tails[slot] ?? null;
    timer.previous = tail;
    if (tail === null) {
      this.heads[slot] = timer;
      this.occupied[slot >>> slotBits]! |= 1 << (slot & (slotsPerLevel - 1));
    } else {
      tail.next = timer;
    }
    this.tails[slot] = timer;
  }

  private unlink(timer: Timer): void {
    const { slot, next, previous } = timer;
    if (previous === null) this.heads[slot] = next;
    else previous.next = next;
    if (next === null) this.tails[slot] = previous;
    else next.previous = previous;
    if (previous === null && next === null)
      this.occupied[slot >>> slotBits]! &= ~(1 << (slot & (slotsPerLevel - 1)));
    timer.next = null;
    timer.previous = null;
    timer.slot = -1;
  }

  private tickOf(dueMs: number): number {
    return Math.ceil(dueMs * this.ticksPerMs);
  }

  /** Bit operations see the low 32 bits of the tick; equal spans above leave 30 of them to tell slots apart. */
  private slotOf(tick: number): number {
    const span = Math.floor(this.tick / spanTicks);
    if (Math.floor(tick / spanTicks) !== span) return overflowSlot + ((span + 1) & 1);
    const difference = (tick ^ this.tick) | (slotsPerLevel - 1);
    const level = ((31 - Math.clz32(difference)) / slotBits) | 0;
    return level * slotsPerLevel + ((tick >>> (level * slotBits)) & (slotsPerLevel - 1));
  }

  private nextSlot(): number {
    for (let level = 0; level <= levels; level++) {
      const bits = this.occupied[level]!;
      if (bits !== 0) return level * slotsPerLevel + 31 - Math.clz32(bits & -bits);
    }
    return -1;
  }

  /** The tick at which the next occupied slot opens. */
  private nextTick(): number {
    const slot = this.nextSlot();
    if (slot === -1) return Infinity;
    if (slot >= overflowSlot) {
      const span = Math.floor(this.tick / spanTicks);
      return (span + ((slot ^ span) & 1)) * spanTicks;
    }
    const level = slot >>> slotBits;
    const slotTicks = 2 ** (level * slotBits);
    const levelTicks = slotTicks * slotsPerLevel;
    return Math.floor(this.tick / levelTicks) * levelTicks + (slot & (slotsPerLevel - 1)) * slotTicks;
  }
}
