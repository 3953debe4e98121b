// Equal parts of configurations are one object. In a mesh thousands of clusters and routes have the same limits, times
// and settings, each decoded by itself: some 3 of 13 kB of a Service that nobody calls. Parts are never changed, and
// nobody may tell two equal ones apart by their identity.

/** Different parts that are remembered; over this it begins anew, and what is shared stays so. */
const partsMax = 512;
/** Larger parts are compared by a text that costs more than they do. */
const keyCharsMax = 1_024;

let known = new Map<string, WeakRef<object>>();

/** The one that was seen first of those that are equal to it; itself where it holds more than plain values. */
export function sharePart<T extends object | null>(part: T): T {
  if (part === null) return part;
  const key = keyOf(part);
  if (key === null || key.length > keyCharsMax) return part;
  const first = known.get(key)?.deref();
  if (first !== undefined) return first as T;
  if (known.size >= partsMax) known = new Map();
  known.set(key, new WeakRef(part));
  return part;
}

/** Shares those of its fields. */
export function shareParts<T extends object>(whole: T, ...fields: readonly (keyof T)[]): T {
  for (const field of fields) {
    const value = whole[field];
    if (typeof value === 'object') whole[field] = sharePart(value as object | null) as T[keyof T];
  }
  return whole;
}

/** Equal for equal parts alone; null: something in it is not plain. */
function keyOf(part: unknown): string | null {
  if (part === null || typeof part === 'boolean' || part === undefined) return `${part}`;
  if (typeof part === 'number') return Object.is(part, -0) ? '-0' : `${part}`;
  if (typeof part === 'string') return JSON.stringify(part);
  if (typeof part !== 'object') return null;
  const keys = Array.isArray(part) ? null : Object.keys(part);
  if (keys !== null && Object.getPrototypeOf(part) !== Object.prototype) return null;
  let text = keys === null ? '[' : '{';
  for (const [index, value] of Object.values(part).entries()) {
    const key = keyOf(value);
    if (key === null) return null;
    text += keys === null ? `${key},` : `${JSON.stringify(keys[index])}:${key},`;
  }
  return `${text}${keys === null ? ']' : '}'}`;
}
