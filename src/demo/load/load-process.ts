// The demo's handle on its load process. A generator that ends is started again, and what it said last is no longer
// shown: old numbers would look like a bank that is well.

import type { Machine } from '../machine/machine.ts';
import type { ManagedProcess } from '../machine/process.ts';
import type { AcknowledgedTransfer } from './money.ts';
import type { LoadCommand, LoadConfig, LoadEvent, LoadFailure, LoadSummary, LoadTotal } from './protocol.ts';

/** Failures kept word for word; beyond it they are only counted. */
const failuresMax = 200;

/** A generator that dies at once would otherwise be started in a loop. */
const restartDelayMs = 1000;

/** It speaks every second; after this long it is said to be silent. */
const silentAfterMs = 3000;

export type PhaseFailure = LoadFailure & { readonly phase: string };

/** starting (no second yet) -> running <-> silent; restarting: it ended and will be back. */
export type LoadState = 'starting' | 'running' | 'silent' | 'restarting';

export class LoadProcess {
  readonly acknowledged: AcknowledgedTransfer[] = [];
  readonly failures: PhaseFailure[] = [];
  /** Of all generators together. */
  total: LoadTotal = { requests: 0, failed: 0 };
  restarts = 0;
  private readonly machine: Machine;
  private readonly command: readonly string[];
  private readonly config: LoadConfig;
  private readonly nowMs: () => number;
  private child: ManagedProcess;
  private latest: (LoadSummary & { readonly inFlight: number }) | null = null;
  private lastMs = 0;
  /** What the generators before this one counted. */
  private before: LoadTotal = { requests: 0, failed: 0 };
  private phase: string | null = null;
  private stopping = false;
  private restartTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly summaries = new Map<string, LoadSummary>();
  private readonly waiting = new Map<string, PromiseWithResolvers<LoadSummary>>();
  private readonly done = Promise.withResolvers<void>();

  constructor(
    machine: Machine,
    command: readonly string[],
    config: LoadConfig,
    nowMs: () => number = () => performance.now(),
  ) {
    this.machine = machine;
    this.command = command;
    this.config = config;
    this.nowMs = nowMs;
    this.child = this.start();
  }

  get pid(): number {
    return this.child.running ? this.child.pid : 0;
  }

  get state(): LoadState {
    if (!this.child.running && !this.stopping) return 'restarting';
    if (this.latest === null) return 'starting';
    return this.nowMs() - this.lastMs > silentAfterMs ? 'silent' : 'running';
  }

  /** The last second; null where there is none that still holds. */
  get last(): (LoadSummary & { readonly inFlight: number }) | null {
    return this.state === 'running' ? this.latest : null;
  }

  enter(phase: string): void {
    this.phase = phase;
    this.tell({ type: 'phase', name: phase });
  }

  /** The clients' view of a phase, once its last request has ended. Rejects when the generator ends before. */
  async summary(phase: string): Promise<LoadSummary> {
    const known = this.summaries.get(phase);
    if (known !== undefined) return known;
    const waiting = Promise.withResolvers<LoadSummary>();
    this.waiting.set(phase, waiting);
    return await waiting.promise;
  }

  /** Sends no more, waits for the answers to what was sent, and ends the process. */
  async stop(): Promise<void> {
    this.end();
    this.tell({ type: 'stop' });
    if (this.child.running) await this.done.promise;
    await this.child.stop();
  }

  /** Ends it at once; answers on their way are not counted. */
  kill(): void {
    this.end();
    this.child.signal('SIGKILL');
  }

  private end(): void {
    this.stopping = true;
    if (this.restartTimer !== null) clearTimeout(this.restartTimer);
  }

  private start(): ManagedProcess {
    const child = this.machine.spawn({
      command: this.command,
      env: {},
      row: { name: 'load', kind: 'load', role: 'load', service: '', replica: '', adminUrl: '' },
      onLine: (line) => this.onEvent(JSON.parse(line)),
    });
    this.child = child;
    // Another generator's references must not meet those of the one before.
    const run = this.restarts === 0 ? this.config.run : `${this.config.run}-${this.restarts}`;
    this.tell({ type: 'start', config: { ...this.config, run } });
    if (this.phase !== null) this.tell({ type: 'phase', name: this.phase });
    void child.exited.then(() => this.onExit());
    return child;
  }

  private onExit(): void {
    this.done.resolve();
    if (this.stopping) return;
    this.latest = null;
    this.before = this.total;
    this.restarts++;
    for (const { reject } of this.waiting.values()) reject(new Error('the load generator ended'));
    this.waiting.clear();
    this.restartTimer = setTimeout(() => this.start(), restartDelayMs);
  }

  private tell(command: LoadCommand): void {
    this.child.send(JSON.stringify(command));
  }

  private count({ requests, failed }: LoadTotal): void {
    const { requests: requestsBefore, failed: failedBefore } = this.before;
    this.total = { requests: requestsBefore + requests, failed: failedBefore + failed };
  }

  private onEvent(event: LoadEvent): void {
    switch (event.type) {
      case 'second':
        this.latest = event;
        this.lastMs = this.nowMs();
        this.count(event.total);
        return;
      case 'phase':
        this.summaries.set(event.name, event);
        this.waiting.get(event.name)?.resolve(event);
        this.waiting.delete(event.name);
        return;
      case 'failure':
        if (this.failures.length < failuresMax) this.failures.push(event);
        return;
      case 'acknowledged':
        this.acknowledged.push(event.transfer);
        return;
      case 'done':
        this.count(event.total);
        this.done.resolve();
    }
  }
}
