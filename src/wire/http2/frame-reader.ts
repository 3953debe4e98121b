// Bytes to frames (RFC 9113 section 4.1), cut anywhere. A frame that came whole is read where it lies; one that was cut
// is gathered first, but for the bytes of plain DATA, which are handed on as they come.

import { flag, frameHeaderBytes, frameType } from './constants.ts';

export interface FrameSink {
  /** A whole frame. False: nothing more is read. */
  onFrame(
    type: number,
    flags: number,
    stream: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean;
  /** The header of a DATA frame without padding. False: nothing more is read. */
  onDataFrame(flags: number, stream: number, length: number): boolean;
  /** Its bytes, in any number of pieces. `last`: the frame is over; for an empty frame it comes without bytes. */
  onDataBytes(bytes: Uint8Array, start: number, end: number, last: boolean): boolean;
  /** A frame announces more than it may have, before any of it is kept. */
  onFrameTooLong(): void;
}

const nothing = new Uint8Array(0);

/** A larger buffer is given back when its frame is read. */
const heldBytesKept = 1024;

export class FrameReader {
  private readonly sink: FrameSink;
  private readonly frameBytesMax: number;
  /** A cut frame: what there is of it, header included. */
  private held: Uint8Array = nothing;
  private heldLength = 0;
  /** Bytes of a DATA frame that have not come yet. */
  private dataLeft = 0;
  private stopped = false;

  constructor(sink: FrameSink, frameBytesMax: number) {
    this.sink = sink;
    this.frameBytesMax = frameBytesMax;
  }

  /** A frame began and did not end. */
  get isCut(): boolean {
    return this.heldLength > 0;
  }

  stop(): void {
    this.stopped = true;
    this.held = nothing;
    this.heldLength = 0;
  }

  read(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (at < end && !this.stopped) {
      if (this.dataLeft > 0) at = this.readData(bytes, at, end);
      else if (this.heldLength > 0) at = this.readHeld(bytes, at, end);
      else if (end - at < frameHeaderBytes) at = this.hold(bytes, at, end);
      else at = this.readFrame(bytes, at, end);
    }
  }

  private readFrame(bytes: Uint8Array, at: number, end: number): number {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    if (length > this.frameBytesMax) {
      this.stop();
      this.sink.onFrameTooLong();
      return end;
    }
    const bodyStart = at + frameHeaderBytes;
    const type = bytes[at + 3]!;
    const flags = bytes[at + 4]!;
    if (type === frameType.data && (flags & flag.padded) === 0) {
      return this.startData(flags, streamOf(bytes, at), length) ? bodyStart : end;
    }
    if (end - bodyStart < length) return this.hold(bytes, at, end);
    const after = bodyStart + length;
    if (!this.sink.onFrame(type, flags, streamOf(bytes, at), bytes, bodyStart, after)) this.stop();
    return after;
  }

  private startData(flags: number, stream: number, length: number): boolean {
    this.dataLeft = length;
    let goesOn = this.sink.onDataFrame(flags, stream, length);
    if (goesOn && length === 0) goesOn = this.sink.onDataBytes(this.held, 0, 0, true);
    if (!goesOn) this.stop();
    return goesOn;
  }

  private readData(bytes: Uint8Array, at: number, end: number): number {
    const dataEnd = Math.min(at + this.dataLeft, end);
    this.dataLeft -= dataEnd - at;
    if (!this.sink.onDataBytes(bytes, at, dataEnd, this.dataLeft === 0)) this.stop();
    return dataEnd;
  }

  /** Keeps what there is of a frame; it is cut, so everything up to `end` is its. */
  private hold(bytes: Uint8Array, at: number, end: number): number {
    this.keep(bytes, at, end);
    return end;
  }

  /** Completes the header first, then the frame. */
  private readHeld(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    if (this.heldLength < frameHeaderBytes) {
      const headerEnd = Math.min(at + frameHeaderBytes - this.heldLength, end);
      this.keep(bytes, at, headerEnd);
      at = headerEnd;
      if (this.heldLength < frameHeaderBytes) return end;
      if (this.takesHeldHeader()) return at;
    }
    const whole = frameHeaderBytes + this.heldFrameLength();
    const frameEnd = Math.min(at + whole - this.heldLength, end);
    this.keep(bytes, at, frameEnd);
    if (this.heldLength < whole) return frameEnd;
    this.heldLength = 0;
    const { held } = this;
    if (!this.sink.onFrame(held[3]!, held[4]!, streamOf(held, 0), held, frameHeaderBytes, whole)) this.stop();
    if (held.length > heldBytesKept) this.held = nothing;
    return frameEnd;
  }

  private heldFrameLength(): number {
    const { held } = this;
    return (held[0]! << 16) | (held[1]! << 8) | held[2]!;
  }

  /** A completed header of plain DATA, or of a frame that is too long, needs no more bytes. */
  private takesHeldHeader(): boolean {
    const { held } = this;
    const length = this.heldFrameLength();
    const plainData = held[3] === frameType.data && (held[4]! & flag.padded) === 0;
    if (length <= this.frameBytesMax && !plainData) return false;
    this.heldLength = 0;
    if (length > this.frameBytesMax) {
      this.stop();
      this.sink.onFrameTooLong();
    } else this.startData(held[4]!, streamOf(held, 0), length);
    return true;
  }

  private keep(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.heldLength + end - start;
    if (needed > this.held.length) {
      const grown = new Uint8Array(
        Math.max(needed, 64, Math.min(this.held.length * 2, this.frameBytesMax + frameHeaderBytes)),
      );
      grown.set(this.held.subarray(0, this.heldLength));
      this.held = grown;
    }
    this.held.set(bytes.subarray(start, end), this.heldLength);
    this.heldLength = needed;
  }
}

function streamOf(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 5]! & 0x7f) << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!;
}
