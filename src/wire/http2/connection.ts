// The streams of a connection (RFC 9113 sections 5 and 6.1 to 6.4, 6.9), alike for both sides: their frames, windows
// and ends. Who opens a stream and what its head means is the sides' own.

import type { MeshError } from '../../base/index.ts';
import type { Head } from '../head.ts';
import type { BodyReceiver } from '../stream.ts';
import { dependency } from './block-reader.ts';
import { defaultWindow, errorCode, flag, frameHeaderBytes, frameType, windowMax } from './constants.ts';
import { http2Event } from './counts.ts';
import { createFaultError, fault, faultCode } from './errors.ts';
import type { Http2Head, SectionKind } from './head.ts';
import { Http2Link, uint32 } from './link.ts';
import type { AnyStream } from './send-queue.ts';
import type { Http2Stream, StreamOwner } from './stream.ts';

/** Ids of streams that we reset lately: what still comes for them is no fault of the peer's. */
const resetIdsMax = 256;

export abstract class Http2Connection<S extends Http2Stream<S, R>, R extends BodyReceiver>
  extends Http2Link
  implements StreamOwner<S>
{
  protected readonly streams = new Map<number, S>();
  /** The stream of the DATA frame under way; null: nobody wants it. */
  private dataStream: S | null = null;
  private dataEnds = false;
  private readonly resetIds: number[] = [];
  private nextResetId = 0;

  /** How many were opened, ever. */
  protected abstract readonly streamsOpened: number;
  /** No stream with this id was opened yet. */
  protected abstract isIdle(stream: number): boolean;
  /** Which section a HEADERS frame brings; null: nobody wants it, or a fault was raised. */
  protected abstract sectionOf(stream: number, open: S | null, endStream: boolean): SectionKind | null;
  protected abstract onSection(stream: number, open: S | null, head: Http2Head, endStream: boolean): void;
  /** A body may come now. */
  protected abstract expectsBody(stream: S): boolean;
  protected abstract onBodyTooLong(stream: S): boolean;
  protected abstract onPeerReset(stream: S, code: number): void;
  /** One half ended before the other. */
  protected abstract onHalfEnded(stream: S): void;
  /** A stream left the table, and its receiver heard its last. */
  protected abstract onGone(stream: S): void;

  onDataFrame(flags: number, stream: number, length: number): boolean {
    if (!this.settingsReceived) return this.fail(fault.preface);
    if (this.block.stream !== 0) return this.fail(fault.continuationMissing);
    if (!this.beginData(flags, stream, length)) return false;
    const open = this.dataStream;
    // Known before its first byte, so that none of a wrong body gets through.
    if (open !== null && open.expectedBytes >= 0 && open.receivedBytes + length > open.expectedBytes)
      return this.failStream(open, fault.lengthDiffers);
    return this.checkFilled(length > 0 || this.dataEnds);
  }

  /** A frame of a stream that carries or ends nothing is one too many. */
  private checkFilled(filled: boolean): boolean {
    if (!filled) return this.check(this.guard.empty());
    this.guard.filled();
    return !this.closing;
  }

  onDataBytes(bytes: Uint8Array, start: number, end: number, last: boolean): boolean {
    const stream = this.dataStream;
    if (stream === null || stream.owner === null) return !this.closing;
    const count = end - start;
    if (count > 0) {
      stream.receivedBytes += count;
      if (stream.expectedBytes >= 0 && stream.receivedBytes > stream.expectedBytes)
        return this.failStream(stream, fault.lengthDiffers);
      if (stream.receivedBytes > this.limits.bodyBytesMax) return this.onBodyTooLong(stream);
      stream.receiver?.onBody(bytes, start, end);
      this.returnWindow(stream, count);
    }
    if (!last) return !this.closing;
    this.dataStream = null;
    if (this.dataEnds && stream.owner !== null) this.endRemote(stream, null);
    return !this.closing;
  }

  /** Checks a DATA frame and takes its bytes off the windows. */
  private beginData(flags: number, id: number, length: number): boolean {
    if (id === 0) return this.fail(fault.streamZero);
    this.dataStream = null;
    this.dataEnds = (flags & flag.endStream) !== 0;
    this.receiveWindow -= length;
    if (this.receiveWindow < 0) return this.fail(fault.windowExceeded);
    this.unreturned += length;
    const stream = this.streams.get(id);
    if (stream === undefined) return this.onClosedData(id);
    if (stream.remoteEnded) return this.failStream(stream, fault.halfClosed);
    stream.receiveWindow -= length;
    if (stream.receiveWindow < 0) return this.failStream(stream, fault.windowExceeded);
    if (!this.expectsBody(stream)) return this.failStream(stream, fault.responseMissing);
    this.dataStream = stream;
    return true;
  }

  private onClosedData(id: number): boolean {
    if (this.isIdle(id)) return this.fail(fault.streamIdle);
    return this.wasReset(id) ? true : this.resetId(id, fault.streamClosed);
  }

  protected onStreamFrame(
    type: number,
    flags: number,
    stream: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (stream === 0 && type !== frameType.windowUpdate) return this.fail(fault.streamZero);
    switch (type) {
      case frameType.data:
        return this.onPaddedData(flags, stream, bytes, start, end);
      case frameType.headers:
        return this.onHeaders(flags, stream, bytes, start, end);
      case frameType.continuation:
        return this.onContinuation(flags, stream, bytes, start, end);
      case frameType.rstStream:
        return this.onRstStream(stream, bytes, start, end);
      case frameType.windowUpdate:
        return this.onWindowUpdate(stream, bytes, start, end);
      default:
        return this.onPriority(stream, bytes, start, end);
    }
  }

  private onPaddedData(flags: number, id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (start === end) return this.fail(fault.frameLength);
    const dataEnd = end - bytes[start]!;
    if (dataEnd < start + 1) return this.fail(fault.padding);
    if (!this.beginData(flags, id, end - start)) return false;
    const stream = this.dataStream;
    if (stream !== null) this.returnWindow(stream, end - start - (dataEnd - start - 1));
    if (!this.checkFilled(dataEnd > start + 1 || this.dataEnds)) return false;
    return this.onDataBytes(bytes, start + 1, dataEnd, true);
  }

  private onHeaders(flags: number, id: number, bytes: Uint8Array, start: number, end: number): boolean {
    const code = this.block.begin(flags, id, bytes, start, end);
    if (code !== fault.none) return this.fail(code);
    if (this.block.stream !== 0) return this.checkFilled(end > start);
    this.guard.filled();
    return this.endBlock(id);
  }

  private onContinuation(flags: number, id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.block.stream === 0) return this.fail(fault.continuationUnexpected);
    const code = this.block.continue(flags, bytes, start, end);
    if (code !== fault.none) return this.fail(code);
    // Asked again: the frame may have been the last.
    const complete = (flags & flag.endHeaders) !== 0;
    return complete ? this.endBlock(id) : this.checkFilled(end > start);
  }

  /** A block is complete: it is decoded whatever becomes of it, because the table must stay in step. */
  private endBlock(id: number): boolean {
    const { block } = this;
    const open = this.streams.get(id) ?? null;
    const kind = this.sectionOf(id, open, block.endStream);
    if (this.closing) return false;
    const head = this.headReader.read(kind ?? 'trailers', block.bytes, block.start, block.end);
    block.release();
    if (head === null) return this.fail(fault.compression);
    if (kind !== null) this.onSection(id, open, head, block.endStream);
    return !this.closing;
  }

  /** A trailer section of an open stream. */
  protected onTrailers(stream: S, head: Http2Head): void {
    this.options.counts[http2Event.trailersReceived]!++;
    const code = head.finish(false);
    if (code !== fault.none) this.failStream(stream, code);
    else this.endRemote(stream, head);
  }

  /** The peer's half is complete. */
  protected endRemote(stream: S, trailers: Head | null): void {
    if (stream.expectedBytes >= 0 && stream.receivedBytes !== stream.expectedBytes) {
      this.failStream(stream, fault.lengthDiffers);
      return;
    }
    stream.remoteEnded = true;
    const over = this.closeIfEnded(stream);
    stream.receiver?.onEnd(trailers);
    this.settleEnd(stream, over);
  }

  /** Both halves are over: the stream leaves the table, before anybody is told. */
  protected closeIfEnded(stream: S): boolean {
    if (!stream.remoteEnded || !stream.localEnded || stream.queue !== null || stream.owner === null)
      return false;
    this.guard.ended();
    this.detach(stream);
    return true;
  }

  /** After the receiver heard that the peer's half ended. */
  protected settleEnd(stream: S, over: boolean): void {
    if (over) this.onGone(stream);
    else if (stream.owner !== null) this.onHalfEnded(stream);
  }

  private onPriority(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== 5) return this.resetId(id, fault.frameLength);
    if (dependency(bytes, start) === id) return this.resetId(id, fault.selfDependency);
    return this.check(this.guard.priority(this.streamsOpened));
  }

  private onRstStream(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== 4) return this.fail(fault.frameLength);
    const stream = this.streams.get(id);
    if (stream !== undefined) {
      this.detach(stream);
      this.options.counts[http2Event.resetsReceived]!++;
      this.onPeerReset(stream, uint32(bytes, start));
      this.onGone(stream);
    } else if (this.isIdle(id)) return this.fail(fault.streamIdle);
    return this.countReset();
  }

  /** A server resets what it likes; a client that does so costs us what it began. */
  protected countReset(): boolean {
    return this.check(this.side === 'upstream' ? fault.none : this.guard.reset());
  }

  private onWindowUpdate(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start !== 4) return this.fail(fault.frameLength);
    const count = uint32(bytes, start) & windowMax;
    const { sendQueue } = this;
    if (!this.check(this.guard.windowUpdate(sendQueue.framesSent, this.streamsOpened))) return false;
    if (id === 0) {
      if (count === 0) return this.fail(fault.windowZero);
      sendQueue.window += count;
      if (sendQueue.window > windowMax) return this.fail(fault.windowOverflow);
    } else {
      const stream = this.streams.get(id);
      if (stream === undefined) return this.isIdle(id) ? this.fail(fault.streamIdle) : true;
      if (count === 0) return this.failStream(stream, fault.windowZero);
      if (!sendQueue.widen(stream as unknown as AnyStream, count))
        return this.failStream(stream, fault.windowOverflow);
    }
    if (sendQueue.queuedBytes > 0) sendQueue.pump();
    return !this.closing;
  }

  protected onSettings(windowChange: number): boolean {
    const { sendQueue } = this;
    if (windowChange !== 0) {
      for (const stream of this.streams.values()) {
        if (!sendQueue.widen(stream as unknown as AnyStream, windowChange))
          return this.fail(fault.windowOverflow);
      }
      sendQueue.pump();
    }
    return !this.closing;
  }

  /** A new stream's window: until the peer knows a smaller one, it may use the default. */
  protected get newReceiveWindow(): number {
    const { streamWindowBytes } = this.limits;
    return this.settingsAcknowledged ? streamWindowBytes : Math.max(streamWindowBytes, defaultWindow);
  }

  private returnWindow(stream: S, count: number): void {
    stream.unreturned += count;
    if (!stream.paused) this.returnStreamWindow(stream);
  }

  private returnStreamWindow(stream: S): void {
    if (stream.unreturned * 2 < this.limits.streamWindowBytes || stream.owner === null || stream.remoteEnded)
      return;
    // Its last frame is being read: nothing more will come.
    if (this.dataEnds && this.dataStream === stream) return;
    stream.receiveWindow += stream.unreturned;
    this.writeWindowUpdate(stream.id, stream.unreturned);
    stream.unreturned = 0;
  }

  // What streams ask for.

  resumed(stream: S): void {
    this.returnStreamWindow(stream);
  }

  sendBody(stream: S, bytes: Uint8Array, start: number, end: number): boolean {
    if (start === end) return stream.queue === null;
    if (this.sendQueue.send(stream as unknown as AnyStream, bytes, start, end)) return true;
    this.watch.queued();
    if (this.sendQueue.queuedBytes > this.limits.queuedBytesMax) this.fail(fault.queuedBytes);
    return false;
  }

  sendEnd(stream: S, trailers: Head | null): void {
    stream.localEnded = true;
    this.sendQueue.end(stream as unknown as AnyStream, trailers);
  }

  giveUp(stream: S, error: MeshError): void {
    this.detach(stream);
    const cancelled = error.code === 'cancelled' || error.source === 'downstream';
    const otherwise = error.code === 'protocol' ? errorCode.protocolError : errorCode.internalError;
    this.writeReset(stream.id, cancelled ? errorCode.cancel : otherwise);
    this.onGone(stream);
  }

  /** The last byte of our half was written. */
  onSent(sent: AnyStream): void {
    const stream = sent as unknown as S;
    stream.endQueued = false;
    if (this.closeIfEnded(stream)) this.onGone(stream);
    else this.onHalfEnded(stream);
  }

  /** A stream begins. */
  protected attach(stream: S): void {
    this.streams.set(stream.id, stream);
    this.options.counts[http2Event.streamsActive]!++;
  }

  protected detach(stream: S): void {
    stream.owner = null;
    if (this.streams.delete(stream.id)) this.options.counts[http2Event.streamsActive]!--;
    if (stream.queue !== null) this.sendQueue.drop(stream as unknown as AnyStream);
  }

  protected writeReset(id: number, code: number): void {
    if (this.closing) return;
    this.options.counts[http2Event.resetsSent]!++;
    if (this.resetIds.length < resetIdsMax) this.resetIds.push(id);
    else this.resetIds[this.nextResetId++ % resetIdsMax] = id;
    this.out.reserve(frameHeaderBytes + 4);
    this.out.frameHeader(4, frameType.rstStream, 0, id);
    this.out.uint32(code);
    this.dirty();
  }

  protected wasReset(id: number): boolean {
    return this.resetIds.includes(id);
  }

  /** A stream error of the peer's making (RFC 9113 section 5.4.2). Returns whether the connection goes on. */
  protected failStream(stream: S, code: number): boolean {
    this.options.counts[code]!++;
    this.detach(stream);
    this.writeReset(stream.id, faultCode(code));
    stream.receiver?.onReset(createFaultError(code, this.side));
    this.onGone(stream);
    return this.countAnswer(frameHeaderBytes + 4) && this.countReset();
  }

  /** The same for a stream that may not be open. */
  protected resetId(id: number, code: number): boolean {
    const open = this.streams.get(id);
    if (open !== undefined) return this.failStream(open, code);
    this.options.counts[code]!++;
    this.writeReset(id, faultCode(code));
    return this.countAnswer(frameHeaderBytes + 4) && this.countReset();
  }

  protected failStreams(error: MeshError): void {
    for (const stream of [...this.streams.values()]) {
      // One that hears of it may end others.
      if (stream.owner === null) continue;
      this.detach(stream);
      stream.receiver?.onReset(error);
      this.onGone(stream);
    }
  }
}
