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
  /** A replica looks this often for what its proxies say otherwise, and the leader for what the others' say. */
  reportMs: 2_000,
  /** One that has nothing new writes its report again after this long. */
  reportRenewMs: 15_000,
  /** A report that has not changed for this long is of a replica that is gone. */
  reportLifeMs: 45_000,
  /** Characters of a report; an API server takes 256 KiB of annotations. */
  reportCharsMax: 200_000,
  /** Replicas whose reports are added up. */
  replicasMax: 100,
} as const;
