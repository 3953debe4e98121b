// A simulated service: a real server codec over the simulated network, and the work that it does; by itself with a
// service time and an answer that the scenario sets.

import { type MeshError, Timer } from '../base/index.ts';
import type { Address, Socket, SocketHandler } from '../net/index.ts';
import { defaultHttp1Limits, Http1ServerCodec } from '../wire/http1/index.ts';
import {
  createResponseHead,
  createTrailers,
  type RequestHead,
  type RequestReceiver,
  type ServerHost,
  type ServerStream,
} from '../wire/index.ts';
import { type Http2Faults, Http2ServedConnection } from './http2-application.ts';
import { type RequestBook, requestIdField } from './request-book.ts';
import { frameMessage, type Speech } from './speech.ts';
import type { SimProcess } from './world.ts';

/** What a service does with a request that has come whole. */
export interface Work {
  /** Calls `answer` at most once, now or later; the result is called when the caller left before that. */
  begin(head: RequestHead, answer: (status: number) => void): () => void;
}

/** Read anew for each request, so that a scenario can change it under load. */
export interface Behaviour {
  serviceMs: number;
  /** Answer status; above 499 is an answer at once, 0 none at all, as of a paused process. */
  status: number;
}

/** Answered at once whatever else the service does: an application that checks find well while it fails. */
export const healthPath = '/healthz';

/** A service that calls nobody: it works for its service time. */
export class LocalWork implements Work {
  private readonly process: SimProcess;
  private readonly book: RequestBook;
  private readonly behaviour: Behaviour;

  private readonly onRequest: () => void;

  constructor(process: SimProcess, book: RequestBook, behaviour: Behaviour, onRequest = () => {}) {
    this.onRequest = onRequest;
    this.process = process;
    this.book = book;
    this.behaviour = behaviour;
  }

  begin(head: RequestHead, answer: (status: number) => void): () => void {
    if (head.path === healthPath) {
      answer(200);
      return () => {};
    }
    this.onRequest();
    this.book.execute(head.getName(requestIdField));
    const { serviceMs, status } = this.behaviour;
    if (status === 0) return () => {};
    const { clock, random } = this.process;
    const timer = new Timer({ onTimer: () => answer(this.behaviour.status || 503) }, 0);
    clock.arm(timer, status > 499 ? 0 : serviceMs * (0.5 + random.float()));
    return () => clock.cancel(timer);
  }
}

/** Over what, and with which faults of its own. */
export interface Serving {
  readonly speech: Speech;
  readonly faults: Http2Faults;
}

const plain: Serving = { speech: 'http1', faults: { goawayEvery: 0, resetEvery: 0 } };

/** Serves its work on an address. */
export class Application {
  readonly work: Work;

  constructor(process: SimProcess, address: Address, work: Work, { speech, faults }: Serving = plain) {
    this.work = work;
    const serve = (stream: ServerStream, head: RequestHead) =>
      new Execution(work, stream, head, speech === 'grpc');
    const accept = (socket: Socket): SocketHandler =>
      speech === 'http1'
        ? new ServedConnection(work, socket)
        : new Http2ServedConnection(process, socket, faults, serve);
    process.network.listen({ address, accept });
  }
}

class ServedConnection implements SocketHandler, ServerHost {
  private readonly work: Work;
  private readonly codec: Http1ServerCodec;

  constructor(work: Work, socket: Socket) {
    this.work = work;
    this.codec = new Http1ServerCodec(socket, this, defaultHttp1Limits, true);
  }

  onOpen(): void {}

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.codec.receive(bytes);
  }

  onDrain(): void {
    this.codec.drained();
  }

  onEnd(): void {
    this.codec.receiveEnd();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    this.codec.closed(error);
  }

  onHeadStart(): void {}

  onIdle(): void {}

  onProtocolError(): void {}

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    const execution = new Execution(this.work, stream, head, false);
    if (endStream) execution.onEnd();
    return execution;
  }
}

/** grpc-status UNAVAILABLE. */
const unavailable = '14';
const okBody = new TextEncoder().encode('{"ok":true}');

const okMessage = frameMessage(okBody);

/** One request: waits for its body, has the work done, answers. */
class Execution implements RequestReceiver {
  private readonly work: Work;
  private readonly stream: ServerStream;
  private readonly head: RequestHead;
  private readonly grpc: boolean;
  private giveUp: (() => void) | null = null;

  constructor(work: Work, stream: ServerStream, head: RequestHead, grpc: boolean) {
    this.grpc = grpc;
    this.work = work;
    this.stream = stream;
    this.head = head;
  }

  onBody(): void {}

  onEnd(): void {
    this.giveUp = this.work.begin(this.head, (status) => this.answer(status));
  }

  /** The caller left: nobody wants the answer. */
  onReset(): void {
    this.giveUp?.();
  }

  onWritable(): void {}

  private answer(status: number): void {
    if (this.grpc) {
      this.answerCall(status);
      return;
    }
    const fields = [['content-length', String(okBody.length)]] as const;
    this.stream.sendResponse(createResponseHead(status, fields), false);
    this.stream.sendBody(okBody, 0, okBody.length);
    this.stream.sendEnd(null);
  }

  /** As servers of gRPC do: a message and its status, or a status alone. */
  private answerCall(status: number): void {
    const head: [string, string][] = [['content-type', 'application/grpc']];
    if (status >= 500) {
      this.stream.sendResponse(createResponseHead(200, [...head, ['grpc-status', unavailable]]), true);
      return;
    }
    this.stream.sendResponse(createResponseHead(200, head), false);
    this.stream.sendBody(okMessage, 0, okMessage.length);
    this.stream.sendEnd(createTrailers([['grpc-status', '0']]));
  }
}
