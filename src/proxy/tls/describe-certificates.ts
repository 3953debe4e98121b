// What an operator is told of certificates in use: whose they are and how long they last.

import { createHash, X509Certificate } from 'node:crypto';

const dayMs = 86_400_000;

/**
 * The certificates of a PEM text in the shape of envoy.admin.v3.CertificateDetails. `path`: of the file that it was
 * read from; '' for a text that stood in the configuration.
 */
export function describeCertificates(pem: string, path: string, nowMs: number): readonly object[] {
  const texts = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return texts.map((one) => {
    const certificate = new X509Certificate(one);
    const untilMs = Date.parse(certificate.validTo);
    return {
      path: path === '' ? '<inline>' : path,
      serial_number: certificate.serialNumber.toLowerCase(),
      subject_alt_names: (certificate.subjectAltName ?? '').split(', ').flatMap(describeName),
      days_until_expiration: `${Math.max(0, Math.floor((untilMs - nowMs) / dayMs))}`,
      valid_from: new Date(Date.parse(certificate.validFrom)).toISOString(),
      expiration_time: new Date(untilMs).toISOString(),
    };
  });
}

/** Unix time at which the first certificate of a PEM text expires. */
export function expirySeconds(pem: string): number {
  return Math.floor(Date.parse(new X509Certificate(pem).validTo) / 1000);
}

/**
 * Envoy's name of a certificate that has none: by a hash of its file's path, which is '' for one that is given inline.
 */
export function unnamedCertificate(path: string): string {
  return `unnamed_cert_${createHash('sha256').update(path).digest('hex').slice(0, 8)}`;
}

function describeName(name: string): readonly object[] {
  const colon = name.indexOf(':');
  const [kind, value] = [name.slice(0, colon), name.slice(colon + 1)];
  if (kind === 'DNS') return [{ dns: value }];
  if (kind === 'URI') return [{ uri: value }];
  return kind === 'IP Address' ? [{ ip_address: value }] : [];
}
