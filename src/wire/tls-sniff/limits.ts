// Bounds of a ClientHello that is read ahead. Crossing one is a fault: the connection ends.

export const tlsSniffLimits = {
  /**
   * The handshake message without record headers. Post-quantum key shares make about 1,800 bytes of it; Envoy's bound
   * is the same.
   */
  helloBytesMax: 16_384,
  /** Records that the message may be spread over: more is no client, only work. */
  recordsMax: 64,
  /** Protocols that a client may offer by ALPN. */
  alpnMax: 32,
} as const;
