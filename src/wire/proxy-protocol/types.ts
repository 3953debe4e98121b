// What a PROXY header says (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt): who the connection's real
// ends are, told by a load balancer in front. Both versions end in the same value.

export type ProxyAddress =
  | { readonly kind: 'ip'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export interface Tlv {
  readonly type: number;
  readonly value: Uint8Array;
}

export interface ProxyHeader {
  readonly version: 1 | 2;
  /**
   * The connection's ends as the sender saw them; null for its own connections (LOCAL, a health check) and for those
   * whose ends it cannot name (UNKNOWN, UNSPEC): then the socket's own addresses hold.
   */
  readonly ends: { readonly source: ProxyAddress; readonly destination: ProxyAddress } | null;
  /** Version 2 only. Copies. */
  readonly tlvs: readonly Tlv[];
}

/**
 * `more`: no verdict below `needed` bytes in all. `none`: this is no PROXY header, nothing was consumed. `fault`: it
 * began as one and breaks the format; the connection must end, because nobody knows where its payload begins.
 */
export type ProxyHeaderResult =
  | { readonly kind: 'more'; readonly needed: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'fault'; readonly message: string }
  | { readonly kind: 'header'; readonly consumed: number; readonly header: ProxyHeader };

export const tlvTypes = {
  alpn: 0x01,
  authority: 0x02,
  crc32c: 0x03,
  noop: 0x04,
  uniqueId: 0x05,
  ssl: 0x20,
  sslVersion: 0x21,
  sslCommonName: 0x22,
  sslCipher: 0x23,
  sslSignature: 0x24,
  sslKey: 0x25,
  netns: 0x30,
} as const;

/** 0x0d 0x0a 0x0d 0x0a 0x00 0x0d 0x0a "QUIT" 0x0a. */
export const signature = Uint8Array.of(13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10);
export const lineStart = Uint8Array.of(80, 82, 79, 88, 89, 32);

/** Signature, version and command, family and transport, length. */
export const fixedBytes = 16;
export const unixPathBytes = 108;

/** By the family's half of its byte: the bytes of both addresses and ports together. */
export const addressBytes: readonly number[] = [0, 12, 36, 2 * unixPathBytes];
