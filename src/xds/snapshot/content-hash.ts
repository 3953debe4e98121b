// A 128-bit hash of bytes as text: the version of a resource. Equal content has equal versions on every replica of the
// control plane, so a client that moves between them is sent nothing it has. Not a defence against forged content: both
// sides trust the writer.

const primes = [0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1] as const;
const seeds = [0x9747b28c, 0x3c6ef372, 0xdaa66d2b, 0x78dde6e4] as const;

export class ContentHash {
  private a: number = seeds[0];
  private b: number = seeds[1];
  private c: number = seeds[2];
  private d: number = seeds[3];
  private length = 0;

  add(bytes: Uint8Array): void {
    let { a, b, c, d } = this;
    for (let i = 0; i < bytes.length; i++) {
      const byte = bytes[i]!;
      a = Math.imul(a ^ byte, primes[0]);
      b = Math.imul(b ^ byte, primes[1]);
      c = Math.imul(c ^ (a >>> 15) ^ byte, primes[2]);
      d = Math.imul(d ^ (b >>> 13) ^ byte, primes[3]);
    }
    this.a = a;
    this.b = b;
    this.c = c;
    this.d = d;
    this.length += bytes.length;
  }

  /** Adds text with its length, so that `ab`+`c` and `a`+`bc` differ. */
  addText(text: string): void {
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      this.a = Math.imul(this.a ^ code, primes[0]);
      this.b = Math.imul(this.b ^ code, primes[1]);
      this.c = Math.imul(this.c ^ (this.a >>> 15) ^ code, primes[2]);
      this.d = Math.imul(this.d ^ (this.b >>> 13) ^ code, primes[3]);
    }
    this.a = Math.imul(this.a ^ text.length, primes[2]);
    this.c = Math.imul(this.c ^ text.length, primes[0]);
    this.length += text.length;
  }

  /** 32 hexadecimal digits. */
  toString(): string {
    const lanes = [this.a ^ this.length, this.b ^ this.a, this.c ^ this.b, this.d ^ this.c];
    return lanes.map((lane) => mix(lane).toString(16).padStart(8, '0')).join('');
  }
}

/** Spreads a lane's last byte over all its bits (the finalizer of MurmurHash3). */
function mix(lane: number): number {
  let value = lane ^ (lane >>> 16);
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

export function hashContent(bytes: Uint8Array): string {
  const hash = new ContentHash();
  hash.add(bytes);
  return hash.toString();
}
