// A simulated service: a real HTTP/1.1 server codec over the simulated network, with a service time and an answer that
// the scenario sets.

import { type MeshError, type Random, Timer, type TimerHandler } from '../base/index.ts';
import type { Address, Socket, SocketHandler } from '../net/index.ts';
import { defaultHttp1Limits, Http1ServerCodec } from '../wire/http1/index.ts';
import {
  createResponseHead,
  type RequestHead,
  type RequestReceiver,
  type ServerHost,
  type ServerStream,
} from '../wire/index.ts';
import { type RequestBook, requestIdField } from './request-book.ts';
import type { SimProcess } from './world.ts';

/** Read anew for each request, so that a scenario can change it under load. */
export interface Behaviour {
  serviceMs: number;
  /** Answer status; above 499 is an answer at once. */
  status: number;
}

export class Application {
  readonly behaviour: Behaviour;
  readonly #process: SimProcess;
  readonly #book: RequestBook;

  constructor(process: SimProcess, address: Address, book: RequestBook, behaviour: Behaviour) {
    this.#process = process;
    this.#book = book;
    this.behaviour = behaviour;
    process.network.listen({ address, accept: (socket) => new ServedConnection(this, socket) });
  }

  get clock() {
    return this.#process.clock;
  }

  get random(): Random {
    return this.#process.random;
  }

  received(head: RequestHead): void {
    this.#book.execute(head.getName(requestIdField));
  }
}

class ServedConnection implements SocketHandler, ServerHost {
  readonly #application: Application;
  readonly #codec: Http1ServerCodec;

  constructor(application: Application, socket: Socket) {
    this.#application = application;
    this.#codec = new Http1ServerCodec(socket, this, defaultHttp1Limits, true);
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
    this.#codec.closed(error);
  }

  onHeadStart(): void {}

  onIdle(): void {}

  onProtocolError(): void {}

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    const execution = new Execution(this.#application, stream, head);
    if (endStream) execution.onEnd();
    return execution;
  }
}

const okBody = new TextEncoder().encode('{"ok":true}');

/** One request: waits for its body, works for its service time, answers. */
class Execution implements RequestReceiver, TimerHandler {
  readonly #application: Application;
  readonly #stream: ServerStream;
  readonly #head: RequestHead;
  readonly #timer = new Timer(this, 0);

  constructor(application: Application, stream: ServerStream, head: RequestHead) {
    this.#application = application;
    this.#stream = stream;
    this.#head = head;
  }

  onBody(): void {}

  onEnd(): void {
    const { behaviour, clock, random } = this.#application;
    this.#application.received(this.#head);
    const spread = 0.5 + random.float();
    clock.arm(this.#timer, behaviour.status > 499 ? 0 : behaviour.serviceMs * spread);
  }

  /** The caller left: nobody wants the answer. */
  onReset(): void {
    this.#application.clock.cancel(this.#timer);
  }

  onWritable(): void {}

  onTimer(): void {
    const fields = [['content-length', String(okBody.length)]] as const;
    this.#stream.sendResponse(createResponseHead(this.#application.behaviour.status, fields), false);
    this.#stream.sendBody(okBody, 0, okBody.length);
    this.#stream.sendEnd(null);
  }
}
