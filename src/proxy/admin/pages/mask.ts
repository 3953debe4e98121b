// Field masks over what a page shows (google.protobuf.FieldMask): paths of names with dots, commas between them. Lists
// are not entered, as in protobuf's own; a message that nothing is named of is left out.

type Json = Readonly<Record<string, unknown>>;

interface MaskTree extends Map<string, MaskTree> {}

/** Null: what a mask may not be. */
export function parseMask(text: string): MaskTree | null {
  const root: MaskTree = new Map();
  for (const path of text.split(',')) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/.test(path)) return null;
    let node = root;
    for (const name of path.split('.')) {
      const inner: MaskTree = node.get(name) ?? new Map();
      node.set(name, inner);
      node = inner;
    }
  }
  return root;
}

/** What the mask names of `value`, its type kept; undefined: nothing. */
export function applyMask(value: Json, mask: MaskTree): Json | undefined {
  const kept: Record<string, unknown> = {};
  for (const [name, inner] of mask) {
    const found = value[name];
    if (found === undefined) continue;
    const part = inner.size === 0 || !isMessage(found) ? found : applyMask(found, inner);
    if (part !== undefined) kept[name] = part;
  }
  if (Object.keys(kept).length === 0) return undefined;
  return value['@type'] === undefined ? kept : { '@type': value['@type'], ...kept };
}

function isMessage(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
