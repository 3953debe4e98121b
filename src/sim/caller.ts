// A simulated caller: open-loop requests through its sidecar, each with its record.

import { type Random, Timer, type TimerHandler } from '../base/index.ts';
import type { Address } from '../net/index.ts';
import type { ResponseHead, ResponseReceiver } from '../wire/index.ts';
import { ClientPool } from './client-pool.ts';
import { type RequestBook, type RequestRecord, requestIdField } from './request-book.ts';
import type { Trace } from './trace.ts';
import type { SimProcess } from './world.ts';

export interface CallerOptions {
  readonly process: SimProcess;
  readonly book: RequestBook;
  readonly trace: Trace;
  /** The sidecar's outbound listener. */
  readonly address: Address;
  /** The Host that is called. */
  readonly authority: string;
  readonly requestsPerSecond: number;
  /** Shares (0 to 1) of POSTs with an idempotency key, and of POSTs without. */
  readonly keyedShare: number;
  readonly plainPostShare: number;
}

const body = new TextEncoder().encode('{"amount":100}');

export class Caller implements TimerHandler {
  readonly options: CallerOptions;
  readonly #timer = new Timer(this, 0);
  readonly #pool: ClientPool;
  #running = false;

  constructor(options: CallerOptions) {
    this.options = options;
    this.#pool = new ClientPool(options.process, options.address);
  }

  start(): void {
    this.#running = true;
    this.#armNext();
  }

  /** No further requests; what is under way goes on. */
  stop(): void {
    this.#running = false;
    this.options.process.clock.cancel(this.#timer);
  }

  onTimer(): void {
    if (!this.#running) return;
    this.#armNext();
    this.#send();
  }

  settle(record: RequestRecord): void {
    record.endMs = this.options.process.clock.now();
    this.options.trace.add(`request ${record.id} ${record.method} ${record.status} broken ${record.broken}`);
  }

  /** Poisson arrivals: nobody waits for the answer before asking again. */
  #armNext(): void {
    const { process, requestsPerSecond } = this.options;
    const delayMs = (-Math.log(1 - process.random.float()) * 1000) / requestsPerSecond;
    process.clock.arm(this.#timer, delayMs);
  }

  #send(): void {
    const { book, process } = this.options;
    const kind = chooseKind(process.random, this.options);
    const record = book.open(kind === 'get' ? 'GET' : 'POST', kind !== 'post', process.clock.now());
    const fields: [string, string][] = [[requestIdField, String(record.id)]];
    if (kind !== 'get') fields.push(['content-length', String(body.length)]);
    if (kind === 'keyed') fields.push(['idempotency-key', `key-${record.id}`]);
    const { method } = record;
    const { authority } = this.options;
    const call = { method, authority, fields, body: kind === 'get' ? null : body };
    this.#pool.call(call, new Call(this, record));
  }
}

function chooseKind(random: Random, options: CallerOptions): 'get' | 'keyed' | 'post' {
  const drawn = random.float();
  if (drawn < options.keyedShare) return 'keyed';
  return drawn < options.keyedShare + options.plainPostShare ? 'post' : 'get';
}

/** One request's answer, written into its record. */
class Call implements ResponseReceiver {
  readonly #caller: Caller;
  readonly #record: RequestRecord;

  constructor(caller: Caller, record: RequestRecord) {
    this.#caller = caller;
    this.#record = record;
  }

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.#record.answers += 1;
    if (this.#record.answers === 1) this.#record.status = head.status;
    if (endStream) this.onEnd();
  }

  onBody(): void {}

  onEnd(): void {
    this.#caller.settle(this.#record);
  }

  onReset(): void {
    this.#record.broken += 1;
    this.#caller.settle(this.#record);
  }

  onWritable(): void {}
}
