// The marker by which a callee's proxy says that an answer is its own and whether the application saw the request (docs/xds.md).
// Without it "the application answered 503" and "the application was never reached" would look alike, and only one may be retried.

import type { ErrorCode } from '../../base/index.ts';

export const refusedHeader = 'x-weft-refused';

/** `none`: the application's own answer. */
export type Refusal = 'none' | 'unsent' | 'sent';

export function parseRefusal(value: string | null): Refusal {
  if (value === null) return 'none';
  if (value.startsWith('unsent')) return 'unsent';
  return value.startsWith('sent') ? 'sent' : 'none';
}

/** The code behind `reason=`; anything else a peer wrote is `refused-by-peer`, because it becomes a label. */
export function parseRefusalReason(value: string): ErrorCode {
  const at = value.indexOf('reason=');
  const reason = at < 0 ? '' : value.slice(at + 7);
  return knownReasons.get(reason) ?? 'refused-by-peer';
}

export function encodeRefusal(sent: boolean, reason: ErrorCode): string {
  return `${sent ? 'sent' : 'unsent'}; reason=${reason}`;
}

const knownReasons: ReadonlyMap<string, ErrorCode> = new Map(
  (
    [
      'connect-refused',
      'connect-timeout',
      'connect-failed',
      'name-not-found',
      'peer-closed',
      'peer-reset',
      'protocol',
      'too-large',
      'idle-timeout',
      'attempt-timeout',
      'request-timeout',
      'overflow',
      'no-route',
      'no-cluster',
      'no-endpoint',
      'misdirected',
      'draining',
    ] satisfies ErrorCode[]
  ).map((code) => [code, code]),
);
