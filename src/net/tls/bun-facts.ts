// What Bun tells of a finished handshake, as facts of ours. The engine's verdict on the chain comes with the event,
// never from here.

import { createPeerCertificate } from './peer-certificate.ts';
import type { PeerCertificate, SecureFacts } from './types.ts';

/** The parts of Bun's TLS sockets that its types lack or give another shape. */
export interface SecuredSocket {
  readonly alpnProtocol: string | false | null;
  getTLSVersion(): string;
  getCipher(): { name: string | null };
  getServername(): string | undefined;
  isSessionReused(): boolean;
  getPeerX509Certificate(): { raw: Uint8Array } | undefined;
}

/** What the handshake's owner adds to what the engine tells. */
type Verdict = Pick<SecureFacts, 'serverName' | 'verified' | 'expected' | 'local'>;

export function readSecureFacts(
  raw: SecuredSocket,
  peer: PeerCertificate | null,
  verdict: Verdict,
): SecureFacts {
  return {
    version: raw.getTLSVersion(),
    cipher: raw.getCipher().name ?? '',
    alpn: raw.alpnProtocol || null,
    resumed: raw.isSessionReused(),
    peer,
    ...verdict,
  };
}

export function readPeer(raw: SecuredSocket): PeerCertificate | null {
  const der = raw.getPeerX509Certificate()?.raw;
  return der === undefined ? null : createPeerCertificate(der);
}

/** The protocol names as TLS writes them: each behind its length. An ArrayBuffer, because Bun reads no other form. */
export function encodeAlpn(names: readonly string[]): ArrayBuffer {
  const bytes = names.flatMap((name) => [name.length, ...Buffer.from(name, 'latin1')]);
  return Uint8Array.from(bytes).buffer;
}
