// TLS towards a target of https: who its server may be, and what the generator shows of itself.

import { ok, type Result } from '../base/index.ts';
import {
  type Network,
  type PeerCertificate,
  type PeerJudge,
  systemRoots,
  type TlsClient,
  type TlsRefusal,
} from '../net/index.ts';

export interface TargetTlsOptions {
  /** PEM of the authorities to trust; null: the system's. */
  readonly trustedCa: string | null;
  /** Any certificate will do: for a test's self-signed one. */
  readonly insecure: boolean;
  /** PEM of the generator's own certificate and its key; null shows none. */
  readonly certificate: string | null;
  readonly key: string | null;
  /** Else HTTP/1.1 is asked for by ALPN. */
  readonly http2: boolean;
}

/** `host`: a name or an IP literal, as the URL has it. Fails with what is wrong with the PEM. */
export function createTargetTls(
  network: Network,
  host: string,
  { trustedCa, insecure, certificate, key, http2 }: TargetTlsOptions,
): Result<TlsClient, string> {
  const context = network.createTlsContext({
    side: 'client',
    certificateChain: certificate,
    privateKey: key,
    password: null,
    trustedCa: insecure ? null : (trustedCa ?? systemRoots),
    crl: null,
    versionMin: null,
    versionMax: null,
    ciphers: null,
    curves: null,
    signatureAlgorithms: null,
    peer: 'required',
    resumption: true,
    sessionSeconds: null,
  });
  if (!context.ok) return context;
  return ok({
    context: context.value,
    alpn: [http2 ? 'h2' : 'http/1.1'],
    // RFC 6066 section 3: no literal address is a server's name.
    serverName: isLiteral(host) ? null : host,
    judge: insecure ? trusting : new HostJudge(host),
    sessions: null,
  });
}

const trusting: PeerJudge = { exacting: false, judge: () => null };

/** RFC 9110 section 4.3.4: a chain that is trusted, and the host among its names. */
class HostJudge implements PeerJudge {
  readonly exacting = true;
  private readonly host: string;

  constructor(host: string) {
    this.host = host.toLowerCase();
  }

  judge(peer: PeerCertificate | null, fault: string | null): TlsRefusal | null {
    if (fault !== null) return { reason: 'chain', message: fault };
    if (peer === null) return { reason: 'no-certificate', message: 'the server showed no certificate' };
    const kind = isLiteral(this.host) ? 'ip' : 'dns';
    const named = peer.sans.some((san) => san.kind === kind && this.isNamed(san.value.toLowerCase()));
    return named ? null : { reason: 'san', message: `the certificate is not for ${this.host}` };
  }

  /** RFC 6125 section 6.4.3: a star stands for one whole label, the first. */
  private isNamed(name: string): boolean {
    if (!name.startsWith('*.')) return name === this.host;
    const dot = this.host.indexOf('.');
    return dot > 0 && this.host.slice(dot) === name.slice(1);
  }
}

function isLiteral(host: string): boolean {
  return host.includes(':') || /^[\d.]+$/.test(host);
}
