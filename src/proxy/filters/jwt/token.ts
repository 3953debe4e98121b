// JSON Web Tokens (RFC 7519) in their compact form, and what a provider asks of their claims. Texts are Envoy's.

import type { ValueMatcher } from '../../../policy/index.ts';
import type { JwtProviderConfig } from '../../config/filter-types.ts';
import { isKnownAlgorithm } from './keys.ts';

export type Claims = Readonly<Record<string, unknown>>;

export interface Token {
  readonly text: string;
  readonly header: Claims;
  readonly claims: Claims;
  readonly alg: string;
  readonly kid: string | null;
  readonly issuer: string;
  readonly payload: string;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

export const jwtFaults = {
  missing: 'Jwt is missing',
  form: 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections',
  expired: 'Jwt is expired',
  early: 'Jwt not yet valid',
  issuer: 'Jwt issuer is not configured',
  audience: 'Audiences in Jwt are not allowed',
  signature: 'Jwt verification fails',
  keys: 'Jwks remote fetch is failed',
  noKey: "Jwks doesn't have key to match kid or alg from Jwt",
  headerText: 'Jwt header is an invalid Base64url encoded',
  header: 'Jwt header is an invalid JSON',
  alg: 'Jwt header [alg] is not supported',
  noAlg: 'Jwt header [alg] field is required and must be a string',
  payloadText: 'Jwt payload is an invalid Base64url encoded',
  payload: 'Jwt payload is an invalid JSON',
  signatureText: 'Jwt signature is an invalid Base64url encoded',
} as const;

export type JwtFault = keyof typeof jwtFaults;

const base64url = /^[A-Za-z0-9_-]+$/;

export function parseToken(text: string): Token | JwtFault {
  const parts = text.split('.');
  const [head = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3 || parts.includes('')) return 'form';
  if (!base64url.test(head)) return 'headerText';
  const header = parseObject(head);
  if (header === null) return 'header';
  const { alg, kid } = header;
  if (typeof alg !== 'string') return 'noAlg';
  if (!isKnownAlgorithm(alg)) return 'alg';
  if (!base64url.test(payload)) return 'payloadText';
  const claims = parseObject(payload);
  if (claims === null) return 'payload';
  if (!base64url.test(signature)) return 'signatureText';
  return {
    text,
    header,
    claims,
    alg,
    kid: typeof kid === 'string' ? kid : null,
    issuer: typeof claims['iss'] === 'string' ? claims['iss'] : '',
    payload,
    signed: Buffer.from(`${head}.${payload}`, 'latin1'),
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** Of times, and of who it is for; `audiences` and `subject` as the requirement has them. */
export function claimsFault(
  { claims }: Token,
  provider: JwtProviderConfig,
  audiences: readonly string[],
  subject: ValueMatcher | null,
  nowSeconds: number,
): JwtFault | null {
  const skew = provider.clockSkewSeconds;
  const seconds = (name: string) => (typeof claims[name] === 'number' ? (claims[name] as number) : null);
  const [expires, begins] = [seconds('exp'), seconds('nbf')];
  if (begins !== null && begins > nowSeconds + skew) return 'early';
  if (expires !== null && expires < nowSeconds - skew) return 'expired';
  const { lifetimeSecondsMax, requiresExpiration } = provider;
  if (expires === null && (requiresExpiration || lifetimeSecondsMax > 0)) return 'signature';
  // As Envoy: what is left of it counts, not when it was issued.
  if (lifetimeSecondsMax > 0 && (expires ?? 0) - nowSeconds > lifetimeSecondsMax) return 'signature';
  if (subject !== null && !(typeof claims['sub'] === 'string' && subject.matches(claims['sub'])))
    return 'signature';
  if (audiences.length === 0) return null;
  const { aud } = claims;
  const named = (Array.isArray(aud) ? aud : [aud]).filter((each) => typeof each === 'string').map(bare);
  return audiences.some((audience) => named.includes(bare(audience))) ? null : 'audience';
}

/** As Envoy compares them: without scheme and the slash at the end. */
function bare(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

function parseObject(text: string): Claims | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Claims) : null;
  } catch {
    return null;
  }
}
