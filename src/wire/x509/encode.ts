// Certificates in the form that is signed (RFC 5280 section 4.1), with what the mesh puts into them: names of a server,
// an authority's right to sign, what a key may be used for. Keys and signatures are the caller's.

import {
  bits,
  boolean,
  type Der,
  integer,
  objectId,
  octets,
  sequence,
  set,
  tag,
  text,
  time,
} from './der-writer.ts';

export interface CertificateBody {
  /** Positive: its first bit is 0. */
  readonly serial: Uint8Array;
  /** Of {@link encodeName}. */
  readonly issuer: Der;
  readonly subject: Der;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array;
  readonly extensions: readonly Der[];
}

const ecdsaSha256 = sequence(objectId('1.2.840.10045.4.3.2'));

/** A name of a common name alone; empty: no name. */
export function encodeName(commonName: string): Der {
  return commonName === '' ? sequence() : sequence(set(sequence(objectId('2.5.4.3'), text(commonName))));
}

/** What is to be signed by ECDSA with SHA-256. */
export function encodeBody(body: CertificateBody): Der {
  return sequence(
    tag(0xa0, integer(2)),
    integer(body.serial),
    ecdsaSha256,
    body.issuer,
    sequence(time(body.notBeforeMs), time(body.notAfterMs)),
    body.subject,
    body.publicKeyInfo,
    tag(0xa3, sequence(...body.extensions)),
  );
}

/** A body with its signature: a certificate. */
export function encodeSigned(body: Der, signature: Uint8Array): Der {
  return sequence(body, ecdsaSha256, bits(signature));
}

/** May sign certificates, and lists of revoked ones. */
export function authorityExtensions(): readonly Der[] {
  return [
    extension('2.5.29.19', true, sequence(boolean(true))),
    // keyCertSign and cRLSign.
    extension('2.5.29.15', true, tag(0x03, Uint8Array.of(1, 0x06))),
  ];
}

/** A server: may sign in a handshake, and nothing else. */
export function serverExtensions(): readonly Der[] {
  return [
    extension('2.5.29.19', true, sequence()),
    // digitalSignature.
    extension('2.5.29.15', true, tag(0x03, Uint8Array.of(7, 0x80))),
    extension('2.5.29.37', false, sequence(objectId('1.3.6.1.5.5.7.3.1'))),
  ];
}

/** Which key it is, and which one signed it: what finds an issuer among several of one name. */
export function keyExtensions(keyId: Uint8Array, issuerKeyId: Uint8Array): readonly Der[] {
  return [
    extension('2.5.29.14', false, octets(keyId)),
    extension('2.5.29.35', false, sequence(tag(0x80, issuerKeyId))),
  ];
}

/** Alternative names, of DNS. */
export function nameExtension(dns: readonly string[]): Der {
  const names = dns.map((value) => tag(0x82, Buffer.from(value)));
  return extension('2.5.29.17', false, sequence(...names));
}

/** RFC 7468. */
export function encodePem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

function extension(id: string, critical: boolean, value: Uint8Array): Der {
  return sequence(objectId(id), ...(critical ? [boolean(true)] : []), octets(value));
}
