// Bounds of tracing.

export const tracingLimits = {
  /** Spans that wait for their collector; what comes above is dropped and counted. */
  queuedMax: 4_096,
  /** Spans of one export, and how long the first of them waits for others. */
  batchMax: 512,
  batchMs: 1_000,
  /** Characters of a tag's value. */
  tagCharsMax: 4_096,
} as const;
