// The names that a client asked for. A thousand clients ask for the same ten thousand: what one request added becomes a
// page, and equal pages are one, so that a stream costs a few references and not its own copy of all names.

/** Names of one stream before they become a page. */
const pageMin = 64;
/** Pages of one stream before they become one. */
const pagesMax = 16;
/** Pages that are found again. */
const knownMax = 4_096;

type Page = ReadonlySet<string>;

export class SubscribedNames {
  private pages: readonly Page[] = [];
  private own = new Set<string>();

  get size(): number {
    return this.pages.reduce((sum, page) => sum + page.size, this.own.size);
  }

  has(name: string): boolean {
    if (this.own.has(name)) return true;
    for (const page of this.pages) if (page.has(name)) return true;
    return false;
  }

  /** It must not be there. */
  add(name: string): void {
    this.own.add(name);
  }

  delete(name: string): boolean {
    if (this.own.delete(name)) return true;
    const page = this.pages.find((one) => one.has(name));
    if (page === undefined) return false;
    this.pages = this.pages.filter((one) => one !== page);
    for (const other of page) if (other !== name) this.own.add(other);
    return true;
  }

  /** A request is at its end. */
  settle(): void {
    if (this.own.size < pageMin) return;
    const merges = this.pages.length >= pagesMax;
    const page = share(merges ? new Set(this) : this.own);
    this.pages = merges ? [page] : [...this.pages, page];
    this.own = new Set();
  }

  *[Symbol.iterator](): Generator<string> {
    for (const page of this.pages) yield* page;
    yield* this.own;
  }
}

const known = new Map<string, WeakRef<Page>>();

/** The page that is there already, if any equals it. */
function share(names: Page): Page {
  const key = keyOf(names);
  const held = known.get(key)?.deref();
  if (held !== undefined && held.size === names.size && [...names].every((name) => held.has(name)))
    return held;
  if (known.size >= knownMax) dropDead();
  if (known.size < knownMax) known.set(key, new WeakRef(names));
  return names;
}

/** Clients ask for the same in the same order. */
function keyOf(names: Page): string {
  const [first] = names;
  return `${names.size} ${first}`;
}

function dropDead(): void {
  for (const [key, page] of known) if (page.deref() === undefined) known.delete(key);
}
