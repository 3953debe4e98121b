// Phase detect: what a new connection speaks, by its first bytes. A caller that speaks TLS, or HTTP/2 where only HTTP/1
// is served, is told so in its own protocol, because a plain 400 would reach its user as "bad packet".

export type Detected = 'http1' | 'tls' | 'http2' | 'more';

/** Needs one byte at least. more: it may become HTTP/2's preface, or a method that begins alike. */
export function detectProtocol(bytes: Uint8Array): Detected {
  // A TLS record: handshake (22), major version 3 (RFC 8446 section 5.1). No method starts with that byte.
  if (bytes[0] === 0x16) return 'tls';
  const known = Math.min(bytes.length, preface.length);
  for (let index = 0; index < known; index++) if (bytes[index] !== preface[index]) return 'http1';
  return known === preface.length ? 'http2' : 'more';
}

/** The start of the client connection preface (RFC 9113 section 3.4). */
const preface = new TextEncoder().encode('PRI * HTTP/2');

/** A fatal alert, protocol_version (RFC 8446 section 6). */
export const tlsRefusal = new Uint8Array([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);

/** An empty SETTINGS, then GOAWAY with HTTP_1_1_REQUIRED (RFC 9113 sections 6.5, 6.8 and 7). */
export const http2Refusal = new Uint8Array([
  0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0d,
]);
