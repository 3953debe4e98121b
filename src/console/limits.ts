// Limits of the console: it must never cost the mesh more than a look is worth.

export const consoleLimits = {
  /** A reading younger than this is shown again: however many pages look, proxies are asked once. */
  readingAgeMinMs: 1500,
  /** After this long without a page asking, the next reading starts a new interval instead of averaging over the pause. */
  intervalMaxMs: 15_000,
  /** One proxy's answer. */
  proxyTimeoutMs: 2000,
  proxyBodyBytesMax: 8 * 1024 * 1024,
  /** Proxies asked at a time. */
  parallelProxies: 8,
  commandBodyBytesMax: 4096,
} as const;
