// HeadReader: takes received bytes until a head or trailer section is complete. A head that arrives in one packet is
// read where it lies; only one that is split over packets is gathered in a buffer of the connection.

import { type Cursor, complete, failed, type HeadKind, needMore, phase } from './cursor.ts';
import { fault } from './errors.ts';
import { removeNominated, validateRequest, validateResponse } from './framing.ts';
import { FramedHead, ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
import { latin1Slice } from './latin1.ts';
import type { Http1Limits } from './limits.ts';
import { parseFields } from './parse-fields.ts';
import { parseRequestLine, parseStatusLine } from './parse-start.ts';
import type { ReceivedHead } from './received-head.ts';

/** Returned by {@link HeadReader.read}: all bytes were taken and the head is not complete. */
export const readMore = -1;
/** The head is refused; `reader.fault` says why. */
export const readFault = -2;

const heldBytesAtStart = 1024;
/** A larger buffer is given back after its head, so that one long head does not cost the connection for life. */
const heldBytesKept = 4 * 1024;

export class HeadReader implements Cursor {
  readonly kind: HeadKind;
  readonly limits: Http1Limits;
  readonly bytesMax: number;
  fields: ReceivedHead;
  framed: FramedHead | null = null;
  request: ReceivedRequestHead | null = null;
  response: ReceivedResponseHead | null = null;
  phase = 0;
  fault: number = fault.none;
  position = 0;
  lineStart = 0;
  nameEnd = 0;
  valueStart = 0;
  private held: Uint8Array | null = null;
  private heldCount = 0;

  constructor(kind: HeadKind, head: ReceivedHead, limits: Http1Limits) {
    this.kind = kind;
    this.limits = limits;
    this.bytesMax = kind === 'trailers' ? limits.trailerBytesMax : limits.headBytesMax;
    this.fields = head;
    this.begin(head);
  }

  /** Starts a new head, into `head`, which the caller has reset. */
  begin(head: ReceivedHead): void {
    this.fields = head;
    this.framed = head instanceof FramedHead ? head : null;
    this.request = head instanceof ReceivedRequestHead ? head : null;
    this.response = head instanceof ReceivedResponseHead ? head : null;
    this.restart();
  }

  /** Starts a new head into the same object. */
  restart(): void {
    this.phase = this.firstPhase();
    this.fault = fault.none;
    this.position = 0;
    this.heldCount = 0;
    if (this.held !== null && this.held.length > heldBytesKept) this.held = null;
  }

  /** Bytes of an unfinished head were taken. */
  get started(): boolean {
    return this.heldCount > 0;
  }

  /** Reads from `bytes[start, end)`. Returns the index after the head, {@link readMore} or {@link readFault}. */
  read(bytes: Uint8Array, start: number, end: number): number {
    if (this.heldCount > 0) return this.readHeld(bytes, start, end);
    const outcome = this.parse(bytes, start, end);
    if (outcome === complete) return this.finish(bytes, start) ? start + this.position : readFault;
    if (outcome === failed) return readFault;
    this.hold(bytes, start, end);
    return readMore;
  }

  private readHeld(bytes: Uint8Array, start: number, end: number): number {
    const heldBefore = this.heldCount;
    const taken = Math.min(end - start, this.bytesMax - heldBefore);
    this.hold(bytes, start, start + taken);
    const outcome = this.parse(this.held!, 0, this.heldCount);
    if (outcome === needMore) return readMore;
    if (outcome === failed || !this.finish(this.held!, 0)) return readFault;
    return start + this.position - heldBefore;
  }

  private parse(bytes: Uint8Array, base: number, received: number): number {
    const end = Math.min(received, base + this.bytesMax);
    if (this.phase < phase.lineStart) {
      const outcome =
        this.request !== null
          ? parseRequestLine(this, this.request, bytes, base, end)
          : parseStatusLine(this, this.response!, bytes, base, end);
      if (outcome !== complete) return this.checkLength(outcome);
    }
    return this.checkLength(parseFields(this, bytes, base, end));
  }

  private checkLength(outcome: number): number {
    if (outcome !== needMore || this.position < this.bytesMax) return outcome;
    if (this.kind === 'trailers') this.fault = fault.trailerTooLong;
    else this.fault = this.phase === phase.target ? fault.targetTooLong : fault.headTooLong;
    return failed;
  }

  private finish(bytes: Uint8Array, base: number): boolean {
    this.fields.text = latin1Slice(bytes, base, base + this.position);
    if (this.request !== null) this.fault = validateRequest(this.request, this.limits);
    else if (this.response !== null) this.fault = validateResponse(this.response, this.limits);
    if (this.fault !== fault.none) return false;
    if (this.framed?.nominates) removeNominated(this.framed);
    return true;
  }

  private hold(bytes: Uint8Array, start: number, end: number): void {
    const needed = this.heldCount + end - start;
    if (this.held === null || this.held.length < needed) {
      const grown = new Uint8Array(Math.min(this.bytesMax, Math.max(needed * 2, heldBytesAtStart)));
      if (this.held !== null) grown.set(this.held.subarray(0, this.heldCount));
      this.held = grown;
    }
    this.held.set(bytes.subarray(start, end), this.heldCount);
    this.heldCount = needed;
  }

  private firstPhase(): number {
    if (this.kind === 'request') return phase.method;
    return this.kind === 'response' ? phase.statusVersion : phase.lineStart;
  }
}
