// Keys and certificates of the control plane's own authority: P-256 and ECDSA with SHA-256, which every client of
// discovery speaks.

import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import {
  authorityExtensions,
  encodeBody,
  encodeName,
  encodePem,
  encodeSigned,
  keyExtensions,
  nameExtension,
  serverExtensions,
} from '../../wire/x509/index.ts';
import { authorityLimits } from './limits.ts';

/** PEM; the key in PKCS #8. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

export function createAuthority(nowMs: number): KeyedCertificate {
  const pair = generatePair();
  const keyId = keyIdOf(pair.spki);
  // No two have the same name, so that a chain has one way up.
  const name = encodeName(`weft ${keyId.toString('hex').slice(0, 16)}`);
  return certify(pair, {
    issuer: name,
    signer: pair.privateKey,
    subject: name,
    nowMs,
    lifeMs: authorityLimits.authorityMs,
    extensions: [...authorityExtensions(), ...keyExtensions(keyId, keyId)],
  });
}

/** For a server of these names; signed by the authority, whose own certificate is left out: clients have it. */
export function issueServer(
  authority: KeyedCertificate,
  dns: readonly string[],
  nowMs: number,
  lifeMs: number = authorityLimits.serverMs,
): KeyedCertificate {
  const pair = generatePair();
  const signer = createPrivateKey(authority.key);
  const parent = new X509Certificate(authority.certificate);
  const parentKey = parent.publicKey.export({ format: 'der', type: 'spki' });
  return certify(pair, {
    issuer: encodeName(commonNameOf(parent)),
    signer,
    subject: encodeName(dns[0]?.slice(0, commonNameMax) ?? ''),
    nowMs,
    lifeMs,
    extensions: [
      ...serverExtensions(),
      ...keyExtensions(keyIdOf(pair.spki), keyIdOf(parentKey)),
      nameExtension(dns),
    ],
  });
}

/** Null: these are no certificate and the key that belongs to it. */
export function checkPair({ certificate, key }: KeyedCertificate): { readonly notAfterMs: number } | null {
  try {
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(createPrivateKey(key))) return null;
    return { notAfterMs: Date.parse(parsed.validTo) };
  } catch {
    return null;
  }
}

/** RFC 5280, ub-common-name. */
const commonNameMax = 64;

interface Pair {
  readonly spki: Buffer;
  readonly privateKey: KeyObject;
}

function generatePair(): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return { spki: publicKey.export({ format: 'der', type: 'spki' }), privateKey };
}

interface Order {
  readonly issuer: Uint8Array;
  readonly signer: KeyObject;
  readonly subject: Uint8Array;
  readonly nowMs: number;
  readonly lifeMs: number;
  readonly extensions: readonly Uint8Array[];
}

function certify(pair: Pair, order: Order): KeyedCertificate {
  const body = encodeBody({
    // 128 bits of chance, the first byte kept below 128 and above 0.
    serial: Buffer.concat([Buffer.of(1), randomBytes(16)]),
    issuer: order.issuer,
    subject: order.subject,
    notBeforeMs: order.nowMs - authorityLimits.skewMs,
    notAfterMs: order.nowMs + order.lifeMs,
    publicKeyInfo: pair.spki,
    extensions: order.extensions,
  });
  const der = encodeSigned(body, sign('sha256', body, order.signer));
  return {
    certificate: encodePem('CERTIFICATE', der),
    key: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
  };
}

/** RFC 7093, method 1: of the hash of the key the first 160 bits. */
function keyIdOf(spki: Uint8Array): Buffer {
  return createHash('sha256').update(spki).digest().subarray(0, 20);
}

function commonNameOf({ subject }: X509Certificate): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
}
