// The bodies of gRPC-Web (github.com/grpc/grpc, doc/PROTOCOL-WEB.md): those of gRPC, with the trailers as a last frame,
// and as base64 where a client cannot read bytes.

import type { Head } from '../../../wire/index.ts';
import { type BodyTransform, grpcUnknown, TransformError } from '../../exchange/index.ts';

const none = new Uint8Array(0);
const trailersFlag = 0x80;

/** Of a request, as base64. Pieces may end anywhere, and each quantum of four may be padded. */
export class TextDecoding implements BodyTransform {
  private rest = '';

  write(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const text = this.rest + latin1(bytes.subarray(start, end));
    const whole = text.length - (text.length % 4);
    this.rest = text.slice(whole);
    return decode(text.slice(0, whole));
  }

  end(): Uint8Array {
    if (this.rest !== '') throw new TransformError('Bad gRPC-web request, invalid base64 data.');
    return none;
  }

  close(): void {}
}

/** Of an answer: its messages as they come, then its trailers. */
export class WebAnswer implements BodyTransform {
  readonly takesTrailers = true;
  private readonly text: boolean;
  /** grpc-status that is said where the answer is no gRPC; its body is nobody's message. Null: it is. */
  private readonly foreign: Head | null;

  constructor(text: boolean, foreign: Head | null) {
    this.text = text;
    this.foreign = foreign;
  }

  write(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return this.foreign === null ? this.encode(bytes.subarray(start, end)) : none;
  }

  end(trailers: Head | null): Uint8Array {
    return this.encode(trailersFrame(this.foreign ?? trailers));
  }

  close(): void {}

  /** Padded at its end, so that what is here can be read now. */
  private encode(bytes: Uint8Array): Uint8Array {
    if (!this.text || bytes.length === 0) return bytes;
    return Buffer.from(bytes.toBase64(), 'latin1');
  }
}

function trailersFrame(trailers: Head | null): Uint8Array {
  let text = '';
  for (let index = 0; index < (trailers?.count ?? 0); index++) {
    if (trailers!.isRemoved(index)) continue;
    text += `${trailers!.nameAt(index)}:${trailers!.valueAt(index)}\r\n`;
  }
  if (text === '') text = `grpc-status:${grpcUnknown}\r\n`;
  const frame = new Uint8Array(5 + text.length);
  frame[0] = trailersFlag;
  new DataView(frame.buffer).setUint32(1, text.length);
  Buffer.from(text, 'latin1').copy(frame, 5);
  return frame;
}

function decode(text: string): Uint8Array {
  if (!/^(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)*$/.test(text))
    throw new TransformError('Bad gRPC-web request, invalid base64 data.');
  // Decoders stop at padding; here more may follow it.
  return Buffer.concat(
    text.split(/(?<==)(?!=)/).map((part) => (part === '' ? none : Uint8Array.fromBase64(part))),
  );
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
