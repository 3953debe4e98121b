// Bounds of logs that go to a service.

export const logServiceLimits = {
  /** Bytes that wait for their service, as Envoy's buffer of a stream; what comes above is dropped and counted. */
  queuedBytesMax: 1_048_576,
  /** Bytes of one field's text in an entry. */
  textCharsMax: 16_384,
  /** How long the last batch has when the proxy ends. */
  closeMs: 1_000,
} as const;
