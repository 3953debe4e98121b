// The clock of one simulated process: the world's time, and timers that die with the process. Without it a crashed
// proxy would go on retrying from beyond.

import { assert, type Clock, Timer, type TimerHandler, TimerWheel } from '../base/index.ts';

export class ProcessClock implements Clock, TimerHandler {
  private readonly world: Clock;
  private readonly wheel: TimerWheel;
  private readonly wake = new Timer(this, 0);
  private alive = true;

  /** `tickMs` is the world's. */
  constructor(world: Clock, tickMs: number) {
    this.world = world;
    this.wheel = new TimerWheel(tickMs, world.now());
  }

  now(): number {
    return this.world.now();
  }

  precise(): number {
    return this.world.precise();
  }

  wall(): number {
    return this.world.wall();
  }

  arm(timer: Timer, delayMs: number): void {
    assert(delayMs >= 0, 'a delay is not negative');
    if (!this.alive) return;
    this.wheel.arm(timer, this.now() + delayMs);
    this.sleep();
  }

  cancel(timer: Timer): void {
    this.wheel.cancel(timer);
  }

  /** No timer of the process fires any more, and none can be armed. */
  kill(): void {
    this.alive = false;
    this.world.cancel(this.wake);
  }

  onTimer(): void {
    this.wheel.advance(this.now());
    if (this.alive) this.sleep();
  }

  private sleep(): void {
    const dueMs = this.wheel.nextDueMs();
    if (dueMs === Infinity || (this.wake.armed && this.wake.dueMs <= dueMs)) return;
    this.world.arm(this.wake, Math.max(0, dueMs - this.now()));
  }
}
