// The client side of an HTTP/1.1 connection (RFC 9112): one request at a time. The connection is used again only when
// both messages ended where their framing said and nothing else came, because a byte too many would be taken for the
// answer to somebody else's request.

import { assert, MeshError } from '../../base/index.ts';
import type { Head, RequestHead } from '../head.ts';
import type { ByteSink, ClientCodec, ClientHost, ClientStream, ResponseReceiver } from '../stream.ts';
import { opensTunnel } from '../tunnel.ts';
import { bodyData, bodyEnd, bodyFault, bodyMore } from './body-reader.ts';
import { BodyWriter } from './body-writer.ts';
import { encodeRequestHead } from './encode.ts';
import { createFaultError, fault } from './errors.ts';
import { bodyLength, bodyNone, bodyUntilClose, declaredLength, responseBodyKind } from './framing.ts';
import type { ReceivedResponseHead } from './head.ts';
import type { Http1Limits } from './limits.ts';
import { encodeProperRequest } from './proper-case.ts';
import { readFault, readMore } from './reader.ts';
import { absentResponse, type Reading, type Readings, responseReadings } from './reading.ts';
import { sentRequestKind } from './sent-framing.ts';
import { StreamHandle } from './stream-handle.ts';

const receiving = {
  /** No request is under way: any byte is one too many. */
  idle: 0,
  head: 1,
  body: 2,
  /** Nothing is read any more. */
  closed: 3,
} as const;

export class Http1ClientCodec implements ClientCodec {
  private readonly sink: ByteSink;
  private readonly host: ClientHost;
  private readonly limits: Http1Limits;
  private readonly poison: boolean;
  private readonly readings: Readings<ReceivedResponseHead>;
  /** From the start of a request to the end of its answer. */
  private reading: Reading<ReceivedResponseHead> = absentResponse;
  private readonly writer: BodyWriter;
  private stream: Http1ClientStream | null = null;
  private receiver: ResponseReceiver | null = null;
  private receiving: number = receiving.idle;
  private toHead = false;
  private requestDone = false;
  private informationalCount = 0;
  private retired = false;
  private paused = false;
  /** What the running request wants to become; '' for an ordinary one. */
  private upgrade = '';
  /** The server agreed: both halves are bytes, and each ends alone. */
  private tunnelling = false;
  private tunnelEnded = false;

  /** `poison` (tests): a response head that is used after its stream fails loudly. */
  constructor(sink: ByteSink, host: ClientHost, limits: Http1Limits, poison = false) {
    this.sink = sink;
    this.host = host;
    this.limits = limits;
    this.poison = poison;
    this.readings = responseReadings(limits);
    this.writer = new BodyWriter(sink);
  }

  get tunnels(): boolean {
    return true;
  }

  get capacity(): number {
    return this.retired || this.stream !== null ? 0 : 1;
  }

  start(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream {
    assert(this.capacity === 1, 'a connection carries one request at a time');
    const kind = head.upgrade === '' ? sentRequestKind(head, endStream) : bodyUntilClose;
    const length = kind === bodyLength ? declaredLength(head) : 0;
    const stream = new Http1ClientStream(this);
    this.stream = stream;
    this.receiver = receiver;
    this.receiving = receiving.head;
    this.toHead = head.method === 'HEAD';
    this.requestDone = false;
    this.informationalCount = 0;
    this.upgrade = head.upgrade;
    // Whatever becomes of it, no other request follows.
    if (this.upgrade !== '') this.retire();
    this.reading = this.readings.take();
    const { properCase, writesAbsoluteForm } = this.limits.rules;
    if (properCase) encodeProperRequest(this.sink, head, kind, writesAbsoluteForm);
    else encodeRequestHead(this.sink, head, kind, writesAbsoluteForm);
    this.writer.begin(kind, length);
    if (endStream) this.sendEnd(null);
    return stream;
  }

  receive(bytes: Uint8Array): void {
    let at = 0;
    const end = bytes.length;
    while (at < end) {
      switch (this.receiving) {
        case receiving.idle:
          this.retire();
          this.close();
          return;
        case receiving.head:
          at = this.receiveHead(bytes, at, end);
          break;
        case receiving.body:
          at = this.receiveBody(bytes, at, end);
          break;
        default:
          return;
      }
    }
  }

  receiveEnd(): void {
    if (this.receiving === receiving.closed) return;
    this.retire();
    if (this.tunnelling) {
      this.endTunnelAnswer();
      return;
    }
    if (this.receiving === receiving.body && this.reading.body.kind === bodyUntilClose) {
      this.finish(this.receiver, null, true);
      return;
    }
    this.sink.end();
    this.failStream(
      new MeshError(
        'peer-closed',
        'upstream',
        'if-unsent',
        'the server ended before its response was complete',
      ),
    );
  }

  closed(error: MeshError | null): void {
    this.retire();
    this.failStream(
      error ??
        new MeshError(
          'peer-closed',
          'upstream',
          'if-unsent',
          'the server closed before its response was complete',
        ),
    );
  }

  drained(): void {
    if (!this.requestDone) this.receiver?.onWritable();
  }

  private receiveHead(bytes: Uint8Array, start: number, end: number): number {
    const { head, reader } = this.reading;
    const after = reader.read(bytes, start, end);
    if (after === readMore) return end;
    if (after === readFault) {
      this.refuse(reader.fault);
      return end;
    }
    if (opensTunnel(this.upgrade, head.status)) this.openTunnel();
    else if (head.status === 101) this.refuse(fault.switchingRefused);
    else if (head.status < 200) this.passInformational();
    else this.beginResponse(after === end);
    return after;
  }

  private openTunnel(): void {
    this.tunnelling = true;
    this.receiving = receiving.body;
    const { body, head } = this.reading;
    body.begin(bodyUntilClose, 0);
    this.receiver?.onResponse(head, false);
  }

  /** The server's half of a tunnel is over; ours may go on. */
  private endTunnelAnswer(): void {
    if (this.tunnelEnded) return;
    this.tunnelEnded = true;
    this.receiver?.onEnd(null);
    if (this.requestDone) this.finishTunnel();
  }

  private finishTunnel(): void {
    if (this.receiving === receiving.closed) return;
    this.receiving = receiving.closed;
    this.detach();
    this.host.onStreamDone(false);
  }

  private passInformational(): void {
    if (++this.informationalCount > this.limits.informationalCountMax) {
      this.refuse(fault.informationalCount);
      return;
    }
    const { head, reader } = this.reading;
    this.receiver?.onInformational(head);
    // The receiver may have given up inside the call.
    if (this.receiving !== receiving.head) return;
    head.reset();
    reader.restart();
  }

  /** `clean`: no byte follows the head. */
  private beginResponse(clean: boolean): void {
    const { body, head } = this.reading;
    const kind = responseBodyKind(head, this.toHead);
    if (!head.persistent || kind === bodyUntilClose) this.retire();
    const { receiver } = this;
    if (kind === bodyNone) {
      this.finish(receiver, head, clean);
      return;
    }
    this.receiving = receiving.body;
    body.begin(kind, head.contentLength);
    receiver?.onResponse(head, false);
  }

  private receiveBody(bytes: Uint8Array, start: number, end: number): number {
    const { body } = this.reading;
    const outcome = body.next(bytes, start, end);
    if (outcome === bodyFault) {
      this.refuse(body.fault);
      return end;
    }
    const { position } = body;
    if (outcome === bodyData) this.receiver?.onBody(bytes, body.dataStart, body.dataEnd);
    const lengthDone = body.kind === bodyLength && body.remaining === 0;
    if (this.receiving === receiving.body && (outcome === bodyEnd || lengthDone)) {
      this.finish(this.receiver, null, position === end);
    }
    return outcome === bodyMore ? end : position;
  }

  /**
   * The response is complete: with `head` it has no body, else its body ended. `clean`: no byte follows it. The
   * receiver hears of it first, then the pool, so that what the receiver settles is settled when the connection is
   * handed out again.
   */
  private finish(receiver: ResponseReceiver | null, head: ReceivedResponseHead | null, clean: boolean): void {
    const reusable = this.requestDone && clean && !this.retired;
    if (!reusable) this.retire();
    if (this.paused) this.resumeBody();
    this.receiving = reusable ? receiving.idle : receiving.closed;
    this.detach();
    if (head !== null) receiver?.onResponse(head, true);
    else receiver?.onEnd(this.reading.body.trailers);
    this.giveBack();
    if (!reusable) this.endConnection();
    // What the receiver did may have ended the connection meanwhile (a reset of the socket, say).
    this.host.onStreamDone(reusable && !this.retired);
  }

  /** Nothing more will be sent: FIN if the request is complete, else the rest of it can only be cut off. */
  private endConnection(): void {
    if (this.requestDone || this.upgrade !== '') this.sink.end();
    else this.sink.reset();
  }

  private refuse(code: number): void {
    this.retire();
    this.close();
    this.failStream(createFaultError(code, 'upstream'));
  }

  private failStream(error: MeshError): void {
    this.receiving = receiving.closed;
    if (this.stream === null) return;
    this.detach()?.onReset(error);
    this.giveBack();
    this.host.onStreamDone(false);
  }

  private close(): void {
    this.receiving = receiving.closed;
    this.sink.reset();
  }

  private retire(): void {
    if (this.retired) return;
    this.retired = true;
    this.host.onRetired();
  }

  private detach(): ResponseReceiver | null {
    const { receiver } = this;
    if (this.stream !== null) this.stream.codec = null;
    this.stream = null;
    this.receiver = null;
    return receiver;
  }

  private giveBack(): void {
    const { reading } = this;
    this.reading = absentResponse;
    this.readings.giveBack(reading, this.poison);
  }

  // What the stream calls. It holds the codec only while its exchange lasts, so late calls go nowhere.

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    assert(!this.requestDone, 'nothing follows the end of a request');
    const writable = this.writer.write(bytes, start, end);
    if (this.writer.missing < 0) this.abandonRequest();
    return writable;
  }

  sendEnd(trailers: Head | null): void {
    assert(!this.requestDone, 'a request ends once');
    if (this.writer.missing > 0) {
      this.abandonRequest();
      return;
    }
    this.requestDone = true;
    this.writer.finish(trailers);
    if (!this.tunnelling) return;
    this.sink.end();
    if (this.tunnelEnded) this.finishTunnel();
  }

  resetStream(): void {
    this.detach();
    this.retire();
    this.close();
    this.host.onStreamDone(false);
  }

  pauseBody(): void {
    if (this.paused) return;
    this.paused = true;
    this.sink.pause();
  }

  resumeBody(): void {
    if (!this.paused) return;
    this.paused = false;
    this.sink.resume();
  }

  /** The body did not keep to its Content-Length; the server must not take it for complete. */
  private abandonRequest(): void {
    this.retire();
    this.close();
    this.failStream(new MeshError('internal', 'internal', 'no', 'a request body differed from its length'));
  }
}

class Http1ClientStream extends StreamHandle<Http1ClientCodec> implements ClientStream {
  /** The head is given to the connection before anybody has the stream. */
  readonly sent = true;
}
