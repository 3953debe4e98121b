// Bytes to text, one code unit a byte. Received bytes are Buffers at run time and their own `latin1Slice` is a plain
// copy into a one-byte string; this layer only assumes bytes, so the method is borrowed where the runtime has it and
// spelled out where it has not.

interface Latin1Source {
  latin1Slice(start: number, end: number): string;
}

const borrowed = (globalThis as { Buffer?: { prototype: Latin1Source } }).Buffer?.prototype.latin1Slice;

/** Text of `bytes[start, end)`. */
export const latin1Slice: (bytes: Uint8Array, start: number, end: number) => string =
  borrowed === undefined ? latin1SlicePlain : (bytes, start, end) => borrowed.call(bytes, start, end);

/** The same without help of the runtime: the oracle, and the fallback. */
export function latin1SlicePlain(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let index = start; index < end; index++) text += String.fromCharCode(bytes[index]!);
  return text;
}
