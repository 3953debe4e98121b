// Which of several certificates a client is shown (Envoy's default selector): by the name it asked for, exact before
// wildcard, and of those the one whose kind of key it prefers. Without a name, or with one that none has, the first
// whose key fits.

import { parseCertificate } from '../../wire/x509/index.ts';

export interface Shown {
  /** DNS names, or the common name where there is none; lower case. */
  readonly names: readonly string[];
  readonly ecdsa: boolean;
}

/** What a client says that matters here. */
interface Hello {
  readonly serverName: string | null;
  readonly ecdsa: boolean;
}

/** Of the first certificate of a PEM text. */
export function describeShown(pem: string): Shown {
  const body = /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(pem)?.[1] ?? '';
  const certificate = parseCertificate(Buffer.from(body, 'base64'));
  if (certificate === null) return { names: [], ecdsa: false };
  const dns = certificate.sans.filter(({ kind }) => kind === 'dns').map(({ value }) => value.toLowerCase());
  const common = /(?:^|,\s*)CN=([^,]+)/.exec(certificate.subject)?.[1]?.toLowerCase();
  const names = dns.length > 0 || common === undefined ? dns : [common];
  return { names, ecdsa: Buffer.from(certificate.publicKeyInfo).includes(ecPublicKey) };
}

/** OID 1.2.840.10045.2.1 in DER. */
const ecPublicKey = Buffer.of(0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01);

/** Null: there is none at all. `fullScan`: a name that none has is treated as no name. */
export function chooseCertificate<T extends Shown>(
  certificates: readonly T[],
  { serverName, ecdsa }: Hello,
  fullScan: boolean,
): T | null {
  if (serverName !== null) {
    const wildcard = `*${serverName.slice(Math.max(0, serverName.indexOf('.')))}`;
    for (const name of [serverName, wildcard]) {
      const found = preferred(
        certificates.filter(({ names }) => names.includes(name)),
        ecdsa,
      );
      if (found !== null) return found;
    }
    if (!fullScan) return certificates[0] ?? null;
  }
  return preferred(certificates, ecdsa) ?? certificates[0] ?? null;
}

/** A client that takes ECDSA is shown it where there is one, else RSA; one that does not never is. */
function preferred<T extends Shown>(certificates: readonly T[], ecdsa: boolean): T | null {
  return (
    certificates.find((certificate) => certificate.ecdsa === ecdsa) ??
    (ecdsa ? (certificates[0] ?? null) : null)
  );
}
