// The line of a field in the text that it was written in: what a person clicks on.

import { isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';

/**
 * `objectLine`: where the object begins, 0 for a file that is one object. Gives that line when the field is not
 * written.
 */
export function lineOfField(text: string, objectLine: number, field: string): number {
  const lines = new LineCounter();
  const at = (node: unknown): number =>
    isNode(node) && node.range ? Math.max(1, lines.linePos(node.range[0]).line) : 0;
  for (const document of parseAllDocuments(text, { lineCounter: lines, merge: true })) {
    const items = isMap(document.contents) ? document.contents.get('items') : null;
    const roots = [document.contents, ...(isSeq(items) ? items.items : [])];
    for (const root of roots)
      if (objectLine === 0 || at(root) === objectLine) return walk(root, parts(field), at) || objectLine;
  }
  return objectLine;
}

/** `spec.rules[0].name` as its parts; keys in brackets, as of labels, count as one. */
function parts(field: string): readonly string[] {
  return [...field.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map((match) => match[1] ?? match[2] ?? '');
}

function walk(root: unknown, path: readonly string[], at: (node: unknown) => number): number {
  let node = root;
  let line = at(root);
  for (const part of path) {
    if (isSeq(node)) {
      node = node.items[Number(part)];
      line = at(node) || line;
    } else if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && sameName(String(key.value), part));
      if (pair === undefined) return line;
      line = at(pair.key) || line;
      node = pair.value;
    } else return line;
  }
  return line;
}

/** JSON names of Envoy's fields may be written in either way. */
function sameName(written: string, said: string): boolean {
  return written === said || written === said.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
