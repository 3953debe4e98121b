// What the webhook shows and whom the API server trusts to be it, as a pure function of what there is. Trust comes
// first: a certificate is replaced only when its signer has been trusted since an earlier turn, and who signed the one
// before is trusted until no webhook can show it any more. At no time does the API server meet one that it refuses.

import { X509Certificate } from 'node:crypto';
import { checkPair, issueServer, type KeyedCertificate } from './certificates.ts';
import { authorityLimits } from './limits.ts';
import { type Authority, endOf, splitPem, startOf } from './plan.ts';

export interface WebhookTrust {
  /** What the webhook shows; null: nothing that could be used. */
  readonly pair: KeyedCertificate | null;
  /** `caBundle` of its configuration, PEM. */
  readonly bundle: string;
}

/** As it should be next; equal where nothing is to be done. `name`: of its Service, as the API server asks for it. */
export function planWebhook(
  held: WebhookTrust,
  authority: Authority,
  name: string,
  nowMs: number,
): WebhookTrust {
  const bundle = planBundle(held, authority, nowMs);
  const isTrusted = splitPem(held.bundle).includes(authority.current.certificate);
  // Nobody can be turned away by the first one.
  if (!isDue(held.pair, authority, name, nowMs) || !(isTrusted || held.pair === null))
    return { pair: held.pair, bundle };
  return { pair: issueServer(authority.current, [name], nowMs, authorityLimits.webhookMs), bundle };
}

function planBundle({ pair, bundle }: WebhookTrust, { roots }: Authority, nowMs: number): string {
  const own = splitPem(roots);
  const older = splitPem(bundle).filter((pem) => !own.includes(pem) && endOf(pem) > nowMs);
  return [...own, ...(isSettled(pair, own, nowMs) ? [] : older)]
    .slice(0, authorityLimits.rootsMax + 1)
    .join('');
}

/** What every webhook shows is signed by one of the authority's. */
function isSettled(pair: KeyedCertificate | null, roots: readonly string[], nowMs: number): boolean {
  if (pair === null) return true;
  const sinceMs = nowMs - (startOf(pair.certificate) + authorityLimits.skewMs);
  return roots.some((root) => isSignedBy(pair, root)) && sinceMs >= authorityLimits.settleMs;
}

function isDue(pair: KeyedCertificate | null, { current }: Authority, name: string, nowMs: number): boolean {
  if (pair === null) return true;
  const leftMs = (checkPair(pair)?.notAfterMs ?? 0) - nowMs;
  if (leftMs <= authorityLimits.renewWebhookMs || !isSignedBy(pair, current.certificate)) return true;
  return new X509Certificate(pair.certificate).checkHost(name) === undefined;
}

function isSignedBy({ certificate }: KeyedCertificate, root: string): boolean {
  const parent = new X509Certificate(root);
  const leaf = new X509Certificate(certificate);
  return leaf.checkIssued(parent) && leaf.verify(parent.publicKey);
}
