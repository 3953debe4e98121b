// The bank's clients, as one process: open loop, so that a slow bank meets the same demand as a fast one, and every transfer that was
// acknowledged is reported, so that the ledger can be held to it.

import type { AcknowledgedTransfer } from './money.ts';
import { PhaseRecorder } from './phase-recorder.ts';
import type { LoadCommand, LoadConfig, LoadEvent, LoadTotal } from './protocol.ts';

/** A client gives up after this; the mesh must have answered long before. */
const clientTimeoutMs = 20_000;
const secondMs = 1000;

/** Runs until told to stop. */
export class BankLoad {
  readonly #config: LoadConfig;
  readonly #emit: (event: LoadEvent) => void;
  #phases: PhaseRecorder[] = [new PhaseRecorder('start')];
  #second = new PhaseRecorder('second');
  #total: LoadTotal = { requests: 0, failed: 0 };
  #sent = 0;
  #stopping = false;
  #stopped: () => void = () => {};

  constructor(config: LoadConfig, emit: (event: LoadEvent) => void) {
    this.#config = config;
    this.#emit = emit;
  }

  async run(): Promise<void> {
    const startMs = performance.now();
    const report = setInterval(() => this.#reportSecond(), secondMs);
    for (
      let due = startMs;
      !this.#stopping;
      due = startMs + (this.#sent * 1000) / this.#config.ratePerSecond
    ) {
      const waitMs = due - performance.now();
      if (waitMs > 0) await Bun.sleep(waitMs);
      if (!this.#stopping) void this.#request(this.#sent++, due);
    }
    await new Promise<void>((resolve) => {
      this.#stopped = resolve;
      this.#current.close();
      this.#settle();
    });
    clearInterval(report);
    this.#emit({ type: 'done', total: this.#total });
  }

  enter(phase: string): void {
    this.#current.close();
    this.#phases.push(new PhaseRecorder(phase));
    this.#settle();
  }

  stop(): void {
    this.#stopping = true;
  }

  get #current(): PhaseRecorder {
    return this.#phases[this.#phases.length - 1]!;
  }

  async #request(number: number, dueMs: number): Promise<void> {
    const phase = this.#current;
    phase.onDue();
    // Spread evenly instead of drawn, so that every second has its share.
    const share = this.#config.transferShare;
    const isTransfer = Math.floor((number + 1) * share) > Math.floor(number * share);
    const reason = isTransfer ? await this.#transfer(number) : await this.#home(number);
    const afterMs = performance.now() - dueMs;
    phase.onEnd(afterMs, reason === '');
    this.#second.onEnd(afterMs, reason === '');
    this.#total = {
      requests: this.#total.requests + 1,
      failed: this.#total.failed + (reason === '' ? 0 : 1),
    };
    if (reason !== '') {
      const kind = isTransfer ? 'transfer' : 'home';
      this.#emit({ type: 'failure', phase: phase.name, kind, afterMs: Math.round(afterMs), reason });
    }
    this.#settle();
  }

  /** '' when it went well. */
  async #home(number: number): Promise<string> {
    return await this.#send(`/home/${number % this.#config.customers}`, {});
  }

  async #transfer(number: number): Promise<string> {
    const customer = (number * 7) % this.#config.customers;
    const transfer: AcknowledgedTransfer = {
      reference: `${this.#config.run}-${number}`,
      from: 2 * customer,
      to: (2 * (customer + 1 + (number % 13)) + 1) % (2 * this.#config.customers),
      pennies: 1 + (number % 500),
    };
    const reason = await this.#send('/transfers', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': transfer.reference },
      body: JSON.stringify({ ...transfer, customer }),
    });
    if (reason === '') this.#emit({ type: 'acknowledged', transfer });
    return reason;
  }

  async #send(path: string, init: RequestInit): Promise<string> {
    try {
      const signal = AbortSignal.timeout(clientTimeoutMs);
      const response = await fetch(`${this.#config.url}${path}`, { ...init, signal });
      const text = await response.text();
      return response.ok ? '' : `${response.status} ${text.slice(0, 300)}`;
    } catch (error) {
      return String(error);
    }
  }

  #settle(): void {
    for (const phase of this.#phases.filter((candidate) => candidate.complete)) {
      this.#emit({ type: 'phase', name: phase.name, ...phase.summary() });
    }
    this.#phases = this.#phases.filter((phase) => !phase.complete);
    if (this.#stopping && this.#phases.length === 0) this.#stopped();
  }

  #reportSecond(): void {
    const inFlight = this.#phases.reduce((sum, phase) => sum + phase.inFlight, 0);
    this.#emit({ type: 'second', inFlight, total: this.#total, ...this.#second.summary() });
    this.#second = new PhaseRecorder('second');
  }
}

/** The whole life of the load process. The end of its input means that the demo is gone: it ends at once. */
export async function runBankLoad(
  lines: AsyncIterable<string>,
  write: (line: string) => void,
): Promise<void> {
  let load: BankLoad | null = null;
  for await (const line of lines) {
    const command: LoadCommand = JSON.parse(line);
    if (command.type === 'start') {
      load = new BankLoad(command.config, (event) => write(JSON.stringify(event)));
      void load.run();
    } else if (command.type === 'phase') load?.enter(command.name);
    else load?.stop();
  }
}
