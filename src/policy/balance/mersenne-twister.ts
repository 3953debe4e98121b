// MT19937 (Matsumoto and Nishimura, 1998), which C++ calls std::mt19937: what Envoy seeds with a key's hash, drawn as
// Envoy draws.

const size = 624;
const middle = 397;

export class MersenneTwister {
  private readonly state = new Uint32Array(size);
  private at = size;

  constructor(seed: number) {
    const state = this.state;
    state[0] = seed;
    for (let index = 1; index < size; index++) {
      const before = state[index - 1]! ^ (state[index - 1]! >>> 30);
      state[index] = Math.imul(1_812_433_253, before) + index;
    }
  }

  uint32(): number {
    if (this.at === size) this.twist();
    let value = this.state[this.at++]!;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c_5680;
    value ^= (value << 15) & 0xefc6_0000;
    return (value ^ (value >>> 18)) >>> 0;
  }

  /** Evenly below `limit`, which is at least 1. */
  below(limit: number): number {
    const width = Math.floor(2 ** 32 / limit);
    for (;;) {
      const drawn = Math.floor(this.uint32() / width);
      if (drawn < limit) return drawn;
    }
  }

  private twist(): void {
    const state = this.state;
    for (let index = 0; index < size; index++) {
      const mixed = (state[index]! & 0x8000_0000) | (state[(index + 1) % size]! & 0x7fff_ffff);
      state[index] = state[(index + middle) % size]! ^ (mixed >>> 1) ^ ((mixed & 1) === 0 ? 0 : 0x9908_b0df);
    }
    this.at = 0;
  }
}
