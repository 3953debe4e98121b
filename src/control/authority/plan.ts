// What becomes of the control plane's authority as time goes by, as a pure function of what there is. A successor is
// told of before it signs, and who came before is trusted until it has expired: at no time does a proxy meet a
// certificate whose signer it has not heard of.

import { X509Certificate } from 'node:crypto';
import { checkPair, createAuthority, type KeyedCertificate } from './certificates.ts';
import { authorityLimits } from './limits.ts';

/** As the Secret holds it. */
export interface Authority {
  /** Signs. */
  readonly current: KeyedCertificate;
  /** Will sign; null: none was made yet. */
  readonly next: KeyedCertificate | null;
  /** Certificates that proxies are to trust, PEM. */
  readonly roots: string;
}

/** The authority as it should be now; the same object where nothing is to be done. Null: there is none. */
export function planAuthority(held: Authority | null, nowMs: number): Authority {
  if (held === null) {
    const current = createAuthority(nowMs);
    return { current, next: null, roots: current.certificate };
  }
  const rotated = rotate(held, nowMs);
  const roots = listRoots(rotated, nowMs);
  return rotated === held && roots === held.roots ? held : { ...rotated, roots };
}

function rotate(held: Authority, nowMs: number): Authority {
  const current = checkPair(held.current);
  if (held.next === null) {
    const leftMs = (current?.notAfterMs ?? 0) - nowMs;
    return leftMs > authorityLimits.renewAuthorityMs ? held : { ...held, next: createAuthority(nowMs) };
  }
  const announcedMs = startOf(held.next.certificate) + authorityLimits.skewMs + authorityLimits.announceMs;
  return nowMs < announcedMs ? held : { ...held, current: held.next, next: null };
}

/** The one that signs first, its successor, and what came before and has not expired. */
function listRoots({ current, next, roots }: Authority, nowMs: number): string {
  const own = [current.certificate, ...(next === null ? [] : [next.certificate])];
  const older = splitPem(roots).filter((pem) => !own.includes(pem) && endOf(pem) > nowMs);
  return [...own, ...older].slice(0, authorityLimits.rootsMax).join('');
}

export function splitPem(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g) ?? [];
}

export function startOf(pem: string): number {
  return Date.parse(new X509Certificate(pem).validFrom);
}

export function endOf(pem: string): number {
  try {
    return Date.parse(new X509Certificate(pem).validTo);
  } catch {
    return 0;
  }
}
