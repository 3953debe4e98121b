// JSON Web Keys (RFC 7517) and signatures (RFC 7518, 8037), verified by node:crypto within the call.

import { constants, createHmac, createPublicKey, type KeyObject, timingSafeEqual, verify } from 'node:crypto';

export interface Jwk {
  readonly kid: string | null;
  readonly alg: string | null;
  readonly kty: string;
  readonly crv: string | null;
  /** Null: symmetric. */
  readonly key: KeyObject | null;
  readonly secret: Uint8Array | null;
}

interface Algorithm {
  readonly kty: string;
  readonly crv?: readonly string[];
  readonly verify: (jwk: Jwk, signed: Uint8Array, signature: Uint8Array) => boolean;
}

const rsa = (hash: string): Algorithm => ({
  kty: 'RSA',
  verify: ({ key }, signed, signature) => key !== null && verify(hash, signed, key, signature),
});
const pss = (hash: string): Algorithm => ({
  kty: 'RSA',
  verify: ({ key }, signed, signature) =>
    key !== null &&
    verify(
      hash,
      signed,
      { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
      signature,
    ),
});
const ec = (hash: string, curve: string): Algorithm => ({
  kty: 'EC',
  crv: [curve],
  verify: ({ key }, signed, signature) =>
    key !== null && verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature),
});
const hmac = (hash: string): Algorithm => ({
  kty: 'oct',
  verify({ secret }, signed, signature) {
    if (secret === null) return false;
    const expected = createHmac(hash, secret).update(signed).digest();
    return expected.length === signature.length && timingSafeEqual(expected, signature);
  },
});

/** The key's type must be the algorithm's: a public key is no secret that something could be signed with. */
const algorithms: Readonly<Record<string, Algorithm>> = {
  RS256: rsa('sha256'),
  RS384: rsa('sha384'),
  RS512: rsa('sha512'),
  PS256: pss('sha256'),
  PS384: pss('sha384'),
  PS512: pss('sha512'),
  ES256: ec('sha256', 'P-256'),
  ES384: ec('sha384', 'P-384'),
  ES512: ec('sha512', 'P-521'),
  HS256: hmac('sha256'),
  HS384: hmac('sha384'),
  HS512: hmac('sha512'),
  EdDSA: {
    kty: 'OKP',
    crv: ['Ed25519'],
    verify: ({ key }, signed, signature) => key !== null && verify(null, signed, key, signature),
  },
};

export function isKnownAlgorithm(alg: string): boolean {
  return Object.hasOwn(algorithms, alg);
}

/** Null: it is no set of keys, or holds none that can be used. */
export function parseKeys(text: string): readonly Jwk[] | null {
  try {
    const { keys } = JSON.parse(text) as { keys?: unknown };
    if (!Array.isArray(keys)) return null;
    const parsed = keys.flatMap((key) => parseKey(key as Readonly<Record<string, unknown>>));
    return parsed.length === 0 ? null : parsed;
  } catch {
    return null;
  }
}

function parseKey(jwk: Readonly<Record<string, unknown>>): readonly Jwk[] {
  const text = (name: string) => (typeof jwk[name] === 'string' ? (jwk[name] as string) : null);
  const kty = text('kty');
  if (kty === null) return [];
  const common = { kid: text('kid'), alg: text('alg'), kty, crv: text('crv') };
  if (kty === 'oct') {
    const secret = Buffer.from(text('k') ?? '', 'base64url');
    return secret.length === 0 ? [] : [{ ...common, key: null, secret }];
  }
  try {
    return [{ ...common, key: createPublicKey({ key: jwk as never, format: 'jwk' }), secret: null }];
  } catch {
    return [];
  }
}

/** `none`: no key fits; `bad`: those that fit did not sign it. */
export function verifySignature(
  keys: readonly Jwk[],
  alg: string,
  kid: string | null,
  signed: Uint8Array,
  signature: Uint8Array,
): 'good' | 'bad' | 'none' {
  const algorithm = algorithms[alg];
  if (algorithm === undefined) return 'none';
  let fitting = false;
  for (const jwk of keys) {
    if (kid !== null && jwk.kid !== null && jwk.kid !== kid) continue;
    if (jwk.alg !== null && jwk.alg !== alg) continue;
    fitting = true;
    if (jwk.kty !== algorithm.kty || (algorithm.crv?.includes(jwk.crv ?? '') ?? true) === false) continue;
    try {
      if (algorithm.verify(jwk, signed, signature)) return 'good';
    } catch {
      // A signature of another form than the key's is none.
    }
  }
  return fitting ? 'bad' : 'none';
}
