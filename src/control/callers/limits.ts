// Bounds of finding out who calls.

export const callerLimits = {
  /** Characters of a token; Kubernetes' own have about a thousand. */
  tokenCharsMax: 16 * 1024,
  /** A token that was proven is believed this long without asking again, and never beyond its own expiry. */
  provenMs: 300_000,
  /** One that was refused is refused again without asking. */
  refusedMs: 10_000,
  /** Of each; the oldest go first, and who sends many wrong tokens pushes out no right one. */
  provenMax: 20_000,
  refusedMax: 4_096,
  /** Reviews asked of the API server at once, and those that wait for their turn. */
  reviewsAtOnceMax: 16,
  waitingMax: 4_096,
  /** Of one peer's address, waiting or asked. */
  perPeerMax: 64,
  /** Reviews in a second, on the average; as many may come at once as gathered in `burstSeconds`. */
  reviewsPerSecond: 200,
  burstSeconds: 2,
  /** Who waits longer is told to try again. */
  waitMs: 8_000,
  /** After the API server did not answer, nobody asks it for this long. */
  pauseMs: 1_000,
} as const;
