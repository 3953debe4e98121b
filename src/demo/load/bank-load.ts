// The bank's clients, as one process: open loop, so that a slow bank meets the same demand as a fast one, and every
// transfer that was acknowledged is reported, so that the ledger can be held to it.

import {
  createClockPacer,
  type LoadObserver,
  type LoadRequest,
  type LoadResult,
  type LoadRun,
  loadLimits,
  type RequestMaker,
  startLoad,
} from '../../load/index.ts';
import { createBunNetwork, createSystemClock, createSystemRandom } from '../../net/index.ts';
import { createRequestHead } from '../../wire/index.ts';
import type { AcknowledgedTransfer } from './money.ts';
import { PhaseRecorder } from './phase-recorder.ts';
import type { LoadCommand, LoadConfig, LoadEvent, LoadTotal } from './protocol.ts';

/** A client gives up after this; the mesh must have answered long before. */
const clientTimeoutMs = 20_000;
/** Never on its own: the demo says when to stop. */
const endlessMs = loadLimits.durationMsMax;
const secondMs = 1000;
const connections = 64;
/** Of an answer that is no success, for the person who asks why. */
const reasonBytesMax = 300;

interface Pending {
  readonly phase: PhaseRecorder;
  /** null for the home page. */
  readonly transfer: AcknowledgedTransfer | null;
  /** Of the first request for it. */
  readonly sequence: number;
  readonly isRepeated: boolean;
  text: string;
}

export class BankLoad implements RequestMaker, LoadObserver {
  private readonly config: LoadConfig;
  private readonly emit: (event: LoadEvent) => void;
  private readonly authority: string;
  private readonly pending = new Map<number, Pending>();
  private readonly again: Pending[] = [];
  private phases: PhaseRecorder[] = [new PhaseRecorder('start')];
  private second = new PhaseRecorder('second');
  private total: LoadTotal = { requests: 0, failed: 0 };
  private running: LoadRun | null = null;

  constructor(config: LoadConfig, emit: (event: LoadEvent) => void) {
    this.config = config;
    this.emit = emit;
    this.authority = new URL(config.url).host;
  }

  /** Settles when the last request has ended after {@link stop}. */
  async run(): Promise<void> {
    const clock = createSystemClock();
    const { hostname, port } = new URL(this.config.url);
    this.running = startLoad({
      clock,
      random: createSystemRandom(),
      network: createBunNetwork(),
      pacer: createClockPacer(clock),
      targets: [{ kind: 'ip', host: hostname, port: Number(port) }],
      maker: this,
      ratePerSecond: this.config.ratePerSecond,
      arrivals: 'constant',
      durationMs: endlessMs,
      warmupMs: 0,
      streams: 0,
      connections,
      timeoutMs: clientTimeoutMs,
      observer: this,
      intervalMs: secondMs,
    });
    await this.running.done;
    // What the run gave up on was not answered: a failure, as every client would say.
    for (const sequence of [...this.pending.keys()])
      this.end(sequence, clientTimeoutMs, 'given up at the end');
    for (const left of this.again.splice(0)) this.settle(left, clientTimeoutMs, 'given up at the end');
    this.current.close();
    this.reportPhases();
    this.emit({ type: 'done', total: this.total });
  }

  enter(phase: string): void {
    this.current.close();
    this.phases.push(new PhaseRecorder(phase));
    this.reportPhases();
  }

  stop(): void {
    // As long as any client would wait: a request that was sent must end as an answer or as a failure.
    this.running?.stop(clientTimeoutMs);
  }

  next(sequence: number): LoadRequest {
    const again = this.again.shift();
    if (again !== undefined) {
      this.pending.set(sequence, again);
      return this.homeRequest(again.sequence);
    }
    // Spread evenly instead of drawn, so that every second has its share.
    const share = this.config.transferShare;
    const isTransfer = Math.floor((sequence + 1) * share) > Math.floor(sequence * share);
    const phase = this.current;
    phase.onDue();
    const transfer = isTransfer ? this.createTransfer(sequence) : null;
    this.pending.set(sequence, { phase, transfer, sequence, isRepeated: false, text: '' });
    return transfer === null ? this.homeRequest(sequence) : this.transferRequest(transfer);
  }

  onBody(sequence: number, bytes: Uint8Array, start: number, end: number): void {
    const pending = this.pending.get(sequence);
    if (pending !== undefined && pending.text.length < reasonBytesMax) {
      pending.text += new TextDecoder().decode(bytes.subarray(start, end));
    }
  }

  onResult({ sequence, failure, status, latencyMs, reused }: LoadResult): void {
    const wasIdle = reused && failure === 'peer-closed' && status === 0;
    if (wasIdle && this.config.repeatsPages === true && this.repeat(sequence)) return;
    const text = this.pending.get(sequence)?.text.slice(0, reasonBytesMax) ?? '';
    this.end(sequence, latencyMs, failure === 'status' ? `${status} ${text}` : failure);
  }

  onInterval(): void {
    this.emit({
      type: 'second',
      inFlight: this.pending.size,
      total: this.total,
      ...this.second.summary(),
    });
    this.second = new PhaseRecorder('second');
  }

  private get current(): PhaseRecorder {
    return this.phases[this.phases.length - 1]!;
  }

  private createTransfer(sequence: number): AcknowledgedTransfer {
    const { run, customers } = this.config;
    const customer = (sequence * 7) % customers;
    return {
      reference: `${run}-${sequence}`,
      from: 2 * customer,
      to: (2 * (customer + 1 + (sequence % 13)) + 1) % (2 * customers),
      pennies: 1 + (sequence % 500),
    };
  }

  private homeRequest(sequence: number): LoadRequest {
    const path = `/home/${sequence % this.config.customers}`;
    return {
      target: 0,
      head: createRequestHead('GET', this.authority, path, []),
      body: null,
      call: null,
      expects: isSuccess,
    };
  }

  private transferRequest(transfer: AcknowledgedTransfer): LoadRequest {
    const body = new TextEncoder().encode(JSON.stringify({ ...transfer, customer: transfer.from / 2 }));
    const head = createRequestHead('POST', this.authority, '/transfers', [
      ['content-type', 'application/json'],
      ['content-length', String(body.length)],
      ['idempotency-key', transfer.reference],
    ]);
    return { target: 0, head, body, call: null, expects: isSuccess };
  }

  /** `reason` is '' when it went well. */
  private end(sequence: number, latencyMs: number, reason: string): void {
    const pending = this.pending.get(sequence);
    if (pending === undefined) return;
    this.pending.delete(sequence);
    this.settle(pending, latencyMs, reason);
  }

  /**
   * A connection that nobody used may be ended as a request is sent; browsers then ask again for a page, once, on
   * another one (RFC 9110 section 9.2.2), and so do these clients, in place of the next request that is due.
   */
  private repeat(sequence: number): boolean {
    const pending = this.pending.get(sequence);
    if (pending === undefined || pending.transfer !== null || pending.isRepeated) return false;
    this.pending.delete(sequence);
    this.again.push({ ...pending, isRepeated: true });
    this.emit({ type: 'repeated', phase: pending.phase.name });
    return true;
  }

  private settle(pending: Pending, latencyMs: number, reason: string): void {
    const { phase, transfer } = pending;
    const succeeded = reason === '';
    phase.onEnd(latencyMs, succeeded);
    this.second.onEnd(latencyMs, succeeded);
    const { requests, failed } = this.total;
    this.total = { requests: requests + 1, failed: failed + (succeeded ? 0 : 1) };
    if (!succeeded) this.emitFailure(pending, latencyMs, reason);
    else if (transfer !== null) this.emit({ type: 'acknowledged', transfer });
    this.reportPhases();
  }

  private emitFailure({ phase, transfer }: Pending, latencyMs: number, reason: string): void {
    const kind = transfer === null ? 'home' : 'transfer';
    this.emit({ type: 'failure', phase: phase.name, kind, afterMs: Math.round(latencyMs), reason });
  }

  private reportPhases(): void {
    for (const phase of this.phases.filter((candidate) => candidate.complete)) {
      this.emit({ type: 'phase', name: phase.name, ...phase.summary() });
    }
    this.phases = this.phases.filter((phase) => !phase.complete);
  }
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
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
