// How much of a random test is played. By default little, always the same (each is seeded) and quick;
// WEFT_TEST_EFFORT=50 plays fifty times as much, which is for a change that deserves a long search.

const effort = Number(process.env['WEFT_TEST_EFFORT'] ?? '1');

/** `count` runs, multiplied. */
export function runs(count: number): number {
  return Math.ceil(count * effort);
}

/**
 * For `setDefaultTimeout`: such a test computes and waits for nothing, so only one that hangs should meet this limit.
 */
export const effortTimeoutMs = 120_000 * Math.max(1, effort);
