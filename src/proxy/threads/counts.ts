// Counters between threads: objects of numbers, lists and maps of numbers, however deep. What is 0 is left out, for
// most of what can be counted never happens; adding what came back is the same as having counted it here.

/** A copy with what is not 0 alone; undefined where all is. Texts and the like are no counts. */
export type Counts =
  | number
  | readonly number[]
  | ReadonlyMap<unknown, number>
  | { readonly [name: string]: Counts };

export function countsOf(value: unknown): Counts | undefined {
  if (typeof value === 'number') return value === 0 ? undefined : value;
  if (Array.isArray(value) || value instanceof Float64Array) {
    const list = Array.from(value as ArrayLike<unknown>);
    const counted = list.some((item) => item !== 0) && list.every((item) => typeof item === 'number');
    return counted ? (list as number[]) : undefined;
  }
  if (value instanceof Map)
    return value.size === 0
      ? undefined
      : new Map([...value].filter(([, count]) => typeof count === 'number'));
  return typeof value === 'object' && value !== null ? memberCounts(value) : undefined;
}

function memberCounts(object: object): Counts | undefined {
  const counts: Record<string, Counts> = {};
  let any = false;
  for (const [name, member] of Object.entries(object)) {
    // A histogram's bounds are no counts, and the other thread has them.
    const own = name === 'bounds' ? undefined : countsOf(member);
    if (own === undefined) continue;
    counts[name] = own;
    any = true;
  }
  return any ? counts : undefined;
}

/** Adds to an object of the class that was counted in. */
export function addCounts(target: object, counts: Counts | undefined): void {
  if (typeof counts !== 'object') return;
  const into = target as Record<string, unknown>;
  for (const [name, count] of Object.entries(counts)) {
    const present = into[name];
    if (typeof count === 'number') {
      if (typeof present === 'number') into[name] = present + count;
    } else if (typeof present !== 'object' || present === null) {
      // A part that came to be in the other thread alone, and has no figures here to add to.
    } else if (Array.isArray(count)) {
      const list = present as number[] | Float64Array;
      for (const [at, item] of count.entries()) list[at] = (list[at] ?? 0) + item;
    } else if (count instanceof Map) {
      const map = present as Map<unknown, number>;
      for (const [key, item] of count) map.set(key, (map.get(key) ?? 0) + item);
    } else {
      addCounts(present, count as Counts);
    }
  }
}
