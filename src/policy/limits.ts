// The limits of policy code, by name. Crossing one is a returned Issue at compile time, never a surprise per request.

export const policyLimits = {
  /** Characters of a regular expression in a route; Envoy bounds the compiled program instead. */
  regexCharsMax: 1024,
  /** Repeat count in `{n,m}`: RE2's own bound. */
  regexRepeatMax: 1000,
  /** Positions of a compiled expression; bounds the work per character of a matched value. */
  regexStatesMax: 4096,
  /** The same of an expression whose groups are read: what is noted for each character of a text has so many bits. */
  regexGroupStatesMax: 512,
  /** Characters that replacing may make of a text; what comes after that stays as it is. */
  rewrittenCharsMax: 65_536,
  /** Size of RE2's program above which a stock Envoy refuses a pattern. */
  re2InstructionsMax: 100,
  /** Subset states kept per expression before the cache starts anew. */
  regexCacheStatesMax: 128,
  /** Hosts with at most this many routes are walked in order: shorter than building a lookup key. */
  routesWalkedMax: 8,
  /** Retries beside the first attempt. */
  retryAttemptsMax: 16,
  /** Traces about which something of retries is noted, and for how long: longer than a request usually takes. */
  traceNotesMax: 4096,
  traceNoteMs: 30_000,
  /** Subsets of one cluster; some 500 bytes each, and a balancer once one is asked for. */
  subsetsMax: 10_000,
} as const;
