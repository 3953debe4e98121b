// Time as a passed-in value: what the layers below I/O may know of clocks. The real clock lives in net/, the virtual
// one in virtual-clock.ts; both drive the same TimerWheel, so a timeout behaves alike in production and in simulation.

/** Receives timers. One object may own several timers and tell them apart by `kind`, so arming allocates nothing. */
export interface TimerHandler {
  /** Called once per arming, at or after the due time, never inside `arm`. `nowMs` is {@link Clock.now}. */
  onTimer(kind: number, nowMs: number): void;
}

/** A reusable timeout: created once by its owner, armed and cancelled any number of times. */
export class Timer {
  readonly handler: TimerHandler;
  readonly kind: number;
  /** Due time in clock milliseconds while armed, -1 while idle. Written by the wheel only. */
  dueMs = -1;
  /** Intrusive list links and slot, owned by the wheel. */
  next: Timer | null = null;
  previous: Timer | null = null;
  slot = -1;
  /** Due time when the wheel last filed this timer: `dueMs` may be moved later without refiling, never before this. */
  filedMs = -1;

  constructor(handler: TimerHandler, kind: number) {
    this.handler = handler;
    this.kind = kind;
  }

  get armed(): boolean {
    return this.dueMs >= 0;
  }
}

export interface Clock {
  /**
   * Monotonic milliseconds with a fraction; the origin is arbitrary. The only time that decisions may use. It stands
   * still while a call from the network runs, which therefore cannot wait for it.
   */
  now(): number;
  /** The same, going on within such a call: for who bounds how long it takes. */
  precise(): number;
  /** Unix time in milliseconds; for logs, file names and certificates only. */
  wall(): number;
  /** Arms `timer` to fire once, `delayMs` (>= 0) from now, rounded up to the wheel's tick; an armed timer is moved. */
  arm(timer: Timer, delayMs: number): void;
  /** Disarms `timer`; a no-op when it is idle. */
  cancel(timer: Timer): void;
}
