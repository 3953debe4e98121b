// A simulated caller: open-loop requests through its sidecar over real HTTP/1.1 client codecs. It never repeats a
// request itself, so what the mesh did to each one stays visible.

import { type MeshError, type Random, Timer, type TimerHandler } from '../base/index.ts';
import type { Address, Socket, SocketHandler } from '../net/index.ts';
import { defaultHttp1Limits, Http1ClientCodec } from '../wire/http1/index.ts';
import {
  type ClientHost,
  createRequestHead,
  type ResponseHead,
  type ResponseReceiver,
} from '../wire/index.ts';
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
  readonly #idle: CallerConnection[] = [];
  #running = false;

  constructor(options: CallerOptions) {
    this.options = options;
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

  release(connection: CallerConnection): void {
    this.#idle.push(connection);
  }

  forget(connection: CallerConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
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
    const connection = this.#idle.pop() ?? new CallerConnection(this);
    connection.send(record);
  }
}

function chooseKind(random: Random, options: CallerOptions): 'get' | 'keyed' | 'post' {
  const drawn = random.float();
  if (drawn < options.keyedShare) return 'keyed';
  return drawn < options.keyedShare + options.plainPostShare ? 'post' : 'get';
}

class CallerConnection implements SocketHandler, ClientHost {
  readonly #caller: Caller;
  readonly #socket: Socket;
  readonly #codec: Http1ClientCodec;

  constructor(caller: Caller) {
    this.#caller = caller;
    this.#socket = caller.options.process.network.connect(caller.options.address, this);
    this.#codec = new Http1ClientCodec(this.#socket, this, defaultHttp1Limits, true);
  }

  send(record: RequestRecord): void {
    const fields: [string, string][] = [[requestIdField, String(record.id)]];
    const post = record.method === 'POST';
    if (post) fields.push(['content-length', String(body.length)]);
    if (post && record.repeatable) fields.push(['idempotency-key', `key-${record.id}`]);
    const head = createRequestHead(record.method, this.#caller.options.authority, '/', fields);
    const stream = this.#codec.start(head, !post, new Call(this.#caller, record));
    if (!post) return;
    stream.sendBody(body, 0, body.length);
    stream.sendEnd(null);
  }

  onOpen(): void {}

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.#codec.receive(bytes);
  }

  onDrain(): void {
    this.#codec.drained();
  }

  onEnd(): void {
    this.#codec.receiveEnd();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.#caller.forget(this);
    this.#codec.closed(error);
  }

  onStreamDone(reusable: boolean): void {
    if (reusable) this.#caller.release(this);
  }

  onCapacity(): void {}

  onRetired(): void {
    this.#caller.forget(this);
    this.#socket.end();
  }
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
