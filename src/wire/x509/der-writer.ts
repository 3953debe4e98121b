// As much DER (X.690) as certificates need to be written.

export type Der = Uint8Array;

export function tag(number: number, ...parts: readonly Uint8Array[]): Der {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(number), length(body.length), body]);
}

export const sequence = (...parts: readonly Uint8Array[]): Der => tag(0x30, ...parts);
export const set = (...parts: readonly Uint8Array[]): Der => tag(0x31, ...parts);
export const octets = (bytes: Uint8Array): Der => tag(0x04, bytes);
export const bits = (bytes: Uint8Array): Der => tag(0x03, Buffer.of(0), bytes);
export const text = (value: string): Der => tag(0x0c, Buffer.from(value));
export const boolean = (value: boolean): Der => tag(0x01, Buffer.of(value ? 255 : 0));
export const time = (ms: number): Der =>
  tag(0x18, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]|\..*/g, '')}Z`));

/** Of up to 31 bits, or the bytes of one whose first is 1 to 127. */
export function integer(value: number | Uint8Array): Der {
  if (typeof value !== 'number') return tag(0x02, value);
  return value < 128
    ? tag(0x02, Buffer.of(value))
    : tag(0x02, Buffer.from(`00${value.toString(16).padStart(8, '0')}`, 'hex'));
}

export function objectId(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return tag(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 127];
  for (let left = value >> 7; left > 0; left >>= 7) bytes.unshift((left & 127) | 128);
  return bytes;
}

function length(count: number): Buffer {
  if (count < 128) return Buffer.of(count);
  return count < 256 ? Buffer.of(0x81, count) : Buffer.of(0x82, count >> 8, count & 255);
}
