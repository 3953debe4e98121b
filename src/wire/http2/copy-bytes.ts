// Received bytes are the runtime's Buffers, whose own `slice` is a view: what is kept beyond the call has to be copied
// in so many words.

export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copy.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end));
  return copy;
}
