// Bounds of load reports.

export const loadReportLimits = {
  /** Clusters that a server may list; more ends the stream. */
  clustersMax: 10_000,
  /** What a server asks for beyond these is rounded to them. */
  intervalMsMin: 100,
  intervalMsMax: 86_400_000,
  /** Before the stream is opened again, doubling up to the maximum, with jitter. */
  reconnectBaseMs: 1_000,
  reconnectMaxMs: 30_000,
} as const;
