// Certificates for tests, made on the spot: authorities, servers, workloads with SPIFFE names, and all that must be
// refused (expired, not yet valid, of another authority, self-signed, revoked).

import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { bits, boolean, integer, objectId, octets, sequence, set, tag, text, time } from './der.ts';

export interface CertificateOptions {
  readonly commonName?: string;
  readonly dns?: readonly string[];
  readonly uri?: readonly string[];
  /** 4 or 16 bytes each. */
  readonly ip?: readonly Uint8Array[];
  readonly email?: readonly string[];
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  readonly authority?: boolean;
  /** P-256 without; of another kind it can sign nothing, so an authority issues what has it. */
  readonly pair?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

/** A certificate with its key; what it signs is `issue`d from it. */
export interface TestCertificate {
  readonly pem: string;
  readonly keyPem: string;
  /** Its own, then those of its issuers up to and without the root. */
  readonly chainPem: string;
  readonly serial: Uint8Array;
  /** SHA-256 of the DER form, in hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of the public key's info, in base64. */
  readonly spkiSha256: string;
  issue(options: CertificateOptions): TestCertificate;
  /** A list of those that are revoked. */
  revoke(...certificates: readonly TestCertificate[]): string;
}

const dayMs = 86_400_000;
const ecdsaSha256 = sequence(objectId('1.2.840.10045.4.3.2'));

export function createAuthority(commonName = 'Test root', options: CertificateOptions = {}): TestCertificate {
  return issue({ authority: true, ...options, commonName }, null);
}

/** Signed by its own key, and no authority. */
export function createSelfSigned(options: CertificateOptions): TestCertificate {
  return issue(options, null);
}

interface Issuer {
  readonly name: Uint8Array;
  readonly key: KeyObject;
  readonly chainPem: string;
}

function issue(options: CertificateOptions, issuer: Issuer | null): TestCertificate {
  const pair = options.pair ?? generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = pair.publicKey.export({ format: 'der', type: 'spki' });
  const name = encodeName(options.commonName ?? '');
  const serial = Buffer.concat([Buffer.of(1), randomBytes(15)]);
  const nowMs = Date.now();
  const body = sequence(
    tag(0xa0, integer(2)),
    integer(serial),
    ecdsaSha256,
    issuer?.name ?? name,
    sequence(time(options.notBeforeMs ?? nowMs - dayMs), time(options.notAfterMs ?? nowMs + dayMs)),
    name,
    spki,
    tag(0xa3, sequence(...encodeExtensions(options))),
  );
  const der = signed(body, issuer?.key ?? pair.privateKey);
  const pem = encodePem('CERTIFICATE', der);
  const chainPem = issuer === null ? '' : pem + issuer.chainPem;
  const self: Issuer = { name, key: pair.privateKey, chainPem };
  return {
    pem,
    keyPem: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    chainPem: chainPem === '' ? pem : chainPem,
    serial,
    sha256: createHash('sha256').update(der).digest('hex'),
    spkiSha256: createHash('sha256').update(spki).digest('base64'),
    issue: (next) => issue(next, self),
    revoke: (...revoked) => encodeRevocations(self, revoked),
  };
}

function encodeName(commonName: string): Uint8Array {
  return commonName === '' ? sequence() : sequence(set(sequence(objectId('2.5.4.3'), text(commonName))));
}

function encodeExtensions(options: CertificateOptions): Uint8Array[] {
  const extensions: Uint8Array[] = [];
  const add = (id: string, critical: boolean, value: Uint8Array) =>
    extensions.push(sequence(objectId(id), ...(critical ? [boolean(true)] : []), octets(value)));
  if (options.authority === true) {
    add('2.5.29.19', true, sequence(boolean(true)));
    // keyCertSign and cRLSign.
    add('2.5.29.15', true, tag(0x03, Buffer.of(1, 0x06)));
  }
  const names = [
    ...(options.email ?? []).map((value) => tag(0x81, Buffer.from(value))),
    ...(options.dns ?? []).map((value) => tag(0x82, Buffer.from(value))),
    ...(options.uri ?? []).map((value) => tag(0x86, Buffer.from(value))),
    ...(options.ip ?? []).map((value) => tag(0x87, value)),
  ];
  if (names.length > 0) add('2.5.29.17', false, sequence(...names));
  return extensions;
}

function encodeRevocations(issuer: Issuer, revoked: readonly TestCertificate[]): string {
  const nowMs = Date.now();
  const entries = revoked.map(({ serial }) => sequence(integer(serial), time(nowMs - dayMs)));
  const list = entries.length === 0 ? [] : [sequence(...entries)];
  const body = sequence(
    integer(1),
    ecdsaSha256,
    issuer.name,
    time(nowMs - dayMs),
    time(nowMs + dayMs),
    ...list,
  );
  return encodePem('X509 CRL', signed(body, issuer.key));
}

function signed(body: Uint8Array, key: KeyObject): Uint8Array {
  return sequence(body, ecdsaSha256, bits(sign('sha256', body, key)));
}

function encodePem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
