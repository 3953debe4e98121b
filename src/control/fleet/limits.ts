// Bounds of what is done for Gateways.

export const fleetLimits = {
  /** Changes are gathered for this long. */
  gatherMs: 200,
  /** Everything is applied again this often: what somebody changed of ours heals. */
  resyncMs: 600_000,
  /** After a round that failed in part, doubled each time, with jitter. */
  backoffMs: 1_000,
  backoffMaxMs: 60_000,
} as const;
