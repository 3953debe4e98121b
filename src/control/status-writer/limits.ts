// Bounds of what is written to an API server.

export const writerLimits = {
  /** Changes are gathered for this long: a rollout must not write each of its steps. */
  gatherMs: 500,
  /** Writes in flight. */
  parallel: 4,
  /** Writes a second, over time; an API server has more to do than our status. */
  writesPerSecond: 20,
  /** After a write that failed, the object is tried again after this long, doubled each time, with jitter. */
  backoffMs: 1_000,
  backoffMaxMs: 60_000,
  /** Everything is compared again this often: what somebody else wrote over ours heals. */
  resyncMs: 300_000,
  /** Events a minute over all objects, and how long the same event of the same object is not repeated. */
  eventsPerMinute: 60,
  eventRepeatMs: 600_000,
  /** Events remembered, so that they are not repeated. */
  eventsKnown: 10_000,
} as const;
