// The chunked coding (RFC 9112 section 7.1) as a cursor machine: it walks over received bytes and points at the data in
// them. Extensions are checked and dropped, trailers are read as a head; nothing is forwarded as it was framed.

import { fault } from './errors.ts';
import type { Http1Limits } from './limits.ts';
import { HeadReader, readFault, readMore } from './reader.ts';
import { ReceivedHead } from './received-head.ts';
import { CR, HTAB, hexTable, LF, SP, tokenTable, valueTable } from './tables.ts';
import { dropForbiddenTrailers } from './trailers.ts';

/** Results of {@link ChunkedDecoder.next}. */
export const chunkMore = 0;
/** `dataStart` and `dataEnd` say where body bytes lie; call again with `position`. */
export const chunkData = 1;
/** The message is over at `position`; `trailers` has what came after it. */
export const chunkEnd = 2;
export const chunkFault = 3;

const state = {
  firstDigit: 0,
  size: 1,
  /** After BWS behind the size, a name or a value: only ";" (or "=" behind a name) may follow. */
  afterSize: 2,
  extensionName: 3,
  extensionNameMore: 4,
  afterName: 5,
  extensionValue: 6,
  extensionValueMore: 7,
  quoted: 8,
  quotedEscape: 9,
  quotedEnd: 10,
  afterValue: 11,
  sizeLf: 12,
  data: 13,
  dataCr: 14,
  dataLf: 15,
  trailerStart: 16,
  finalLf: 17,
  trailers: 18,
} as const;

const semicolon = 59;
const equals = 61;
const quote = 34;
const backslash = 92;

export class ChunkedDecoder {
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  fault: number = fault.none;
  /** Trailers that are fit to be passed on; null when there were none. Valid until {@link reset}. */
  trailers: ReceivedHead | null = null;
  private readonly limits: Http1Limits;
  /**
   * White space between a size and its line's end is dropped: old servers pad sizes, and no reader can take it for
   * anything else.
   */
  private readonly padded: boolean;
  private state: number = state.firstDigit;
  private remaining = 0;
  private lineBytes = 0;
  private extensionBytes = 0;
  private bodyBytes = 0;
  private reader: HeadReader | null = null;

  /** `padded`: for responses, whose sender cannot gain by it. Of a request it stays a fault (RFC 9112 section 7.1). */
  constructor(limits: Http1Limits, padded: boolean) {
    this.limits = limits;
    this.padded = padded;
  }

  /** Makes ready for the next message. */
  reset(): void {
    this.fault = fault.none;
    this.state = state.firstDigit;
    this.remaining = 0;
    this.lineBytes = 0;
    this.extensionBytes = 0;
    this.bodyBytes = 0;
    this.trailers = null;
  }

  /** Goes on with `bytes[start, end)`. */
  next(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at < end) {
      if (this.state === state.data) return this.nextData(at, end);
      if (this.state === state.trailers) return this.nextTrailers(bytes, at, end);
      const byte = bytes[at]!;
      if (this.state === state.trailerStart && byte !== CR) {
        this.beginTrailers();
        continue;
      }
      at++;
      if (this.state === state.finalLf) {
        if (byte !== LF) return this.fail(fault.lineEnding);
        this.position = at;
        return chunkEnd;
      }
      const code = this.step(byte);
      if (code !== fault.none) return this.fail(code);
    }
    this.position = at;
    return chunkMore;
  }

  private nextData(start: number, end: number): number {
    const taken = Math.min(this.remaining, end - start);
    this.remaining -= taken;
    this.dataStart = start;
    this.dataEnd = start + taken;
    this.position = start + taken;
    if (this.remaining === 0) this.state = state.dataCr;
    return chunkData;
  }

  /** One byte of framing. Returns a fault or `fault.none`. */
  private step(byte: number): number {
    switch (this.state) {
      case state.dataCr:
        this.state = state.dataLf;
        return byte === CR ? fault.none : fault.chunkEnding;
      case state.dataLf:
        this.state = state.firstDigit;
        return byte === LF ? fault.none : fault.chunkEnding;
      case state.trailerStart:
        this.state = state.finalLf;
        return fault.none;
      case state.sizeLf:
        return byte === LF ? this.sizeDone() : fault.lineEnding;
      default:
        return this.stepSizeLine(byte);
    }
  }

  private stepSizeLine(byte: number): number {
    if (++this.lineBytes > this.limits.chunkLineBytesMax) return fault.chunkLineTooLong;
    if (this.state > state.size) return this.stepExtension(byte);
    const digit = hexTable[byte]!;
    if (digit !== 255) {
      this.remaining = this.remaining * 16 + digit;
      this.state = state.size;
      return this.remaining <= Number.MAX_SAFE_INTEGER ? fault.none : fault.chunkSize;
    }
    if (this.state === state.firstDigit) return fault.chunkSize;
    this.state = this.afterToken(byte, state.afterSize);
    return this.state === state.firstDigit ? fault.chunkSize : fault.none;
  }

  private stepExtension(byte: number): number {
    if (++this.extensionBytes > this.limits.chunkExtensionBytesMax) return fault.chunkExtensionsTooLong;
    const next = this.nextExtensionState(byte);
    // The first state stands for "not allowed here": no extension byte leads back to it.
    if (next === state.firstDigit)
      return byte === LF || byte === CR ? fault.lineEnding : fault.chunkExtension;
    this.state = next;
    return fault.none;
  }

  /** chunk-ext = *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] ) */
  private nextExtensionState(byte: number): number {
    const space = byte === SP || byte === HTAB;
    switch (this.state) {
      case state.afterSize:
        if (byte === CR && this.padded) return state.sizeLf;
        if (space) return this.state;
        return byte === semicolon ? state.extensionName : state.firstDigit;
      case state.afterValue:
        if (space) return this.state;
        return byte === semicolon ? state.extensionName : state.firstDigit;
      case state.extensionName:
        if (space) return state.extensionName;
        return tokenTable[byte] !== 0 ? state.extensionNameMore : state.firstDigit;
      case state.extensionNameMore:
        if (tokenTable[byte] !== 0) return state.extensionNameMore;
        return byte === equals ? state.extensionValue : this.afterToken(byte, state.afterName);
      case state.afterName:
        if (space) return state.afterName;
        if (byte === equals) return state.extensionValue;
        return byte === semicolon ? state.extensionName : state.firstDigit;
      case state.extensionValue:
        if (space) return state.extensionValue;
        if (byte === quote) return state.quoted;
        return tokenTable[byte] !== 0 ? state.extensionValueMore : state.firstDigit;
      case state.extensionValueMore:
        if (tokenTable[byte] !== 0) return state.extensionValueMore;
        return this.afterToken(byte, state.afterValue);
      case state.quoted:
        if (byte === quote) return state.quotedEnd;
        if (byte === backslash) return state.quotedEscape;
        return valueTable[byte] !== 0 ? state.quoted : state.firstDigit;
      case state.quotedEnd:
        return this.afterToken(byte, state.afterValue);
      default:
        return valueTable[byte] !== 0 ? state.quoted : state.firstDigit;
    }
  }

  private afterToken(byte: number, spaceState: number): number {
    if (byte === CR) return state.sizeLf;
    if (byte === semicolon) return state.extensionName;
    return byte === SP || byte === HTAB ? spaceState : state.firstDigit;
  }

  private sizeDone(): number {
    this.lineBytes = 0;
    this.bodyBytes += this.remaining;
    if (this.bodyBytes > this.limits.bodyBytesMax) return fault.bodyTooLong;
    this.state = this.remaining === 0 ? state.trailerStart : state.data;
    return fault.none;
  }

  private beginTrailers(): void {
    this.state = state.trailers;
    if (this.reader === null) {
      this.reader = new HeadReader('trailers', new ReceivedHead(), this.limits);
    } else {
      this.reader.fields.reset();
      this.reader.restart();
    }
  }

  private nextTrailers(bytes: Uint8Array, start: number, end: number): number {
    const reader = this.reader!;
    const after = reader.read(bytes, start, end);
    if (after === readFault) return this.fail(reader.fault);
    this.position = after === readMore ? end : after;
    if (after === readMore) return chunkMore;
    dropForbiddenTrailers(reader.fields);
    this.trailers = reader.fields;
    return chunkEnd;
  }

  private fail(code: number): number {
    this.fault = code;
    return chunkFault;
  }
}
