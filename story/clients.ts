// The bank's clients: the load of the demo at the edge of the cluster, which never stops while the story is played, and
// the ledger that is held to every transfer they were promised.

import { customersCount, openingPennies } from '../examples/bank/bank.ts';
import { BankLoad } from '../src/demo/load/bank-load.ts';
import { type AcknowledgedTransfer, checkMoney, type MoneyReport } from '../src/demo/load/money.ts';
import type { LoadEvent, LoadFailure, LoadSummary, LoadTotal } from '../src/demo/load/protocol.ts';

const transferShare = 0.2;
/** Of each step, word for word. */
const failuresMax = 20;
/** Calls through the mesh for a home page and for a transfer, at least (examples/bank/README.md). */
const callsOf = { home: 28, transfer: 10 } as const;

export interface Second {
  readonly atSeconds: number;
  readonly requests: number;
  readonly failed: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export class Clients {
  readonly seconds: Second[] = [];
  readonly failures: (LoadFailure & { readonly step: string })[] = [];
  total: LoadTotal = { requests: 0, failed: 0 };
  /** Pages that were asked for twice, as the connection was ended under the first request. */
  repeated = 0;
  private readonly acknowledged: AcknowledgedTransfer[] = [];
  private readonly summaries = new Map<string, PromiseWithResolvers<LoadSummary>>();
  private readonly load: BankLoad;
  private readonly done: Promise<void>;
  private hasLeft = false;
  private readonly begunMs = performance.now();

  constructor(url: string, ratePerSecond: number) {
    const config = {
      url,
      ratePerSecond,
      transferShare,
      run: 'story',
      customers: customersCount,
      repeatsPages: true,
    } as const;
    this.load = new BankLoad(config, (event) => this.onEvent(event));
    this.done = this.load.run();
  }

  /** Calls between services that the answered requests took, at least. */
  get calls(): number {
    const answered = this.total.requests - this.total.failed;
    return Math.floor(answered * ((1 - transferShare) * callsOf.home + transferShare * callsOf.transfer));
  }

  get lastSecond(): Second | null {
    return this.seconds.at(-1) ?? null;
  }

  /** Of clients that have left nothing more is counted. */
  enter(step: string): void {
    if (!this.hasLeft) this.load.enter(step);
  }

  /** Of a step that is over, once its last request has ended. */
  summary(step: string): Promise<LoadSummary> {
    return this.waiting(step).promise;
  }

  async stop(): Promise<void> {
    this.hasLeft = true;
    this.load.stop();
    await this.done;
  }

  checkMoney(ledgerPath: string): MoneyReport {
    return checkMoney(ledgerPath, openingPennies, this.acknowledged);
  }

  private waiting(step: string): PromiseWithResolvers<LoadSummary> {
    const waiting = this.summaries.get(step) ?? Promise.withResolvers<LoadSummary>();
    this.summaries.set(step, waiting);
    return waiting;
  }

  private onEvent(event: LoadEvent): void {
    switch (event.type) {
      case 'second': {
        const { requests, failed, p50Ms, p99Ms, total } = event;
        const atSeconds = Math.round((performance.now() - this.begunMs) / 1000);
        this.seconds.push({ atSeconds, requests, failed, p50Ms, p99Ms });
        this.total = total;
        return;
      }
      case 'phase':
        this.waiting(event.name).resolve(event);
        return;
      case 'failure': {
        const { phase: step, kind, afterMs, reason } = event;
        const known = this.failures.filter((one) => one.step === step).length;
        if (known < failuresMax) this.failures.push({ step, kind, afterMs, reason });
        return;
      }
      case 'repeated':
        this.repeated += 1;
        return;
      case 'acknowledged':
        this.acknowledged.push(event.transfer);
        return;
      case 'done':
        this.total = event.total;
    }
  }
}
