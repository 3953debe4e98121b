// What is counted of TLS, per listener and per cluster, by Envoy's names (`ssl.*`).

import type { SecureFacts, TlsRefusal } from '../../net/index.ts';

/** Distinct ciphers and versions that get a counter of their own: more than an engine knows. */
const namesMax = 64;

export class SslStats {
  handshakes = 0;
  /** Failures of the protocol, or the peer's. */
  connectionErrors = 0;
  failVerifyError = 0;
  failVerifyNoCert = 0;
  failVerifySan = 0;
  failVerifyCertHash = 0;
  /** Handshakes in which the peer showed no certificate. */
  noCertificate = 0;
  sessionsReused = 0;
  readonly ciphers = new Map<string, number>();
  readonly versions = new Map<string, number>();

  countSecure(facts: SecureFacts): void {
    this.handshakes += 1;
    if (facts.resumed) this.sessionsReused += 1;
    if (facts.peer === null) this.noCertificate += 1;
    count(this.ciphers, facts.cipher);
    count(this.versions, facts.version);
  }

  /** For those that are shown as one. */
  add(other: SslStats): void {
    this.handshakes += other.handshakes;
    this.connectionErrors += other.connectionErrors;
    this.failVerifyError += other.failVerifyError;
    this.failVerifyNoCert += other.failVerifyNoCert;
    this.failVerifySan += other.failVerifySan;
    this.failVerifyCertHash += other.failVerifyCertHash;
    this.noCertificate += other.noCertificate;
    this.sessionsReused += other.sessionsReused;
    for (const [name, by] of other.ciphers) count(this.ciphers, name, by);
    for (const [name, by] of other.versions) count(this.versions, name, by);
  }

  /** `cause` of a MeshError with the code `tls-failed`. */
  countFailure(cause: unknown): void {
    switch ((cause as TlsRefusal | null)?.reason) {
      case 'no-certificate':
        this.failVerifyNoCert += 1;
        break;
      case 'chain':
        this.failVerifyError += 1;
        break;
      case 'san':
        this.failVerifySan += 1;
        break;
      case 'hash':
        this.failVerifyCertHash += 1;
        break;
      default:
        this.connectionErrors += 1;
    }
  }
}

function count(counters: Map<string, number>, name: string, by = 1): void {
  const known = counters.get(name);
  if (known === undefined && counters.size >= namesMax) return;
  counters.set(name, (known ?? 0) + by);
}
