// The bounds of a load run, by name.

export const loadLimits = {
  /** Requests a second. One thread does about 40,000 on HTTP/1.1; above that the lateness tells. */
  rateMax: 1_000_000,
  connectionsMax: 16_384,
  /** On one connection. */
  streamsMax: 10_000,
  /**
   * Due requests that wait for a connection. More are counted as failed with `overflow`, so memory stays bounded when
   * nothing answers.
   */
  waitingMax: 100_000,
  durationMsMax: 7 * 24 * 3600 * 1000,
  /** The start waits this long for the first connections, so that their set-up is not in the first latencies. */
  warmConnectMs: 1000,
  /** After an interrupt, requests in flight get this long. */
  interruptGraceMs: 1000,
  /** Longest latency that a histogram tells apart; longer ones count as this. */
  latencyMsMax: 3_600_000,
  /** Body of a request read from a file. */
  bodyBytesMax: 64 * 1024 * 1024,
  /** .proto files that one method needs, or a server's reflection tells. */
  protoFilesMax: 1_000,
  /** Bytes of descriptors that a server's reflection tells. */
  reflectionBytesMax: 32 * 1024 * 1024,
  /** Until a server's reflection has told all. */
  reflectionMs: 10_000,
  /** Messages of one call. */
  messagesMax: 100_000,
} as const;
