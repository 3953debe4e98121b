// The marker by which a callee's proxy says that an answer is its own and whether the application saw the request
// (docs/xds.md). Without it "the application answered 503" and "the application was never reached" would look alike,
// and only one may be retried.

import type { ErrorCode } from '../../base/index.ts';

export const refusedHeader = 'x-weft-refused';

/** `none`: the application's own answer. */
export type Refusal = 'none' | 'unsent' | 'sent';

export function parseRefusal(value: string | null): Refusal {
  if (value === null) return 'none';
  if (value.startsWith('unsent')) return 'unsent';
  return value.startsWith('sent') ? 'sent' : 'none';
}

export function encodeRefusal(sent: boolean, reason: ErrorCode): string {
  return `${sent ? 'sent' : 'unsent'}; reason=${reason}`;
}
