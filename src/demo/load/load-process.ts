// The demo's handle on its load process.

import type { Machine } from '../machine/machine.ts';
import type { ManagedProcess } from '../machine/process.ts';
import type { AcknowledgedTransfer } from './money.ts';
import type { LoadCommand, LoadConfig, LoadEvent, LoadFailure, LoadSummary, LoadTotal } from './protocol.ts';

/** Failures kept word for word; beyond it they are only counted. */
const failuresMax = 200;

export type PhaseFailure = LoadFailure & { readonly phase: string };

export class LoadProcess {
  readonly acknowledged: AcknowledgedTransfer[] = [];
  readonly failures: PhaseFailure[] = [];
  /** The last second; null before the first. */
  last: (LoadSummary & { readonly inFlight: number }) | null = null;
  total: LoadTotal = { requests: 0, failed: 0 };
  readonly #child: ManagedProcess;
  readonly #summaries = new Map<string, LoadSummary>();
  readonly #waiting = new Map<string, (summary: LoadSummary) => void>();
  readonly #done = Promise.withResolvers<void>();

  constructor(machine: Machine, command: readonly string[], config: LoadConfig) {
    this.#child = machine.spawn({
      command,
      env: {},
      row: { name: 'load', kind: 'load', role: 'load', service: '', replica: '', adminUrl: '' },
      onLine: (line) => this.#onEvent(JSON.parse(line)),
    });
    void this.#child.exited.then(() => this.#done.resolve());
    this.#tell({ type: 'start', config });
  }

  get pid(): number {
    return this.#child.running ? this.#child.pid : 0;
  }

  enter(phase: string): void {
    this.#tell({ type: 'phase', name: phase });
  }

  /** The clients' view of a phase, once its last request has ended. */
  async summary(phase: string): Promise<LoadSummary> {
    const known = this.#summaries.get(phase);
    if (known !== undefined) return known;
    return await new Promise((resolve) => this.#waiting.set(phase, resolve));
  }

  /** Sends no more, waits for the answers to what was sent, and ends the process. */
  async stop(): Promise<void> {
    this.#tell({ type: 'stop' });
    await this.#done.promise;
    await this.#child.stop();
  }

  /** Ends it at once; answers on their way are not counted. */
  kill(): void {
    this.#child.signal('SIGKILL');
  }

  #tell(command: LoadCommand): void {
    this.#child.send(JSON.stringify(command));
  }

  #onEvent(event: LoadEvent): void {
    switch (event.type) {
      case 'second':
        this.last = event;
        this.total = event.total;
        return;
      case 'phase':
        this.#summaries.set(event.name, event);
        this.#waiting.get(event.name)?.(event);
        this.#waiting.delete(event.name);
        return;
      case 'failure':
        if (this.failures.length < failuresMax) this.failures.push(event);
        return;
      case 'acknowledged':
        this.acknowledged.push(event.transfer);
        return;
      case 'done':
        this.total = event.total;
        this.#done.resolve();
    }
  }
}
