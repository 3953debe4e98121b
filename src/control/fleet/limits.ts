// Bounds of what is done for Gateways, and for Services that are fenced.

export const fleetLimits = {
  /** Changes are gathered for this long. */
  gatherMs: 200,
  /** Everything is applied again this often: what somebody changed of ours heals. */
  resyncMs: 600_000,
  /** After an object that was not written, doubled each time, with jitter. */
  backoffMs: 1_000,
  backoffMaxMs: 300_000,
  /** Objects that are written at once. */
  lanes: 4,
  /** Objects of a round; the rest is the next one's, after what is new by then. */
  roundMax: 256,
  /** Characters of the API server's words in a condition. */
  wordsMax: 512,
  /** Objects at fault that are told of; more say nothing new. */
  faultsMax: 256,
} as const;
