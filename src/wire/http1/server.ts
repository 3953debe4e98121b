// The server side of an HTTP/1.1 connection (RFC 9112): one exchange at a time. Requests that a client pipelines wait,
// bounded, until the one before is answered and its answer has left, so answers can neither be mixed up nor pile up
// before a client that does not read.

import { assert, MeshError } from '../../base/index.ts';
import { type Head, headerId, type ResponseHead } from '../head.ts';
import type { ByteSink, RequestReceiver, ServerCodec, ServerHost } from '../stream.ts';
import { bodyData, bodyEnd, bodyFault, bodyMore } from './body-reader.ts';
import { BodyWriter } from './body-writer.ts';
import { encodeResponseHead, upgradeLines } from './encode.ts';
import { createFaultError, fault, faultStatus } from './errors.ts';
import { bodyLength, bodyNone, bodyUntilClose, declaredLength, requestBodyKind } from './framing.ts';
import type { ReceivedRequestHead } from './head.ts';
import type { Http1Limits } from './limits.ts';
import { PendingBytes } from './pending.ts';
import { encodeProperResponse } from './proper-case.ts';
import { readFault, readMore } from './reader.ts';
import { absentRequest, type Reading, type Readings, requestReadings } from './reading.ts';
import { encodeRefusal } from './refusal.ts';
import { responseLines, sentResponseKind } from './sent-framing.ts';
import { Http1ServerStream, receiving, sending } from './server-stream.ts';
import { CR, LF } from './tables.ts';

export class Http1ServerCodec implements ServerCodec {
  private readonly sink: ByteSink;
  private readonly host: ServerHost;
  private readonly limits: Http1Limits;
  private readonly poison: boolean;
  private readonly readings: Readings<ReceivedRequestHead>;
  /** From the first byte of a request to the end of its exchange. */
  private reading: Reading<ReceivedRequestHead> = absentRequest;
  private readonly writer: BodyWriter;
  private readonly pending: PendingBytes;
  private stream: Http1ServerStream | null = null;
  private receiver: RequestReceiver | null = null;
  private receiving: number = receiving.idle;
  private sending: number = sending.none;
  /** 1 after a CR, 2 after the one CRLF that may stand before a request line (RFC 9112 section 2.2). */
  private leading = 0;
  private keepAlive = true;
  private draining = false;
  private peerEnded = false;
  private consuming = false;
  private pausedByStream = false;
  private pausedByPending = false;
  /** The sink is full: until it has drained no further request begins. */
  private blocked = false;
  private droppedBytes = 0;
  /** 100 was sent: the client will send its body. */
  private continued = false;
  /** It was agreed to a tunnel: both halves are bytes, and each ends alone. */
  private tunnelling = false;

  /** `poison` (tests): a head that is used after its exchange fails loudly. */
  constructor(sink: ByteSink, host: ServerHost, limits: Http1Limits, poison = false) {
    this.sink = sink;
    this.host = host;
    this.limits = limits;
    this.poison = poison;
    this.readings = requestReadings(limits);
    this.writer = new BodyWriter(sink);
    this.pending = new PendingBytes();
  }

  get idle(): boolean {
    return this.receiving === receiving.idle;
  }

  /** True once the codec ended the connection and only waits for the peer to do so: the owner bounds that time. */
  get closing(): boolean {
    return this.receiving >= receiving.lingering;
  }

  receive(bytes: Uint8Array): void {
    if (this.receiving === receiving.waiting || this.pending.count > 0 || this.mustDrain)
      this.hold(bytes, 0, bytes.length);
    else this.consume(bytes, 0, bytes.length);
  }

  receiveEnd(): void {
    this.peerEnded = true;
    // Requests that wait for the sink to drain are still answered.
    if (this.pending.count > 0) return;
    switch (this.receiving) {
      case receiving.idle:
      case receiving.head:
        this.endConnection();
        return;
      case receiving.body:
        if (this.reading.head.tunnel) this.endTunnelRequest();
        else
          this.abandon(new MeshError('peer-closed', 'downstream', 'no', 'the client ended within a request'));
        return;
      default:
        // A client may close its sending half and still read the answer.
        return;
    }
  }

  closed(error: MeshError | null): void {
    this.receiving = receiving.closed;
    this.pending.clear();
    this.detach()?.onReset(
      error ?? new MeshError('peer-closed', 'downstream', 'no', 'the client closed within an exchange'),
    );
  }

  drained(): void {
    this.blocked = false;
    if (this.sending === sending.body) this.receiver?.onWritable();
    else if (this.receiving === receiving.idle && this.pending.count > 0) this.consumePending();
  }

  drain(): void {
    this.draining = true;
    if (this.receiving === receiving.idle) this.endConnection();
  }

  private get mustDrain(): boolean {
    return this.blocked && this.receiving === receiving.idle;
  }

  private consume(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    this.consuming = true;
    while (at < end) {
      if (this.mustDrain) {
        this.hold(bytes, at, end);
        break;
      }
      switch (this.receiving) {
        case receiving.idle:
          at = this.consumeIdle(bytes, at);
          break;
        case receiving.head:
          at = this.consumeHead(bytes, at, end);
          break;
        case receiving.body:
          at = this.consumeBody(bytes, at, end);
          break;
        case receiving.waiting:
          this.hold(bytes, at, end);
          at = end;
          break;
        case receiving.lingering:
          this.drop(end - at);
          at = end;
          break;
        default:
          at = end;
      }
    }
    this.consuming = false;
  }

  private consumeIdle(bytes: Uint8Array, at: number): number {
    if (this.leading === 1) {
      this.leading = 2;
      if (bytes[at] === LF) return at + 1;
      this.refuse(fault.lineEnding);
      return at;
    }
    if (bytes[at] === CR && this.leading === 0) {
      this.leading = 1;
      return at + 1;
    }
    this.leading = 0;
    this.reading = this.readings.take();
    this.receiving = receiving.head;
    this.host.onHeadStart();
    return at;
  }

  private consumeHead(bytes: Uint8Array, start: number, end: number): number {
    const { reader } = this.reading;
    const after = reader.read(bytes, start, end);
    if (after === readMore) return end;
    if (after === readFault) {
      this.refuse(reader.fault);
      return end;
    }
    this.beginExchange();
    return after;
  }

  private beginExchange(): void {
    const { body, head } = this.reading;
    const kind = head.tunnel ? bodyUntilClose : requestBodyKind(head);
    const endStream = kind === bodyNone;
    // What follows a request for a tunnel is never read as another request, agreed to or not.
    this.keepAlive = head.persistent && !head.tunnel;
    this.sending = sending.awaited;
    this.droppedBytes = 0;
    this.continued = false;
    this.receiving = endStream ? receiving.waiting : receiving.body;
    if (!endStream) body.begin(kind, head.contentLength);
    const stream = new Http1ServerStream(this);
    this.stream = stream;
    const receiver = this.host.onRequest(stream, head, endStream);
    // The host may have answered, or given up, inside the call.
    if (this.stream === stream) this.receiver = receiver;
  }

  private consumeBody(bytes: Uint8Array, start: number, end: number): number {
    const { body } = this.reading;
    const outcome = body.next(bytes, start, end);
    if (outcome === bodyFault) {
      this.refuse(body.fault);
      return end;
    }
    const { position } = body;
    if (outcome === bodyData) this.takeBody(bytes);
    // A Content-Length ends with its last byte; nothing else would tell.
    const lengthDone = body.kind === bodyLength && body.remaining === 0;
    if (this.receiving === receiving.body && (outcome === bodyEnd || lengthDone)) this.endRequest();
    return outcome === bodyMore ? end : position;
  }

  private takeBody(bytes: Uint8Array): void {
    const { dataStart, dataEnd } = this.reading.body;
    if (this.receiver !== null) this.receiver.onBody(bytes, dataStart, dataEnd);
    else this.drop(dataEnd - dataStart);
  }

  private endRequest(): void {
    this.receiving = receiving.waiting;
    if (this.pausedByStream) this.resumeBody();
    if (this.sending === sending.done) this.finishExchange();
    else this.receiver?.onEnd(this.reading.body.trailers);
  }

  /** The client's half of a tunnel, or of what was to become one, is over. */
  private endTunnelRequest(): void {
    this.receiving = receiving.waiting;
    if (this.pausedByStream) this.resumeBody();
    this.receiver?.onEnd(null);
    if (this.sending === sending.done && this.stream !== null) this.finishTunnel();
  }

  private finishTunnel(): void {
    this.detach();
    this.tunnelling = false;
    this.finishExchange();
  }

  /** Counts bytes that nobody wants any more; a client that goes on too long is cut off. */
  private drop(count: number): void {
    this.droppedBytes += count;
    if (this.droppedBytes <= this.limits.lingerBytesMax) return;
    if (this.receiving === receiving.body) {
      this.droppedBytes = 0;
      this.endConnection();
    } else {
      this.receiving = receiving.closed;
      this.sink.reset();
    }
  }

  private hold(bytes: Uint8Array, start: number, end: number): void {
    this.pending.append(bytes, start, end);
    if (this.pausedByPending || this.pending.count <= this.limits.pipelinedBytesMax) return;
    this.pausedByPending = true;
    this.sink.pause();
  }

  /** Both halves are over: keep the connection, or end it. */
  private finishExchange(): void {
    this.stream = null;
    this.receiver = null;
    this.sending = sending.none;
    this.readings.giveBack(this.reading, this.poison);
    this.reading = absentRequest;
    // Draining that began behind the answer's head could not be announced: one more request is served, and told.
    const last = this.peerEnded && !this.consuming && this.pending.count === 0;
    if (!this.keepAlive || last) {
      this.endConnection();
      return;
    }
    this.receiving = receiving.idle;
    this.host.onIdle();
    if (!this.consuming && !this.blocked && this.pending.count > 0) this.consumePending();
  }

  private consumePending(): void {
    const bytes = this.pending.take();
    if (this.pausedByPending) {
      this.pausedByPending = false;
      this.sink.resume();
    }
    this.consume(bytes, 0, bytes.length);
    // What waited was the last that this client will send.
    if (this.peerEnded && this.receiving <= receiving.body) this.receiveEnd();
  }

  private endConnection(): void {
    this.receiving = receiving.lingering;
    this.pending.clear();
    this.pausedByStream = false;
    this.pausedByPending = false;
    this.sink.end();
    this.sink.resume();
  }

  /** Takes the exchange apart; returns its receiver if it has one that has to hear of it. */
  private detach(): RequestReceiver | null {
    const { receiver } = this;
    if (this.stream !== null) this.stream.codec = null;
    this.stream = null;
    this.receiver = null;
    return receiver;
  }

  /** The exchange cannot end well. A response that has begun must not look complete: the connection is reset. */
  private abandon(error: MeshError): void {
    const begun = this.sending === sending.body;
    const receiver = this.detach();
    if (begun) {
      this.receiving = receiving.closed;
      this.sink.reset();
    } else this.endConnection();
    receiver?.onReset(error);
  }

  /** The client broke a rule: answer if nothing was answered, and end. */
  private refuse(code: number): void {
    const error = createFaultError(code, 'downstream');
    const status = faultStatus(code);
    const unanswered = this.sending === sending.none || this.sending === sending.awaited;
    if (unanswered) this.sink.writeLatin1(encodeRefusal(code));
    // A head that was read to its end and then refused can be named in the log.
    const { head } = this.reading;
    const read = this.stream === null && head.text !== '' ? head : null;
    this.host.onProtocolError(error, unanswered ? status : 0, read);
    this.abandon(error);
  }

  private writeHead(head: ResponseHead, kind: number, keepLength: boolean, extra: string): void {
    const encode = this.limits.rules.properCase ? encodeProperResponse : encodeResponseHead;
    this.taken(encode(this.sink, head, kind, keepLength, extra));
  }

  /** Notes whether the sink asked to be left alone. */
  private taken(writable: boolean): boolean {
    if (!writable) this.blocked = true;
    return writable;
  }

  // What the stream calls. It holds the codec only while its exchange lasts, so late calls go nowhere.

  sendInformational(head: ResponseHead): void {
    assert(head.status >= 100 && head.status < 200 && head.status !== 101, 'an informational status');
    // RFC 9110 section 15.2: never to an HTTP/1.0 client.
    if (this.reading.head.version === 0 || this.sending !== sending.awaited) return;
    if (head.status === 100) this.continued = true;
    this.writeHead(head, bodyNone, false, '');
  }

  sendResponse(head: ResponseHead, endStream: boolean): void {
    assert(this.sending === sending.awaited, 'one final response head a request');
    assert(head.status >= 200 && head.status < 600, 'a final status');
    const kind = sentResponseKind(head, this.reading.head, endStream);
    const length = kind === bodyLength ? declaredLength(head) : 0;
    this.sending = sending.body;
    if (kind === bodyUntilClose || this.draining || this.isLongEarly(endStream) || this.isUnasked)
      this.keepAlive = false;
    const extra = responseLines(head, this.reading.head, this.keepAlive, endStream && kind === bodyNone);
    this.writeHead(head, kind, head.status !== 204, extra);
    this.writer.begin(kind, length);
    if (endStream) this.sendEnd(null);
  }

  openTunnel(head: ResponseHead): void {
    assert(
      this.sending === sending.awaited && this.reading.head.tunnel,
      'a tunnel is opened where one was asked for',
    );
    this.sending = sending.body;
    this.tunnelling = true;
    // RFC 9110 section 15.2.2 asks for the name of what is spoken from here on.
    const spoken = head.get(headerId.upgrade) ?? this.reading.head.upgrade;
    this.writeHead(head, bodyUntilClose, false, upgradeLines(head.status === 101 ? spoken : ''));
    this.writer.begin(bodyUntilClose, 0);
  }

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    assert(this.sending === sending.body, 'a response head comes before its body');
    const writable = this.taken(this.writer.write(bytes, start, end));
    if (this.writer.missing < 0) this.abandonResponse();
    return writable;
  }

  sendEnd(trailers: Head | null): void {
    assert(this.sending === sending.body, 'a response head comes before its end');
    if (this.writer.missing > 0) {
      this.abandonResponse();
      return;
    }
    this.taken(this.writer.finish(trailers));
    this.sending = sending.done;
    if (this.tunnelling) {
      this.sink.end();
      if (this.receiving === receiving.waiting) this.finishTunnel();
      return;
    }
    if (this.stream !== null) this.stream.codec = null;
    if (this.receiving === receiving.waiting) this.finishExchange();
    else this.dropRequest();
  }

  resetStream(): void {
    this.detach();
    this.receiving = receiving.closed;
    this.sink.reset();
  }

  pauseBody(): void {
    if (this.pausedByStream || this.receiving !== receiving.body) return;
    this.pausedByStream = true;
    this.sink.pause();
  }

  resumeBody(): void {
    if (!this.pausedByStream) return;
    this.pausedByStream = false;
    if (!this.pausedByPending) this.sink.resume();
  }

  /** The answer is complete while the rest of the request is too long to be dropped, or may never come. */
  private isLongEarly(endStream: boolean): boolean {
    if (!endStream || this.receiving !== receiving.body) return false;
    return this.reading.body.remaining > this.limits.lingerBytesMax || this.isUnasked;
  }

  /** A final answer to an expectation that was not met: the body may never come (RFC 9110 section 10.1.1). */
  private get isUnasked(): boolean {
    return (
      this.receiving === receiving.body && !this.continued && this.reading.head.find(headerId.expect) !== -1
    );
  }

  /** The response is over before the request: its short rest is dropped and the connection kept, else it ends. */
  private dropRequest(): void {
    this.stream = null;
    this.receiver = null;
    if (this.pausedByStream) this.resumeBody();
    if (!this.keepAlive || this.isLongEarly(true)) this.endConnection();
  }

  /** The body did not keep to its Content-Length; the client must not take it for complete. */
  private abandonResponse(): void {
    this.abandon(new MeshError('internal', 'internal', 'no', 'a response body differed from its length'));
  }
}
