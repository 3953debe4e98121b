// HTTP/2 frames by hand, right or wrong: for peers that say what no library lets one say. Knows nothing of the codec
// that it is used against.

export const type = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const endStream = 1;
export const ack = 1;
export const endHeaders = 4;
export const padded = 8;

/** RFC 9113 section 7. */
export const codeNames: readonly string[] = [
  'no error',
  'protocol error',
  'internal error',
  'flow control error',
  'settings timeout',
  'stream closed',
  'frame size error',
  'refused stream',
  'cancel',
  'compression error',
  'connect error',
  'enhance your calm',
];

type Bytes = Uint8Array | readonly number[];

export function frame(kind: number, flags: number, stream: number, payload: Bytes = []): Buffer {
  const bytes = Buffer.alloc(9 + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = kind;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, 9);
  return bytes;
}

export function uint32(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** Pairs of a name and a value as literals that enter no table, without Huffman code; lengths below 2^14. */
export function block(...lines: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(lines.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const rest = bytes.length - 127;
  return Buffer.concat([Buffer.of(127, (rest & 127) | 128, rest >> 7), bytes]);
}

export function headers(stream: number, flags: number, fields: Bytes): Buffer {
  return frame(type.headers, flags, stream, fields);
}

export function data(stream: number, body: string, flags = 0): Buffer {
  return frame(type.data, flags, stream, Buffer.from(body, 'latin1'));
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  return frame(
    type.settings,
    0,
    0,
    pairs.flatMap(([id, value]) => [id >> 8, id & 255, ...uint32(value)]),
  );
}

export function windowUpdate(stream: number, count: number): Buffer {
  return frame(type.windowUpdate, 0, stream, uint32(count));
}

export function reset(stream: number, code: number): Buffer {
  return frame(type.rstStream, 0, stream, uint32(code));
}

export function goaway(last: number, code: number): Buffer {
  return frame(type.goaway, 0, 0, [...uint32(last), ...uint32(code)]);
}

export const ping = frame(type.ping, 0, 0, new Uint8Array(8));

export interface SeenFrame {
  readonly kind: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Frames of a byte stream, cut anywhere. */
export class FrameSplitter {
  private rest: Buffer = Buffer.alloc(0);

  *take(bytes: Uint8Array): Generator<SeenFrame> {
    this.rest = Buffer.concat([this.rest, bytes]);
    for (;;) {
      if (this.rest.length < 9) return;
      const end = 9 + this.rest.readUIntBE(0, 3);
      if (this.rest.length < end) return;
      const one = this.rest.subarray(0, end);
      this.rest = this.rest.subarray(end);
      yield {
        kind: one[3]!,
        flags: one[4]!,
        stream: one.readUInt32BE(5) & 0x7fffffff,
        payload: one.subarray(9),
      };
    }
  }
}
