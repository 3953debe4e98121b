// The server side of an HTTP/2 connection: many exchanges at once, each with its own stream towards the proxy. Draining
// says twice that the end has come: first that nobody should begin anything new, then, when the client has heard that,
// which request was the last.

import { MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { RequestHead, ResponseHead } from '../head.ts';
import { createResponseHead } from '../made-head.ts';
import type { RequestReceiver, ServerCodec, ServerHost, ServerStream, TurnSink } from '../stream.ts';
import { Http2Connection } from './connection.ts';
import { clientPreface, errorCode, frameBytesDefault, streamIdMax } from './constants.ts';
import { http2Event } from './counts.ts';
import { createFaultError, createPeerError, fault } from './errors.ts';
import type { Http2Head, SectionKind } from './head.ts';
import type { Http2Options } from './link.ts';
import { Http2Stream } from './stream.ts';

/** What an HTTP/2 server connection tells besides. */
export interface Http2ServerHost extends ServerHost {
  /**
   * The codec ended its half by itself: drained, or the peer broke a rule. The owner bounds the time the peer has to
   * go.
   */
  onEnding(): void;
  /** A stream is over and its receiver, which `onRequest` returned, heard its last. */
  onStreamOver(receiver: RequestReceiver): void;
  /**
   * A head was refused and became no request; the connection goes on. The codec answers `status`, or resets the stream
   * (0). `head` is to be read during the call; null where nothing of it should be believed.
   */
  onHeadRefused(error: MeshError, status: number, head: RequestHead | null): void;
}

/** Time for the client to hear the first GOAWAY, if it answers no PING. */
const drainWaitMs = 1000;
const drainPing = 2;
/** open -> announced (first GOAWAY) -> last (second one; a later request is not looked at). */
const draining = { no: 0, announced: 1, last: 2 } as const;

export class Http2ServerCodec
  extends Http2Connection<Http2ServerStream, RequestReceiver>
  implements ServerCodec, TimerHandler
{
  protected readonly side = 'downstream';
  protected lastPeerStream = 0;
  private readonly host: Http2ServerHost;
  /** Bytes of the preface that came. */
  private prefaceAt = 0;
  protected streamsOpened = 0;
  private draining: number = draining.no;
  private readonly drainTimer: Timer;
  private peerEnded = false;

  constructor(sink: TurnSink, host: Http2ServerHost, options: Http2Options) {
    super(sink, options);
    this.host = host;
    this.drainTimer = new Timer(this, 0);
    this.greet('');
  }

  get idle(): boolean {
    return this.streams.size === 0;
  }

  /** Streams that are open. */
  get active(): number {
    return this.streams.size;
  }

  receive(bytes: Uint8Array): void {
    let at = 0;
    while (this.prefaceAt < clientPreface.length && at < bytes.length) {
      if (bytes[at++] === clientPreface.charCodeAt(this.prefaceAt++)) continue;
      this.fail(fault.preface);
      return;
    }
    if (at < bytes.length) this.read(bytes, at);
    if (!this.closing && (!this.settingsReceived || this.block.stream !== 0 || this.reader.isCut))
      this.host.onHeadStart();
  }

  /** The client will say nothing more; what it has asked is still answered. */
  receiveEnd(): void {
    this.peerEnded = true;
    const error = new MeshError('peer-closed', 'downstream', 'no', 'the client ended within a request');
    for (const stream of [...this.streams.values()]) {
      if (stream.remoteEnded || stream.owner === null) continue;
      this.detach(stream);
      stream.receiver?.onReset(error);
    }
    if (this.streams.size === 0) this.end();
  }

  closed(error: MeshError | null): void {
    this.options.clock.cancel(this.drainTimer);
    this.abandon(
      error ?? new MeshError('peer-closed', 'downstream', 'no', 'the client closed within an exchange'),
    );
  }

  /** Asked again, it does not wait for the client to have heard. */
  drain(): void {
    if (this.closing) return;
    if (!this.settingsReceived || this.draining !== draining.no) {
      this.drainLast();
      return;
    }
    this.draining = draining.announced;
    this.writeGoaway(streamIdMax, errorCode.noError, '');
    this.writePing(drainPing);
    this.options.clock.arm(this.drainTimer, drainWaitMs);
  }

  onTimer(): void {
    this.drainLast();
  }

  private drainLast(): void {
    if (this.closing || this.draining === draining.last) return;
    this.options.clock.cancel(this.drainTimer);
    this.draining = draining.last;
    this.writeGoaway(this.lastPeerStream, errorCode.noError, '');
    if (this.streams.size === 0) this.end();
  }

  private end(): void {
    if (this.closing) return;
    this.endNow();
    this.host.onEnding();
  }

  protected onPong(value: number): void {
    if (value === drainPing && this.draining === draining.announced) this.drainLast();
  }

  protected onGoaway(): void {
    // A client opens the streams; that it opens no more changes nothing here.
  }

  protected onFailed(error: MeshError): void {
    this.options.clock.cancel(this.drainTimer);
    this.host.onProtocolError(error, 0, null);
    this.host.onEnding();
  }

  protected isIdle(stream: number): boolean {
    return (stream & 1) === 0 || stream > this.lastPeerStream;
  }

  protected expectsBody(): boolean {
    return true;
  }

  protected sectionOf(id: number, open: Http2ServerStream | null, endStream: boolean): SectionKind | null {
    if (open !== null) {
      if (open.remoteEnded) this.failStream(open, fault.halfClosed);
      else if (!endStream) this.failStream(open, fault.trailersOpen);
      else return 'trailers';
      return null;
    }
    if ((id & 1) === 0) this.fail(fault.streamParity);
    else if (id <= this.lastPeerStream) this.onClosedHead(id);
    else return 'request';
    return null;
  }

  /** Ids go up; whether one below the last was opened and closed, or left out, is known by their number. */
  private onClosedHead(id: number): void {
    if (this.wasReset(id)) {
      this.options.counts[http2Event.headsWithoutStream]!++;
      return;
    }
    this.fail(this.streamsOpened === (this.lastPeerStream + 1) / 2 ? fault.streamClosed : fault.streamOrder);
  }

  protected onSection(id: number, open: Http2ServerStream | null, head: Http2Head, endStream: boolean): void {
    if (open !== null) {
      if (open.owner !== null) this.onTrailers(open, head);
      return;
    }
    // After the last GOAWAY: the client knows that this one was not looked at.
    if (this.draining === draining.last) return;
    this.lastPeerStream = id;
    this.streamsOpened += 1;
    const full = this.streams.size >= this.limits.concurrentStreamsMax;
    let code = full ? fault.concurrentStreams : head.finish(this.options.extendedConnect);
    if (code === fault.none && endStream && head.contentLength > 0) code = fault.lengthDiffers;
    if (code === fault.none) this.open(id, head, endStream);
    else this.refuseHead(id, head, code, endStream);
  }

  /** Told before the answer: too many of them end the connection. */
  private refuseHead(id: number, head: Http2Head, code: number, endStream: boolean): void {
    const tooLong = code === fault.headerList;
    const whole =
      code === fault.concurrentStreams && head.finish(this.options.extendedConnect) === fault.none;
    this.host.onHeadRefused(createFaultError(code, this.side), tooLong ? 431 : 0, whole ? head : null);
    if (tooLong) this.refuse(id, 431, code, endStream);
    else this.resetId(id, code);
  }

  private open(id: number, head: Http2Head, endStream: boolean): void {
    const stream = new Http2ServerStream(this, id, this.sendQueue.streamWindow, this.newReceiveWindow);
    if (head.upgrade === '') stream.expectedBytes = head.contentLength;
    stream.remoteEnded = endStream;
    this.attach(stream);
    const receiver = this.host.onRequest(stream, head, endStream);
    // Kept also when the host has answered inside the call: what waits for a window may still hear of a reset.
    stream.receiver = receiver;
    if (stream.owner === null) this.host.onStreamOver(receiver);
  }

  /** Answers without the proxy, and wants no more of the request. */
  private refuse(id: number, status: number, code: number, ended: boolean): void {
    this.options.counts[code]!++;
    this.heads.response(id, createResponseHead(status, [['content-length', '0']]), true, frameBytesDefault);
    this.dirty();
    if (!ended) this.writeReset(id, errorCode.noError);
    this.countReset();
  }

  protected onBodyTooLong(stream: Http2ServerStream): boolean {
    if (stream.headSent) return this.failStream(stream, fault.bodyTooLong);
    this.detach(stream);
    this.refuse(stream.id, 413, fault.bodyTooLong, false);
    stream.receiver?.onReset(createFaultError(fault.bodyTooLong, 'downstream'));
    this.onGone(stream);
    return !this.closing;
  }

  protected onPeerReset(stream: Http2ServerStream, code: number): void {
    stream.receiver?.onReset(createPeerError(code, 'downstream', false));
  }

  /** The answer is complete: the rest of its request is not wanted (RFC 9113 section 8.1). */
  protected onHalfEnded(stream: Http2ServerStream): void {
    if (!stream.localEnded || stream.tunnel || stream.endQueued || stream.queue !== null) return;
    this.detach(stream);
    this.writeReset(stream.id, errorCode.noError);
    this.onGone(stream);
  }

  protected onGone(stream: Http2ServerStream): void {
    if (stream.receiver !== null) this.host.onStreamOver(stream.receiver);
    if (this.streams.size > 0 || this.closing) return;
    if (this.draining === draining.last || this.peerEnded) this.end();
    else this.host.onIdle();
  }

  // What its streams ask for.

  sendHead(stream: Http2ServerStream, head: ResponseHead, endStream: boolean): void {
    this.heads.response(stream.id, head, endStream, frameBytesDefault);
    this.dirty();
    if (!endStream) return;
    stream.localEnded = true;
    if (this.closeIfEnded(stream)) this.onGone(stream);
    else this.onHalfEnded(stream);
  }

  /** RFC 8441 section 5: what is 101 in HTTP/1.1 is 200 here. */
  openTunnel(stream: Http2ServerStream, head: ResponseHead): void {
    stream.tunnel = true;
    this.heads.response(stream.id, head, false, frameBytesDefault, head.status === 101 ? 200 : head.status);
    this.dirty();
  }
}

class Http2ServerStream extends Http2Stream<Http2ServerStream, RequestReceiver> implements ServerStream {
  headSent = false;
  protected readonly self: Http2ServerStream = this;
  private readonly codec: Http2ServerCodec;

  constructor(codec: Http2ServerCodec, id: number, sendWindow: number, receiveWindow: number) {
    super(codec, id, sendWindow, receiveWindow);
    this.codec = codec;
  }

  sendInformational(head: ResponseHead): void {
    if (this.owner !== null && !this.headSent) this.codec.sendHead(this, head, false);
  }

  sendResponse(head: ResponseHead, endStream: boolean): void {
    if (this.owner === null) return;
    this.headSent = true;
    this.codec.sendHead(this, head, endStream);
  }

  openTunnel(head: ResponseHead): void {
    if (this.owner === null) return;
    this.headSent = true;
    this.codec.openTunnel(this, head);
  }
}
