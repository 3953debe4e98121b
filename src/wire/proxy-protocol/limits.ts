// Bounds of a PROXY header. Crossing one is a fault of the sender: the connection ends.

export const proxyProtocolLimits = {
  /** A version 1 line with its CR LF (section 2.1: "the worst case"). */
  lineBytesMax: 107,
  /** A version 2 header with its TLVs. The format allows 65,551; cloud load balancers send some hundred. */
  headerBytesMax: 4_096,
  /** TLVs in one header, those inside of an SSL TLV included. */
  tlvsMax: 64,
} as const;
