// Limits of the console: it must never cost the mesh more than a look is worth.

export const consoleLimits = {
  /** A reading younger than this is shown again: however many pages look, proxies are asked once. */
  readingAgeMinMs: 1500,
  /**
   * After this long without a page asking, the next reading starts a new interval instead of averaging over the pause.
   */
  intervalMaxMs: 15_000,
  /** One proxy's answer. */
  proxyTimeoutMs: 2000,
  proxyBodyBytesMax: 8 * 1024 * 1024,
  /** Proxies asked at a time. */
  parallelProxies: 8,
  commandBodyBytesMax: 4096,
  /** Looks that are kept for the charts of a page that comes later: five minutes of a page's polling. */
  historyPointsMax: 150,
  /** Signals of services in that history, all looks together; in a large mesh fewer looks are kept. */
  historyCellsMax: 20_000,
  /** An endpoint that no caller knows any more is shown this long. */
  goneEndpointMs: 300_000,
  goneEndpointsMax: 2000,
} as const;
