// Whose memory is taken back first: Envoy's reset_high_memory_stream. Streams are classed by what they hold; the higher
// the value the more classes are reset, the largest first, and only so many at a time.

import { resetClassesMax, resetClassOf } from '../../policy/index.ts';

/** Envoy's own bound for one look; more wait for the next. */
const resetsPerLookMax = 50;

interface Holder {
  readonly heldBytes: number;
  reset(): void;
}

/** How many were reset. */
export function resetLargest(holders: Iterable<Holder>, value: number, minimumPowerOfTwo: number): number {
  const classes = Math.min(Math.floor(value * resetClassesMax) + 1, resetClassesMax);
  const from = resetClassesMax - classes;
  const found: { readonly holder: Holder; readonly bytes: number }[] = [];
  for (const holder of holders) {
    const bytes = holder.heldBytes;
    const size = resetClassOf(bytes, minimumPowerOfTwo);
    if (size >= from && size >= 0) found.push({ holder, bytes });
  }
  found.sort((a, b) => b.bytes - a.bytes);
  const resets = found.slice(0, resetsPerLookMax);
  for (const { holder } of resets) holder.reset();
  return resets.length;
}
