// TLS as the Network seam shows it: contexts are compiled once from a configuration, a connection is given one side of
// TLS, and what was proven is a value beside the connection. Who may be on the other side is decided by a judge of the
// owner's, before any byte is sent.

import type { San } from '../../wire/x509/index.ts';

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** The authorities that the system trusts. */
export const systemRoots = Symbol('system roots');
export type SystemRoots = typeof systemRoots;

/** Certificates, trust and parameters. PEM throughout; null leaves a parameter to the engine. */
export interface TlsContextOptions {
  readonly side: 'client' | 'server';
  /** The leaf, then its intermediates; null for a client that shows none. */
  readonly certificateChain: string | null;
  readonly privateKey: string | null;
  /** Of an encrypted key. */
  readonly password: string | null;
  /** Null: no chain is verified, and {@link PeerJudge} is told so by a fault. */
  readonly trustedCa: string | SystemRoots | null;
  readonly crl: string | null;
  readonly versionMin: TlsVersion | null;
  readonly versionMax: TlsVersion | null;
  /** As OpenSSL writes them, colons between. */
  readonly ciphers: string | null;
  readonly curves: string | null;
  readonly signatureAlgorithms: string | null;
  /** Server: ignored, asked for and judged when shown, or required. Clients always see the server's. */
  readonly peer: 'ignored' | 'asked' | 'required';
  /** Server: false turns every client's resumption into a full handshake. */
  readonly resumption: boolean;
  /** Server: how long a session may be resumed; null: as long as the engine says. */
  readonly sessionSeconds: number | null;
}

/**
 * Made by {@link Network.createTlsContext} for its own network; unchangeable, so connections that use it are not
 * touched by the next.
 */
export interface TlsContext {
  readonly options: TlsContextOptions;
}

export interface TlsServer {
  readonly context: TlsContext;
  /** Most preferred first; empty: no protocol is negotiated. */
  readonly alpn: readonly string[];
  readonly judge: PeerJudge;
}

export interface TlsClient {
  readonly context: TlsContext;
  readonly alpn: readonly string[];
  /** Sent as SNI; null sends none. */
  readonly serverName: string | null;
  readonly judge: PeerJudge;
  readonly sessions: TlsSessions | null;
}

/** Where a client keeps what it needs to resume; bounded by its owner. */
export interface TlsSessions {
  take(): Uint8Array | null;
  put(session: Uint8Array): void;
}

/** Decides who the other side may be. */
export interface PeerJudge {
  /** Certain peers alone are accepted: by name or by pin. */
  readonly exacting: boolean;
  /**
   * `peer` is null when it showed no certificate; `fault` is the engine's code for a chain that leads to nobody trusted
   * (or that has expired, is revoked, …), null for one that verified.
   */
  judge(peer: PeerCertificate | null, fault: string | null): TlsRefusal | null;
}

/** Why a handshake failed, for counters and logs. */
export interface TlsRefusal {
  /** `handshake`: the other side, or the protocol itself; the others are our verdict on its certificate. */
  readonly reason: 'handshake' | 'no-certificate' | 'chain' | 'san' | 'hash';
  readonly message: string;
}

export interface PeerCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly sans: readonly San[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SHA-256 of the certificate, hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of its SubjectPublicKeyInfo, base64. */
  readonly spkiSha256: string;
  readonly pem: string;
}

/** What a finished handshake has established. */
export interface SecureFacts {
  readonly version: string;
  readonly cipher: string;
  readonly alpn: string | null;
  /** What the client asked for; null when it named nobody. */
  readonly serverName: string | null;
  readonly resumed: boolean;
  /** Null when none was asked for or shown. */
  readonly peer: PeerCertificate | null;
  /** The peer's chain led to the context's trust: only then its names are proven. */
  readonly verified: boolean;
  /** Verified, and by a judge who accepts certain peers alone: it is who was meant. */
  readonly expected: boolean;
  /** The certificate that this side showed; null when none. */
  readonly local: PeerCertificate | null;
}
