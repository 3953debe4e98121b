// Memory that the threads of one proxy count in: blocks of 32-bit words, found by name. Each thread that has use for
// a name acquires its block and releases it again; the last release gives the memory back, so what a control plane
// sends and takes away does not add up. Acquiring takes a lock and belongs to changes of the configuration; the words
// themselves are counted in without one.
//
// Layout in words: 0 the lock; 1 where memory nobody had yet begins; 2 blocks in use; then the free lists, one a size
// class; then the chains of a hash table; then blocks. A block: next of its chain or free list, two words of its
// name's hash, users, size class, unused; then its data.

import { assert } from '../../base/index.ts';
import { xxHash64 } from '../balance/index.ts';
import { lock, unlock } from './mutex.ts';

const lockAt = 0;
const endAt = 1;
const countAt = 2;
const freeListsAt = 4;
/** Sizes are 8 words times a power of 2. */
const sizeClasses = 12;
const sizeMin = 8;
const chainsAt = freeListsAt + sizeClasses;
const chainCount = 1 << 14;
/** Even, so that the 64-bit halves of a block are aligned. */
const blocksAt = chainsAt + chainCount;

const nextAt = 0;
const hashAt = 1;
const usersAt = 3;
const classAt = 4;
const headerWords = 6;

/** Touched page by page: a proxy with a hundred clusters holds some 100 kB of it. */
const bytesDefault = 64 * 1024 * 1024;

export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  /** The same memory in 64-bit numbers, `words[2 * n]` being `numbers[n]`; for use under a lock. */
  readonly numbers: Float64Array;

  static create(bytes = bytesDefault): SharedMemory {
    const memory = new SharedMemory(new SharedArrayBuffer(bytes));
    assert(memory.words.length > blocksAt, 'shared memory has room for its own tables');
    memory.words[endAt] = blocksAt;
    return memory;
  }

  /** `buffer`: of a memory that another thread created. */
  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer);
    this.numbers = new Float64Array(buffer);
  }

  /** Blocks in use. */
  get blocks(): number {
    return Atomics.load(this.words, countAt);
  }

  /**
   * Where the data of this name begins, zeroes at first, then as `prepare` leaves them. Released once by everyone who
   * acquired it. -1: the memory is full.
   */
  acquire(name: string, size: number, prepare: ((at: number) => void) | null = null): number {
    const { words } = this;
    const hash = xxHash64(name);
    const chain = chainsAt + (hash.low & (chainCount - 1));
    lock(words, lockAt);
    try {
      for (let block = words[chain]!; block !== 0; block = words[block + nextAt]!) {
        if (words[block + hashAt] !== (hash.high | 0) || words[block + hashAt + 1] !== (hash.low | 0))
          continue;
        assert(this.sizeOf(block) >= size, 'a name has one size');
        words[block + usersAt]! += 1;
        return block + headerWords;
      }
      const block = this.allocate(size);
      if (block < 0) return -1;
      words[block + hashAt] = hash.high;
      words[block + hashAt + 1] = hash.low;
      words[block + usersAt] = 1;
      words[block + nextAt] = words[chain]!;
      words[chain] = block;
      prepare?.(block + headerWords);
      return block + headerWords;
    } finally {
      unlock(words, lockAt);
    }
  }

  /** Gives back what {@link acquire} returned. */
  release(at: number): void {
    if (at < 0) return;
    const { words } = this;
    const block = at - headerWords;
    lock(words, lockAt);
    try {
      assert(words[block + usersAt]! > 0, 'a block is released once by each who has it');
      words[block + usersAt]! -= 1;
      if (words[block + usersAt] === 0) this.free(block);
    } finally {
      unlock(words, lockAt);
    }
  }

  private sizeOf(block: number): number {
    return sizeMin << this.words[block + classAt]!;
  }

  private allocate(size: number): number {
    const { words } = this;
    const sizeClass = Math.max(0, Math.ceil(Math.log2(size / sizeMin)));
    assert(sizeClass < sizeClasses, 'a block has a size class');
    let block = words[freeListsAt + sizeClass]!;
    if (block !== 0) {
      words[freeListsAt + sizeClass] = words[block + nextAt]!;
    } else {
      block = words[endAt]!;
      const end = block + headerWords + (sizeMin << sizeClass);
      if (end > words.length) return -1;
      words[endAt] = end;
    }
    words[block + classAt] = sizeClass;
    words.fill(0, block + headerWords, block + headerWords + (sizeMin << sizeClass));
    words[countAt]! += 1;
    return block;
  }

  private free(block: number): void {
    const { words } = this;
    let link = chainsAt + (words[block + hashAt + 1]! & (chainCount - 1));
    while (words[link] !== block) link = words[link]! + nextAt;
    words[link] = words[block + nextAt]!;
    const list = freeListsAt + words[block + classAt]!;
    words[block + nextAt] = words[list]!;
    words[list] = block;
    words[countAt]! -= 1;
  }
}
