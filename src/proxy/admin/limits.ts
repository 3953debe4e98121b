// Named bounds of the admin interface: it is for people, Prometheus and probes, not for traffic.

export const adminLimits = {
  /** Connections at once; one more is closed at once. */
  connectionsMax: 128,
  /** A connection without a complete request, or without another one, ends after this. */
  idleMs: 60_000,
  headBytesMax: 16 * 1024,
  /** Request bodies have no meaning here. */
  bodyBytesMax: 1024,
} as const;
