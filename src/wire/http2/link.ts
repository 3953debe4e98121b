// The connection as such (RFC 9113 sections 6.5 to 6.9), below its streams: settings, PING, windows of the connection,
// GOAWAY, the bounds on what a peer may do, and frames out, one write a turn.

import { type Clock, MeshError } from '../../base/index.ts';
import type { TurnSink, TurnWriter } from '../stream.ts';
import { BlockReader } from './block-reader.ts';
import {
  defaultWindow,
  flag,
  frameBytesDefault,
  frameHeaderBytes,
  frameType,
  streamIdMax,
} from './constants.ts';
import { type Http2Counts, http2Event } from './counts.ts';
import { HeadWriter } from './encode.ts';
import { createFaultError, fault, faultCode, faultMessage } from './errors.ts';
import { FloodGuard } from './flood-guard.ts';
import { FrameReader, type FrameSink } from './frame-reader.ts';
import { HeadReader } from './head-reader.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import type { Http2Limits } from './limits.ts';
import { OutBuffer } from './out-buffer.ts';
import { type AnyStream, SendQueue, type SendQueueOwner } from './send-queue.ts';
import { type PeerSettings, readSettings, type Setting, writeSettings } from './settings.ts';
import { Watch, type WatchOwner, type WatchTimes } from './watch.ts';

/** What a connection has besides its limits. All of it is the owner's choice. */
export interface Http2Options extends WatchTimes {
  readonly limits: Http2Limits;
  readonly clock: Clock;
  /** Where faults and events are counted. */
  readonly counts: Http2Counts;
  /** Announced in SETTINGS besides, or instead of what the limits say. */
  readonly extraSettings: readonly Setting[];
  /** Serve `CONNECT` with `:protocol` (RFC 8441). */
  readonly extendedConnect: boolean;
}

/** Bytes gathered in a turn that leave before it ends. */
const gatherBytesMax = 64 * 1024;
/** What our own PINGs carry, to tell them apart when they come back. */
const keepalivePing = 1;

export abstract class Http2Link implements FrameSink, SendQueueOwner, TurnWriter, WatchOwner {
  /** The connection takes nothing more and waits for the peer to go. */
  closing = false;
  protected readonly sink: TurnSink;
  protected readonly options: Http2Options;
  protected readonly limits: Http2Limits;
  protected readonly out = new OutBuffer();
  protected readonly heads: HeadWriter;
  protected readonly sendQueue: SendQueue;
  protected readonly guard: FloodGuard;
  protected readonly watch: Watch;
  protected readonly peer: PeerSettings = {
    headerTableBytes: 4096,
    concurrentStreams: streamIdMax,
    streamWindow: defaultWindow,
    connectProtocol: false,
  };
  protected settingsReceived = false;
  protected settingsAcknowledged = false;
  protected readonly headReader: HeadReader;
  protected readonly block: BlockReader;
  protected readonly reader: FrameReader;
  protected receiveWindow: number;
  protected unreturned = 0;
  /** Written while the socket took no more. */
  private unreadFrames = 0;
  private unreadBytes = 0;
  private readonly encoder = new HpackEncoder();
  private isDirty = false;

  constructor(sink: TurnSink, options: Http2Options) {
    const { limits, clock } = options;
    this.sink = sink;
    this.options = options;
    this.limits = limits;
    this.heads = new HeadWriter(this.out, this.encoder);
    this.sendQueue = new SendQueue(this.out, this.heads, this, options.counts);
    this.guard = new FloodGuard(limits, clock);
    this.headReader = new HeadReader(new HpackDecoder(limits.tableBytesMax), limits);
    this.block = new BlockReader(limits);
    this.reader = new FrameReader(this, frameBytesDefault);
    this.receiveWindow = Math.max(limits.connectionWindowBytes, defaultWindow);
    this.watch = new Watch(this, clock, options);
  }

  /** Our first words; `preface` is a client's, or ''. */
  protected greet(preface: string): void {
    this.out.reserve(preface.length);
    this.out.text(preface);
    writeSettings(this.out, this.options, preface === '');
    this.dirty();
  }

  protected abstract readonly side: 'downstream' | 'upstream';
  protected abstract readonly lastPeerStream: number;
  protected abstract onStreamFrame(
    type: number,
    flags: number,
    stream: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean;
  protected abstract onGoaway(lastStream: number, code: number): void;
  /** The peer's settings changed. False: the connection ended over it. */
  protected abstract onSettings(windowChange: number): boolean;
  /** A PING of ours with this number came back. */
  protected abstract onPong(value: number): void;
  /** Every stream hears of the end. */
  protected abstract failStreams(error: MeshError): void;
  /** The connection ended by itself, for this reason. */
  protected abstract onFailed(error: MeshError): void;
  abstract onDataFrame(flags: number, stream: number, length: number): boolean;
  abstract onDataBytes(bytes: Uint8Array, start: number, end: number, last: boolean): boolean;
  abstract onSent(stream: AnyStream): void;

  protected read(bytes: Uint8Array, start: number): void {
    if (this.closing) return;
    this.watch.heard();
    this.reader.read(bytes, start, bytes.length);
    if (!this.closing) this.returnConnectionWindow();
  }

  onFrameTooLong(): void {
    this.fail(fault.frameTooLong);
  }

  onFrame(
    type: number,
    flags: number,
    stream: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (!this.settingsReceived && type !== frameType.settings) return this.fail(fault.preface);
    if (this.block.stream !== 0 && (type !== frameType.continuation || stream !== this.block.stream))
      return this.fail(fault.continuationMissing);
    switch (type) {
      case frameType.settings:
        return this.onSettingsFrame(flags, stream, bytes, start, end);
      case frameType.ping:
        return this.onPing(flags, stream, bytes, start, end);
      case frameType.goaway:
        return this.onGoawayFrame(stream, bytes, start, end);
      case frameType.pushPromise:
        return this.fail(fault.pushPromise);
      default:
        if (type > frameType.continuation) return this.check(this.guard.ignored());
        return this.onStreamFrame(type, flags, stream, bytes, start, end);
    }
  }

  /** Goes on unless `code` is a fault. */
  protected check(code: number): boolean {
    return code === fault.none ? !this.closing : this.fail(code);
  }

  private onSettingsFrame(
    flags: number,
    stream: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (stream !== 0) return this.fail(fault.streamNotZero);
    if ((flags & flag.ack) !== 0) {
      if (end !== start) return this.fail(fault.frameLength);
      if (!this.settingsReceived) return this.fail(fault.preface);
      this.settingsAcknowledged = true;
      return this.check(this.guard.settings());
    }
    if ((end - start) % 6 !== 0) return this.fail(fault.frameLength);
    if (!this.check(this.guard.settings())) return false;
    return this.takeSettings(bytes, start, end);
  }

  private takeSettings(bytes: Uint8Array, start: number, end: number): boolean {
    const { peer } = this;
    const windowBefore = peer.streamWindow;
    const code = readSettings(peer, bytes, start, end, this.side === 'downstream');
    if (code !== fault.none) return this.fail(code);
    this.settingsReceived = true;
    this.encoder.setTableBytesMax(peer.headerTableBytes);
    this.sendQueue.streamWindow = peer.streamWindow;
    this.out.reserve(frameHeaderBytes);
    this.out.frameHeader(0, frameType.settings, flag.ack, 0);
    this.dirty();
    return this.countAnswer(frameHeaderBytes) && this.onSettings(peer.streamWindow - windowBefore);
  }

  private onPing(flags: number, stream: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (stream !== 0) return this.fail(fault.streamNotZero);
    if (end - start !== 8) return this.fail(fault.frameLength);
    if ((flags & flag.ack) !== 0) {
      this.onPong(uint32(bytes, start + 4));
      return this.check(this.guard.ping(this.sendQueue.framesSent));
    }
    if (!this.check(this.guard.ping(this.sendQueue.framesSent))) return false;
    if (!this.check(this.guard.pingApart(this.sendQueue.framesSent))) return false;
    this.out.reserve(frameHeaderBytes + 8);
    this.out.frameHeader(8, frameType.ping, flag.ack, 0);
    this.out.append(bytes, start, end);
    this.dirty();
    return this.countAnswer(frameHeaderBytes + 8);
  }

  private onGoawayFrame(stream: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (stream !== 0) return this.fail(fault.streamNotZero);
    if (end - start < 8) return this.fail(fault.frameLength);
    this.onGoaway(uint32(bytes, start) & streamIdMax, uint32(bytes, start + 4));
    return this.check(this.guard.settings());
  }

  /** An answer to a frame of the peer's lies in the buffer; while it reads nothing they add up. */
  protected countAnswer(bytes: number): boolean {
    return this.check(this.sendQueue.blocked ? this.guard.unread(bytes) : fault.none);
  }

  /** What a paused stream holds back is not the connection's: that one goes on. */
  private returnConnectionWindow(): void {
    if (this.unreturned * 2 < this.limits.connectionWindowBytes) return;
    this.receiveWindow += this.unreturned;
    this.writeWindowUpdate(0, this.unreturned);
    this.unreturned = 0;
  }

  protected writeWindowUpdate(stream: number, count: number): void {
    this.out.reserve(frameHeaderBytes + 4);
    this.out.frameHeader(4, frameType.windowUpdate, 0, stream);
    this.out.uint32(count);
    this.dirty();
  }

  protected writeGoaway(lastStream: number, code: number, text: string): void {
    this.options.counts[http2Event.goawaysSent]!++;
    this.out.reserve(frameHeaderBytes + 8 + text.length);
    this.out.frameHeader(8 + text.length, frameType.goaway, 0, 0);
    this.out.uint32(lastStream);
    this.out.uint32(code);
    this.out.text(text);
    this.dirty();
  }

  protected writePing(value: number): void {
    this.out.reserve(frameHeaderBytes + 8);
    this.out.frameHeader(8, frameType.ping, 0, 0);
    this.out.uint32(0);
    this.out.uint32(value);
    this.dirty();
  }

  dirty(): void {
    if (this.sendQueue.blocked && !this.boundUnread()) return;
    if (this.out.length > gatherBytesMax) this.onTurnEnd();
    else if (!this.isDirty) {
      this.isDirty = true;
      this.sink.flushLater(this);
    }
  }

  /** Heads and answers pass by every window: who asks on and reads nothing would make us keep them. */
  private boundUnread(): boolean {
    const { out, limits } = this;
    if (this.unreadFrames + out.frames > limits.outboundFramesMax)
      return this.failUnread(fault.outboundFrames);
    if (this.unreadBytes + out.length > limits.queuedBytesMax) return this.failUnread(fault.queuedBytes);
    return true;
  }

  /** What says why is not held against the peer too. */
  private failUnread(code: number): false {
    this.unreadFrames = Number.NEGATIVE_INFINITY;
    this.unreadBytes = Number.NEGATIVE_INFINITY;
    return this.fail(code);
  }

  /** Everything that this connection has to say leaves in one write. */
  onTurnEnd(): void {
    this.isDirty = false;
    const { out } = this;
    if (out.length === 0 || this.closing) return;
    const writable = this.sink.send(out.bytes, 0, out.length);
    if (!writable) {
      this.sendQueue.blocked = true;
      this.unreadFrames += out.frames;
      this.unreadBytes += out.length;
    }
    out.release();
  }

  drained(): void {
    this.sendQueue.blocked = false;
    this.unreadFrames = 0;
    this.unreadBytes = 0;
    this.guard.read();
    this.sendQueue.pump();
  }

  /** A connection error (RFC 9113 section 5.4.1). Always false, for callers that return whether to go on. */
  protected fail(code: number): false {
    if (this.closing) return false;
    this.options.counts[code]!++;
    this.writeGoaway(this.lastPeerStream, faultCode(code), faultMessage(code));
    this.finish(createFaultError(code, this.side));
    return false;
  }

  private finish(error: MeshError): void {
    this.endNow();
    this.onFailed(error);
    this.failStreams(error);
  }

  /** Ends our half of the connection; nothing more is read. */
  protected endNow(): void {
    if (this.closing) return;
    this.onTurnEnd();
    this.closing = true;
    this.reader.stop();
    this.watch.stop();
    this.sink.end();
  }

  /** The socket is gone. */
  protected abandon(error: MeshError): void {
    this.closing = true;
    this.reader.stop();
    this.out.release();
    this.watch.stop();
    this.failStreams(error);
  }

  get queuedBytes(): number {
    return this.sendQueue.queuedBytes;
  }

  get framesSent(): number {
    return this.sendQueue.framesSent;
  }

  writeKeepalive(): void {
    this.writePing(keepalivePing);
  }

  onSilent(): void {
    this.options.counts[http2Event.keepaliveTimeouts]!++;
    this.finish(new MeshError('peer-closed', this.side, 'if-unsent', 'the peer answered no PING'));
  }

  onStalled(): void {
    this.fail(fault.slowRead);
  }
}

export function uint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
