// Whether an answer holds what a check expects: every block, in their order, with anything between them (Envoy's
// PayloadMatcher).

/** Both in latin1, so that a character is a byte. */
export function holdsBlocks(answer: string, blocks: readonly string[]): boolean {
  let from = 0;
  for (const block of blocks) {
    const at = answer.indexOf(block, from);
    if (at < 0) return false;
    from = at + block.length;
  }
  return true;
}
