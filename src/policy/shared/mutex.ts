// A lock between threads, for what is rare: an ejection, a cluster that comes or goes. Counting on the request path
// takes none. Three states, so that nobody is woken when nobody waits (Drepper, Futexes Are Tricky, mutex2).

const free = 0;
const held = 1;
const contended = 2;

/** `words[at]` is the lock's. A holder does not lock it again. */
export function lock(words: Int32Array, at: number): void {
  if (Atomics.compareExchange(words, at, free, held) === free) return;
  while (Atomics.exchange(words, at, contended) !== free) Atomics.wait(words, at, contended);
}

export function unlock(words: Int32Array, at: number): void {
  if (Atomics.exchange(words, at, free) === contended) Atomics.notify(words, at, 1);
}
