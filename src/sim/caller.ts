// A simulated caller: open-loop requests through its sidecar, each with its record.

import { type Random, Timer, type TimerHandler } from '../base/index.ts';
import type { Address } from '../net/index.ts';
import type { Head, ResponseHead, ResponseReceiver } from '../wire/index.ts';
import { type Calls, ClientPool } from './client-pool.ts';
import { Http2Calls } from './http2-calls.ts';
import { type RequestBook, type RequestRecord, requestIdField } from './request-book.ts';
import { frameMessage, type Speech, statusOfCall } from './speech.ts';
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
  /** Default HTTP/1.1. */
  readonly speech?: Speech;
  /** Shares (0 to 1) of POSTs with an idempotency key, and of POSTs without. */
  readonly keyedShare: number;
  readonly plainPostShare: number;
}

const body = new TextEncoder().encode('{"amount":100}');
const message = frameMessage(body);

export class Caller implements TimerHandler {
  readonly options: CallerOptions;
  private readonly timer = new Timer(this, 0);
  private readonly pool: Calls;
  private running = false;

  constructor(options: CallerOptions) {
    this.options = options;
    const { process, address, speech = 'http1' } = options;
    this.pool = speech === 'http1' ? new ClientPool(process, address) : new Http2Calls(process, address);
  }

  start(): void {
    this.running = true;
    this.armNext();
  }

  /** No further requests; what is under way goes on. */
  stop(): void {
    this.running = false;
    this.options.process.clock.cancel(this.timer);
  }

  onTimer(): void {
    if (!this.running) return;
    this.armNext();
    this.send();
  }

  settle(record: RequestRecord): void {
    record.endMs = this.options.process.clock.now();
    this.options.trace.add(`request ${record.id} ${record.method} ${record.status} broken ${record.broken}`);
  }

  /** Poisson arrivals: nobody waits for the answer before asking again. */
  private armNext(): void {
    const { process, requestsPerSecond } = this.options;
    const delayMs = (-Math.log(1 - process.random.float()) * 1000) / requestsPerSecond;
    process.clock.arm(this.timer, delayMs);
  }

  private send(): void {
    const { book, process, authority, speech } = this.options;
    const kind = chooseKind(process.random, this.options);
    const isCall = speech === 'grpc';
    const record = book.open(isCall || kind !== 'get' ? 'POST' : 'GET', kind !== 'post', process.clock.now());
    const fields: [string, string][] = [[requestIdField, String(record.id)]];
    if (isCall) fields.push(['content-type', 'application/grpc'], ['te', 'trailers']);
    else if (kind !== 'get') fields.push(['content-length', String(body.length)]);
    // Every call of gRPC is a POST: one that may be repeated has to say so.
    if (kind === 'keyed' || (isCall && kind === 'get')) fields.push(['idempotency-key', `key-${record.id}`]);
    const { method } = record;
    const call = isCall
      ? { method, authority, path: '/bank.Ledger/Book', fields, body: message }
      : { method, authority, fields, body: kind === 'get' ? null : body };
    this.pool.call(call, new Call(this, record, isCall));
  }
}

function chooseKind(random: Random, options: CallerOptions): 'get' | 'keyed' | 'post' {
  const drawn = random.float();
  if (drawn < options.keyedShare) return 'keyed';
  return drawn < options.keyedShare + options.plainPostShare ? 'post' : 'get';
}

/** One request's answer, written into its record. */
class Call implements ResponseReceiver {
  private readonly caller: Caller;
  private readonly record: RequestRecord;
  private readonly isCall: boolean;
  private head: ResponseHead | null = null;

  constructor(caller: Caller, record: RequestRecord, isCall: boolean) {
    this.isCall = isCall;
    this.caller = caller;
    this.record = record;
  }

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.record.answers += 1;
    if (this.record.answers === 1) this.record.status = head.status;
    this.head = head;
    if (endStream) this.onEnd(null);
  }

  onBody(): void {}

  onEnd(trailers: Head | null): void {
    if (this.isCall) this.judgeCall(trailers);
    this.caller.settle(this.record);
  }

  private judgeCall(trailers: Head | null): void {
    const status = this.head === null ? null : statusOfCall(this.head, trailers);
    // Whatever broke, a proxy owes the callers of gRPC a status.
    if (status === null) this.record.broken += 1;
    else this.record.status = status;
  }

  onReset(): void {
    this.record.broken += 1;
    this.caller.settle(this.record);
  }

  onWritable(): void {}
}
