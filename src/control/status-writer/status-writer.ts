// Writes what became of each object into its status, where an API server is the source: compares what should be there
// with what is, and writes the difference, the leader alone, at a bounded rate. What is there is what the watch
// brought: a write that met another's gets 409, and the version that the watch brings next is compared anew.

import { type Clock, type Log, type Random, Timer, type TimerHandler } from '../../base/index.ts';
import type { KubeApi, KubeObject } from '../kubernetes/types.ts';
import type { ObjectKey } from '../source/types.ts';
import { writerLimits } from './limits.ts';

/** One object, and the status that it should have. */
export interface PendingStatus {
  readonly key: ObjectKey;
  /** Its path; the status is a subresource of it. */
  readonly path: string;
  /** As the API server has it, with its version and without its status. */
  readonly object: KubeObject;
  readonly status: KubeObject;
  /** What is there now. */
  readonly present: unknown;
}

export interface StatusWriterOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Objects whose status is not what it should be, in the order in which they are to be written. */
  compare(): readonly PendingStatus[];
  /** It stands in the API server now. */
  onWritten(written: PendingStatus): void;
}

interface Failure {
  count: number;
  /** Clock time before which it is not tried again. */
  notBeforeMs: number;
}

export class StatusWriter implements TimerHandler {
  readonly counters = { written: 0, conflicts: 0, failed: 0 };
  private readonly options: StatusWriterOptions;
  private readonly timer: Timer;
  private readonly failures = new Map<ObjectKey, Failure>();
  /** What was written last of those that still differ. */
  private readonly written = new Map<ObjectKey, string>();
  private leading = false;
  private running = false;
  private stopped = false;
  /** Writes that may be made now; a bucket that fills with time. */
  private tokens: number = writerLimits.writesPerSecond;
  private tokensAtMs = 0;

  constructor(options: StatusWriterOptions) {
    this.options = options;
    this.timer = new Timer(this, 0);
  }

  /** Something changed that a status may speak of. */
  poke(): void {
    if (this.leading && !this.stopped && !this.running) this.armWithin(writerLimits.gatherMs);
  }

  lead(leading: boolean): void {
    this.leading = leading;
    if (leading) this.poke();
    else this.options.clock.cancel(this.timer);
  }

  stop(): void {
    this.stopped = true;
    this.options.clock.cancel(this.timer);
  }

  onTimer(): void {
    if (!this.running) void this.run();
  }

  /** One round: what differs is written, as far as the rate allows; the rest waits for the next. */
  private async run(): Promise<void> {
    this.running = true;
    const all = this.options.compare();
    const keys = new Set(all.map(({ key }) => key));
    for (const key of this.failures.keys()) if (!keys.has(key)) this.failures.delete(key);
    for (const key of this.written.keys()) if (!keys.has(key)) this.written.delete(key);
    // What failed before comes last: a few that never hold must not be in the way of all others.
    const due = all
      .filter(({ key }) => this.isDue(key))
      .sort((a, b) => this.failuresOf(a.key) - this.failuresOf(b.key))
      .slice(0, this.takeTokens(all.length));
    const lanes = Array.from({ length: writerLimits.parallel }, (_, lane) =>
      this.writeAll(due.filter((_one, at) => at % writerLimits.parallel === lane)),
    );
    await Promise.all(lanes);
    this.running = false;
    if (this.leading && !this.stopped)
      this.armWithin(due.length > 0 || all.length > 0 ? 1000 : writerLimits.resyncMs);
  }

  private async writeAll(pending: readonly PendingStatus[]): Promise<void> {
    for (const one of pending) if (this.leading && !this.stopped) await this.write(one);
  }

  private async write(pending: PendingStatus): Promise<void> {
    const { api, log } = this.options;
    const { key, path, object, status } = pending;
    const answer = await api.request({ method: 'PUT', path: `${path}/status`, body: { ...object, status } });
    const code = answer.ok ? answer.value.status : 0;
    if (code === 200) {
      this.counters.written++;
      this.settle(key, status);
      this.options.onWritten(pending);
    } else if (code === 409 || code === 404) {
      // Another was first, or it is gone: the watch will say.
      this.counters.conflicts++;
    } else {
      this.counters.failed++;
      this.delay(key);
      const reason = answer.ok
        ? `${code} ${String(answer.value.body['message'] ?? '')}`
        : answer.error.message;
      log.write('warn', 'status not written', { object: key, reason });
    }
  }

  /** An API server with older definitions takes a status and drops of it what it does not know: it is not to be had. */
  private settle(key: ObjectKey, status: unknown): void {
    const text = JSON.stringify(status, (name, value) => (name === 'lastTransitionTime' ? undefined : value));
    if (this.written.get(key) === text) this.delay(key);
    else this.failures.delete(key);
    this.written.set(key, text);
  }

  private failuresOf(key: ObjectKey): number {
    return this.failures.get(key)?.count ?? 0;
  }

  private isDue(key: ObjectKey): boolean {
    return (this.failures.get(key)?.notBeforeMs ?? 0) <= this.options.clock.now();
  }

  private delay(key: ObjectKey): void {
    const { clock, random } = this.options;
    const count = (this.failures.get(key)?.count ?? 0) + 1;
    const waitMs = Math.min(writerLimits.backoffMs * 2 ** (count - 1), writerLimits.backoffMaxMs);
    this.failures.set(key, { count, notBeforeMs: clock.now() + waitMs * (0.5 + random.float() / 2) });
  }

  private takeTokens(wanted: number): number {
    const now = this.options.clock.now();
    const grown = ((now - this.tokensAtMs) / 1000) * writerLimits.writesPerSecond;
    this.tokens = Math.min(writerLimits.writesPerSecond, this.tokens + grown);
    this.tokensAtMs = now;
    const taken = Math.min(wanted, Math.floor(this.tokens));
    this.tokens -= taken;
    return taken;
  }

  /** Never later than it was: acknowledgements come without end, and must not put the writing off. */
  private armWithin(ms: number): void {
    const { clock } = this.options;
    if (!this.timer.armed || this.timer.dueMs > clock.now() + ms) clock.arm(this.timer, ms);
  }
}
