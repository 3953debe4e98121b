// Whether a request is traced: Envoy's decision (mutateTracingRequestHeader), which travels in the fourteenth digit of
// x-request-id, so that all proxies of a request come to the same.

import type { Random } from '../../base/index.ts';
import { type Head, headerId } from '../../wire/index.ts';

export type Reason = 'not_traceable' | 'random_sampling' | 'service_forced' | 'client_enabled';

export interface Shares {
  readonly packsReason: boolean;
  readonly drawsById: boolean;
  readonly clientShare: number;
  readonly randomShare: number;
  readonly overallShare: number;
}

const reasonAt = 14;
const digits: Readonly<Record<Reason, string>> = {
  not_traceable: '4',
  random_sampling: '9',
  service_forced: 'a',
  client_enabled: 'b',
};
const reasons: Readonly<Record<string, Reason>> = {
  '9': 'random_sampling',
  a: 'service_forced',
  b: 'client_enabled',
};

/** `requestId` as it is to be sent on, with the decision in it. */
export function decide(
  head: Head,
  requestId: string,
  shares: Shares,
  random: Random,
): { readonly reason: Reason; readonly requestId: string } {
  if (!shares.drawsById) return { reason: 'random_sampling', requestId };
  const drawn = Number.parseInt(requestId.slice(0, 8), 16);
  // An id of another kind carries no decision, and no chance.
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-/.test(requestId)) return { reason: 'not_traceable', requestId };
  const chance = (drawn % 10_000) / 10_000;
  const before = reasons[requestId[reasonAt] ?? ''];
  let reason: Reason = before ?? 'not_traceable';
  if (before === undefined) {
    if (head.findName('x-client-trace-id') >= 0 && random.float() < shares.clientShare)
      reason = 'client_enabled';
    else if (head.find(headerId['x-envoy-force-trace']) >= 0) reason = 'service_forced';
    else if (chance < shares.randomShare) reason = 'random_sampling';
  }
  if (reason !== 'not_traceable' && chance >= shares.overallShare) reason = 'not_traceable';
  const unchanged = !shares.packsReason || reason === (before ?? 'not_traceable');
  return { reason, requestId: unchanged ? requestId : withReason(requestId, reason) };
}

function withReason(requestId: string, reason: Reason): string {
  return requestId.slice(0, reasonAt) + digits[reason] + requestId.slice(reasonAt + 1);
}
