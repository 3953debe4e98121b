// Accept-Encoding (RFC 9110 section 12.5.3), as Envoy's compressors choose by it.

/**
 * Why: what a compressor counts. `identity`: as it is; `invalid`: nothing that is offered, or nothing that can be read.
 */
export type Choice =
  | { readonly why: 'coding' | 'wildcard'; readonly coding: string }
  | { readonly why: 'none' | 'identity' | 'invalid'; readonly coding: null };

interface Wish {
  readonly coding: string;
  readonly quality: number;
}

/** `offered` in the order of the chain; `preferred`: it wins where a client likes several alike. */
export function chooseCoding(
  accept: string | null,
  offered: readonly string[],
  preferred: readonly string[] = [],
): Choice {
  if (accept === null) return { why: 'none', coding: null };
  const wishes = parseWishes(accept);
  const allowed = offered.filter(
    (coding) => !wishes.some((wish) => wish.coding === coding && wish.quality === 0),
  );
  let best: Wish = { coding: 'identity', quality: 0 };
  for (const wish of wishes) {
    const known = wish.coding === 'identity' || wish.coding === '*' || allowed.includes(wish.coding);
    const tie = wish.quality === best.quality && best.quality > 0;
    const better = tie ? preferred.includes(wish.coding) : wish.quality > best.quality;
    if (known && better && !(tie && preferred.includes(best.coding))) best = wish;
  }
  const [first] = allowed;
  if (best.quality === 0 || first === undefined) return { why: 'invalid', coding: null };
  if (best.coding === 'identity') return { why: 'identity', coding: null };
  return best.coding === '*' ? { why: 'wildcard', coding: first } : { why: 'coding', coding: best.coding };
}

/** Those that can be read. */
function parseWishes(accept: string): readonly Wish[] {
  const wishes: Wish[] = [];
  for (const part of accept.split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((text) => text.trim());
    if (coding === '') continue;
    const quality = /^q\s*=\s*(.*)$/i.exec(parameters[0] ?? '')?.[1];
    if (quality === undefined) wishes.push({ coding, quality: 1 });
    else if (/^\d*\.?\d+$|^\d+\.$/.test(quality)) wishes.push({ coding, quality: Number(quality) });
  }
  return wishes;
}
