// Named bounds of everything that observing may hold: what crosses one is folded or dropped, and counted.

export const observeLimits = {
  /** Series in one scrape; the rest is folded into the label value "other" (weft_metrics_folded_total). */
  seriesMax: 50_000,
  /** Characters of a scrape that are written at a stretch (under half a millisecond); then requests have their turn. */
  scrapeSliceChars: 32 * 1024,
  /** Access-log bytes waiting for the disk; lines beyond are dropped and counted. */
  accessLogBytesMax: 4 * 1024 * 1024,
  /** Access-log bytes that make a flush worth a system call. */
  accessLogFlushBytes: 64 * 1024,
  /** Longest time an access-log line waits for its flush. */
  accessLogFlushMs: 1_000,
  /** Longest request id of a caller that is kept; a longer one is replaced. */
  requestIdCharsMax: 256,
} as const;
