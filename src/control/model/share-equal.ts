// Structural sharing: what is equal to what was there before is what was there before. The whole model is made anew
// from its objects; after this, whoever made something of a part of it knows by reference whether to make it again.

/** `before` where all of `after` is equal to it; else `after`, with its equal parts those of `before`. */
export function shareEqual<T>(before: unknown, after: T): T {
  if (before === after || before === null || after === null) return after;
  if (typeof before !== 'object' || typeof after !== 'object') return after;
  if (Array.isArray(after)) return Array.isArray(before) ? (shareArray(before, after) as T) : after;
  if (after instanceof Map) return before instanceof Map ? (shareMap(before, after) as T) : after;
  if (Array.isArray(before) || before instanceof Map) return after;
  return shareObject(before as Fields, after as Fields) as T;
}

type Fields = Record<string, unknown>;

function shareArray(before: readonly unknown[], after: readonly unknown[]): readonly unknown[] {
  let shared: unknown[] | null = null;
  let isSame = before.length === after.length;
  for (let i = 0; i < after.length; i++) {
    const kept = shareEqual(before[i], after[i]);
    if (kept !== before[i]) isSame = false;
    if (kept === after[i]) continue;
    shared ??= [...after];
    shared[i] = kept;
  }
  return isSame ? before : (shared ?? after);
}

function shareObject(before: Fields, after: Fields): Fields {
  let shared: Fields | null = null;
  let isSame = true;
  let fields = 0;
  for (const name in after) {
    fields += 1;
    const kept = shareEqual(before[name], after[name]);
    if (kept !== before[name] || !(name in before)) isSame = false;
    if (kept === after[name]) continue;
    shared ??= { ...after };
    shared[name] = kept;
  }
  for (const _ in before) fields -= 1;
  return isSame && fields === 0 ? before : (shared ?? after);
}

/** Two maps are equal in their order too: what is made of them follows it. */
function shareMap(
  before: ReadonlyMap<unknown, unknown>,
  after: ReadonlyMap<unknown, unknown>,
): ReadonlyMap<unknown, unknown> {
  const shared = new Map<unknown, unknown>();
  const order = before.keys();
  let isSame = before.size === after.size;
  for (const [key, value] of after) {
    const known = before.get(key);
    const kept = shareEqual(known, value);
    if (kept !== known || order.next().value !== key) isSame = false;
    shared.set(key, kept);
  }
  return isSame ? before : shared;
}
