// Heads and trailers out: field blocks in HEADERS, cut into CONTINUATION where they are long. Fields of one HTTP/1 hop
// are left out here and nowhere else (RFC 9113 section 8.2.2).

import { assert } from '../../base/index.ts';
import { type Head, headerId, headerNames, type RequestHead, type ResponseHead } from '../head.ts';
import { assertFieldName, assertTargetText } from '../http1/assert-text.ts';
import { unknownName } from '../http1/names.ts';
import { lineStride, ReceivedHead } from '../http1/received-head.ts';
import { flag, frameHeaderBytes, frameType } from './constants.ts';
import { Http2Head } from './head.ts';
import type { HpackEncoder } from './hpack/encoder.ts';
import { type Field, isPseudo, pseudo, removedField } from './hpack/field.ts';
import { knownField, madeField } from './hpack/made-field.ts';
import type { OutBuffer } from './out-buffer.ts';

/** HEADERS of one connection, one behind another: they share the peer's table. */
export class HeadWriter {
  private readonly out: OutBuffer;
  private readonly encoder: HpackEncoder;

  constructor(out: OutBuffer, encoder: HpackEncoder) {
    this.out = out;
    this.encoder = encoder;
  }

  /** `scheme` is what this connection speaks, for heads that do not say. */
  request(
    stream: number,
    head: RequestHead,
    endStream: boolean,
    scheme: string,
    frameBytesMax: number,
  ): void {
    const start = this.begin();
    const { encoder, out } = this;
    if (head.upgrade !== '') this.tunnelRequest(head, scheme);
    else if (head instanceof Http2Head) this.receivedRequest(head, scheme);
    else {
      assertFieldName(head.method.toLowerCase());
      assertTargetText(head.path);
      assertTargetText(head.authority);
      assert(head.path !== '', 'a request has a path');
      encoder.line(out, ':method', head.method);
      encoder.line(out, ':scheme', head.scheme === '' ? scheme : head.scheme);
      encoder.line(out, ':authority', head.authority);
      encoder.line(out, ':path', head.path);
    }
    this.fields(head);
    this.finish(start, stream, endStream, frameBytesMax);
  }

  response(
    stream: number,
    head: ResponseHead,
    endStream: boolean,
    frameBytesMax: number,
    status = head.status,
  ): void {
    const start = this.begin();
    this.encoder.field(this.out, statusField(status));
    this.fields(head);
    this.finish(start, stream, endStream, frameBytesMax);
  }

  trailers(stream: number, trailers: Head, frameBytesMax: number): void {
    const start = this.begin();
    this.fields(trailers);
    this.finish(start, stream, true, frameBytesMax);
  }

  private begin(): number {
    const { out } = this;
    const start = out.length;
    out.reserve(frameHeaderBytes);
    out.length += frameHeaderBytes;
    this.encoder.begin(out);
    return start;
  }

  private receivedRequest(head: Http2Head, scheme: string): void {
    this.pseudo(head.pseudoField(pseudo.method), ':method', head.method);
    this.pseudo(head.pseudoField(pseudo.scheme), ':scheme', head.scheme === '' ? scheme : head.scheme);
    this.pseudo(head.pseudoField(pseudo.authority), ':authority', head.authority);
    this.pseudo(head.pseudoField(pseudo.path), ':path', head.path);
  }

  /** CONNECT, extended where it asks for a protocol (RFC 8441 section 4): what was a GET with Upgrade in HTTP/1.1. */
  private tunnelRequest(head: RequestHead, scheme: string): void {
    const { encoder, out } = this;
    assertTargetText(head.authority);
    encoder.line(out, ':method', 'CONNECT');
    if (head.upgrade !== 'CONNECT') {
      assertTargetText(head.path);
      assertTargetText(head.upgrade);
      encoder.line(out, ':protocol', head.upgrade.toLowerCase());
      encoder.line(out, ':scheme', head.scheme === '' ? scheme : head.scheme);
      encoder.line(out, ':path', head.path);
    }
    encoder.line(out, ':authority', head.authority);
  }

  private pseudo(received: Field | null, name: string, value: string): void {
    if (received !== null) this.encoder.field(this.out, received);
    else this.encoder.line(this.out, name, value);
  }

  private fields(head: Head): void {
    if (head instanceof Http2Head) this.receivedFields(head);
    else if (head instanceof ReceivedHead) this.http1Fields(head);
    else this.plainFields(head);
  }

  private receivedFields(head: Http2Head): void {
    const { encoder, out } = this;
    const { fields } = head;
    for (let index = 0; index < fields.length; index++) {
      const field = fields[index]!;
      if (field === removedField || isHopField(field)) continue;
      encoder.field(out, field);
    }
  }

  private http1Fields(head: ReceivedHead): void {
    const { encoder, out } = this;
    const { count, lineCount, lines, text } = head;
    for (let index = 0; index < count; index++) {
      if (head.isRemoved(index)) continue;
      const id = head.idAt(index);
      if (isHopId(id)) continue;
      const at = index * lineStride;
      const field =
        index < lineCount && id < headerNames.length
          ? knownField(id, text, lines[at + 2]!, lines[at + 3]!)
          : madeField(head.nameAt(index), head.valueAt(index));
      if (id !== headerId.te || !isHopField(field)) encoder.field(out, field);
    }
  }

  private plainFields(head: Head): void {
    const { encoder, out } = this;
    const { count } = head;
    for (let index = 0; index < count; index++) {
      if (head.isRemoved(index)) continue;
      const field = madeField(head.nameAt(index), head.valueAt(index));
      if (!isHopField(field)) encoder.field(out, field);
    }
  }

  /** Writes the frame header that was left open; a long block is cut into frames from its end on. */
  private finish(start: number, stream: number, endStream: boolean, frameBytesMax: number): void {
    const { out } = this;
    const blockStart = start + frameHeaderBytes;
    const length = out.length - blockStart;
    const ends = endStream ? flag.endStream : 0;
    const pieces = Math.max(Math.ceil(length / frameBytesMax), 1);
    const end = out.length;
    if (pieces > 1) {
      out.reserve((pieces - 1) * frameHeaderBytes);
      for (let piece = pieces - 1; piece > 0; piece--) {
        const from = blockStart + piece * frameBytesMax;
        const to = Math.min(from + frameBytesMax, end);
        out.bytes.copyWithin(from + piece * frameHeaderBytes, from, to);
        out.length = from + (piece - 1) * frameHeaderBytes;
        out.frameHeader(
          to - from,
          frameType.continuation,
          piece === pieces - 1 ? flag.endHeaders : 0,
          stream,
        );
      }
    }
    out.length = start;
    const flags = pieces > 1 ? ends : ends | flag.endHeaders;
    out.frameHeader(Math.min(length, frameBytesMax), frameType.headers, flags, stream);
    out.length = end + (pieces - 1) * frameHeaderBytes;
  }
}

/** Whatever its value. */
function isHopId(id: number): boolean {
  return (
    id <= headerId.upgrade &&
    id !== headerId.te &&
    id !== headerId['content-length'] &&
    id !== headerId.trailer
  );
}

/** RFC 9113 section 8.2.2; Host goes as `:authority`. */
function isHopField(field: Field): boolean {
  const { id } = field;
  if (id > headerId.upgrade) return id !== unknownName && isPseudo(id);
  if (id === headerId.te) return field.value !== 'trailers';
  return id !== headerId['content-length'] && id !== headerId.trailer;
}

const statusFields: (Field | undefined)[] = [];

function statusField(status: number): Field {
  let field = statusFields[status];
  if (field === undefined) {
    assert(status >= 100 && status < 600 && status !== 101, 'a status that HTTP/2 can say');
    field = madeField(':status', `${status}`);
    field.uses = 2;
    statusFields[status] = field;
  }
  return field;
}
