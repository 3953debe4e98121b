// Bounds of tracing.

export const tracingLimits = {
  /** Spans that wait for their collector; what comes above is dropped and counted. */
  queuedMax: 4_096,
  /** Characters of them; what comes above is dropped too. */
  queuedCharsMax: 8_388_608,
  /** Spans of one export, and how long the first of them waits for others. */
  batchMax: 512,
  batchMs: 1_000,
  /** Characters of a tag's value, and of a span's name. */
  tagCharsMax: 4_096,
} as const;
