// Ranges of addresses as people write them.

import { createIpRange, type IpRange, rangeHas } from '../../base/index.ts';
import { isIpv4, isIpv6 } from './values.ts';

export const cidrError = 'must be a range of addresses such as 10.0.0.0/8, with no bits behind its prefix';

/** RFC 4632: bits behind the prefix are 0, because what one reader cuts off, another takes for a fault. */
export function isCidr(text: string): boolean {
  const [address = ''] = text.split('/');
  const range = rangeOf(text);
  if (range === null || !(isIpv4(address) || isIpv6(address))) return false;
  return range.bytes.every((byte, at) => {
    const behind = Math.min(8, Math.max(0, (at + 1) * 8 - range.prefixBits));
    return (byte & (2 ** behind - 1)) === 0;
  });
}

/** The API server refuses a NetworkPolicy that leaves anything else out of a range (ValidateIPBlock). */
export function isStrictlyWithin(wide: string, narrow: string): boolean {
  const [outer, inner] = [rangeOf(wide), rangeOf(narrow)];
  return (
    outer !== null && inner !== null && outer.prefixBits < inner.prefixBits && rangeHas(outer, inner.bytes)
  );
}

function rangeOf(text: string): IpRange | null {
  const [address = '', bits = '', ...more] = text.split('/');
  return more.length === 0 && /^(0|[1-9]\d{0,2})$/.test(bits) ? createIpRange(address, Number(bits)) : null;
}
