// A simulated service in the middle of a chain: it asks the next one through its own sidecar and passes the answer on.

import { MeshError } from '../base/index.ts';
import type { RequestHead, ResponseHead, ResponseReceiver } from '../wire/index.ts';
import type { Work } from './application.ts';
import type { ClientPool } from './client-pool.ts';
import { requestIdField } from './request-book.ts';

export interface RelayOptions {
  readonly pool: ClientPool;
  /** The Host that is called. */
  readonly next: string;
  /** Pass the names of the request and its trace on, as instrumented applications do. */
  readonly propagates: boolean;
  /** Drop the call when the caller leaves; many applications go on, with nobody to tell. */
  readonly cancels: boolean;
  /** A request has come in whole. */
  onRequest(): void;
}

const traceFields = ['x-request-id', 'traceparent', 'tracestate'];

export class Relay implements Work {
  private readonly options: RelayOptions;

  constructor(options: RelayOptions) {
    this.options = options;
  }

  begin(head: RequestHead, answer: (status: number) => void): () => void {
    const { pool, next, propagates, cancels, onRequest } = this.options;
    onRequest();
    const names = propagates ? [requestIdField, ...traceFields] : [requestIdField];
    const fields = names.flatMap((name) => {
      const value = head.getName(name);
      return value === null ? [] : ([[name, value]] as const);
    });
    const call = new RelayedCall(answer);
    const stream = pool.call({ method: 'GET', authority: next, fields, body: null }, call);
    return () => {
      call.answer = null;
      if (cancels && !call.over) stream.reset(leftBehind);
    };
  }
}

const leftBehind = new MeshError('cancelled', 'downstream', 'no', 'the caller left');

class RelayedCall implements ResponseReceiver {
  /** Null: nobody wants it any more. */
  answer: ((status: number) => void) | null;
  over = false;
  private status = 0;

  constructor(answer: (status: number) => void) {
    this.answer = answer;
  }

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.status = head.status;
    if (endStream) this.onEnd();
  }

  onBody(): void {}

  onEnd(): void {
    this.over = true;
    this.answer?.(this.status);
  }

  /** As frameworks do with a call that broke. */
  onReset(): void {
    this.over = true;
    this.answer?.(502);
  }

  onWritable(): void {}
}
