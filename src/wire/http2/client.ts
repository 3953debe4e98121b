// The client side of an HTTP/2 connection: as many requests at once as the server takes. What a server did not look at
// (REFUSED_STREAM, a stream above its last one) counts as not sent, so that it can go elsewhere.

import { assert, MeshError } from '../../base/index.ts';
import type { RequestHead } from '../head.ts';
import type { ClientCodec, ClientHost, ClientStream, ResponseReceiver, TurnSink } from '../stream.ts';
import { Http2Connection } from './connection.ts';
import { clientPreface, errorCode, frameBytesDefault, streamIdMax } from './constants.ts';
import { http2Event } from './counts.ts';
import { createPeerError, fault } from './errors.ts';
import type { Http2Head, SectionKind } from './head.ts';
import type { Http2Options } from './link.ts';
import { Http2Stream } from './stream.ts';

/**
 * Streams before the server has said how many it takes: what RFC 9113 section 6.5.2 asks a server to allow at least.
 */
const streamsBeforeSettings = 100;

export class Http2ClientCodec
  extends Http2Connection<Http2ClientStream, ResponseReceiver>
  implements ClientCodec
{
  protected readonly side = 'upstream';
  protected readonly lastPeerStream = 0;
  private readonly host: ClientHost;
  private readonly scheme: string;
  private nextStream = 1;
  private retired = false;

  /** `scheme`: what requests say that came without one. */
  constructor(sink: TurnSink, host: ClientHost, options: Http2Options, scheme = 'http') {
    super(sink, options);
    this.host = host;
    this.scheme = scheme;
    this.greet(clientPreface);
  }

  get capacity(): number {
    if (this.retired || this.closing || this.nextStream > streamIdMax) return 0;
    const told = this.settingsReceived ? this.peer.concurrentStreams : streamsBeforeSettings;
    return Math.max(Math.min(told, this.limits.concurrentStreamsMax) - this.streams.size, 0);
  }

  protected get streamsOpened(): number {
    return (this.nextStream - 1) / 2;
  }

  /** Streams that are open. */
  get active(): number {
    return this.streams.size;
  }

  /** The server said so, or we were told. One that said nothing yet is asked: who serves none resets the stream. */
  get tunnels(): boolean {
    return this.options.extendedConnect || this.peer.connectProtocol || !this.settingsReceived;
  }

  start(head: RequestHead, endStream: boolean, receiver: ResponseReceiver): ClientStream {
    assert(this.capacity > 0, 'a stream is started where there is room');
    const id = this.nextStream;
    this.nextStream += 2;
    const stream = new Http2ClientStream(this, id, this.sendQueue.streamWindow, this.newReceiveWindow);
    stream.receiver = receiver;
    stream.toHead = head.method === 'HEAD';
    stream.upgrade = head.upgrade;
    stream.localEnded = endStream;
    this.attach(stream);
    this.watch.starting();
    this.heads.request(id, head, endStream, this.scheme, frameBytesDefault);
    this.dirty();
    // The last id of a connection: it takes no more.
    if (this.nextStream > streamIdMax) this.retire();
    return stream;
  }

  receive(bytes: Uint8Array): void {
    this.read(bytes, 0);
  }

  receiveEnd(): void {
    if (this.closing) return;
    this.endNow();
    this.failStreams(gone('the server ended before its response was complete'));
  }

  closed(error: MeshError | null): void {
    this.abandon(error ?? gone('the server closed before its response was complete'));
  }

  protected onPong(): void {
    // Only a keepalive PING goes out, and the watch has heard the answer.
  }

  protected override onSettings(windowChange: number): boolean {
    if (!super.onSettings(windowChange)) return false;
    this.host.onCapacity();
    return !this.closing;
  }

  protected onGoaway(lastStream: number, code: number): void {
    this.retire();
    const unprocessed = createPeerError(code, 'upstream', true);
    for (const stream of [...this.streams.values()]) {
      if (stream.id <= lastStream || stream.owner === null) continue;
      this.detach(stream);
      stream.sent = false;
      stream.receiver?.onReset(unprocessed);
      this.onGone(stream);
    }
  }

  protected onFailed(): void {
    // Everybody has heard of it as the streams' end.
  }

  /** The pool hears that the connection takes no more before it hears of its streams. */
  protected override failStreams(error: MeshError): void {
    this.retire();
    super.failStreams(error);
  }

  private retire(): void {
    if (this.retired) return;
    this.retired = true;
    this.host.onRetired();
  }

  protected isIdle(stream: number): boolean {
    return (stream & 1) === 0 || stream >= this.nextStream;
  }

  protected expectsBody(stream: Http2ClientStream): boolean {
    return stream.answered;
  }

  protected sectionOf(id: number, open: Http2ClientStream | null, endStream: boolean): SectionKind | null {
    if (open === null) {
      if (this.isIdle(id)) this.fail(fault.streamIdle);
      else this.options.counts[http2Event.headsWithoutStream]!++;
      // One that we gave up; its answer is read to stay in step.
      return null;
    }
    if (open.remoteEnded) this.failStream(open, fault.halfClosed);
    else if (!open.answered) return 'response';
    else if (endStream) return 'trailers';
    else this.failStream(open, fault.trailersOpen);
    return null;
  }

  protected onSection(
    _id: number,
    open: Http2ClientStream | null,
    head: Http2Head,
    endStream: boolean,
  ): void {
    if (open === null || open.owner === null) return;
    if (open.answered) {
      this.onTrailers(open, head);
      return;
    }
    const code = head.finish(false);
    if (code !== fault.none) this.failStream(open, code);
    else if (head.status < 200) this.onInformational(open, head, endStream);
    else this.onResponse(open, head, endStream);
  }

  private onInformational(stream: Http2ClientStream, head: Http2Head, endStream: boolean): void {
    if (endStream) this.failStream(stream, fault.pseudoValue);
    else if (++stream.informationals > this.limits.informationalCountMax)
      this.failStream(stream, fault.informationalCount);
    else stream.receiver?.onInformational(head);
  }

  private onResponse(stream: Http2ClientStream, head: Http2Head, endStream: boolean): void {
    stream.answered = true;
    if (stream.upgrade !== '' && head.status < 300) {
      this.openTunnel(stream, head, endStream);
      return;
    }
    const bodiless = stream.toHead || head.status === 304 || head.status === 204;
    if (!bodiless) stream.expectedBytes = head.contentLength;
    if (endStream && stream.expectedBytes > 0) {
      this.failStream(stream, fault.lengthDiffers);
      return;
    }
    stream.remoteEnded = endStream;
    const over = endStream && this.closeIfEnded(stream);
    stream.receiver?.onResponse(head, endStream);
    if (endStream) this.settleEnd(stream, over);
  }

  /** RFC 8441 section 5: 200 is what 101 is in HTTP/1.1, and told as that. */
  private openTunnel(stream: Http2ClientStream, head: Http2Head, endStream: boolean): void {
    stream.tunnel = true;
    if (stream.upgrade !== 'CONNECT') head.status = 101;
    stream.receiver?.onResponse(head, false);
    if (endStream && stream.owner !== null) this.endRemote(stream, null);
  }

  protected onBodyTooLong(stream: Http2ClientStream): boolean {
    return this.failStream(stream, fault.bodyTooLong);
  }

  protected onPeerReset(stream: Http2ClientStream, code: number): void {
    const refused = code === errorCode.refusedStream;
    if (refused) {
      this.options.counts[http2Event.streamsRefused]!++;
      stream.sent = false;
    }
    stream.receiver?.onReset(createPeerError(code, 'upstream', refused));
  }

  /** The answer is complete and the request is not: nobody reads the rest. */
  protected onHalfEnded(stream: Http2ClientStream): void {
    if (!stream.remoteEnded || stream.tunnel) return;
    this.detach(stream);
    this.writeReset(stream.id, errorCode.noError);
    this.onGone(stream);
  }

  protected onGone(_stream: Http2ClientStream): void {
    this.host.onStreamDone(this.capacity > 0);
  }
}

class Http2ClientStream extends Http2Stream<Http2ClientStream, ResponseReceiver> implements ClientStream {
  /** Given to the connection when it was started; taken back when the server says that it did not look at it. */
  sent = true;
  toHead = false;
  /** What the request asked to become. */
  upgrade = '';
  answered = false;
  informationals = 0;
  protected readonly self: Http2ClientStream = this;
}

function gone(message: string): MeshError {
  return new MeshError('peer-closed', 'upstream', 'if-unsent', message);
}
