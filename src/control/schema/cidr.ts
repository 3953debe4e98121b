// Ranges of addresses as people write them.

import { createIpRange } from '../../base/index.ts';
import { isIpv4, isIpv6 } from './values.ts';

export const cidrError = 'must be a range of addresses such as 10.0.0.0/8, with no bits behind its prefix';

/** RFC 4632: bits behind the prefix are 0, because what one reader cuts off, another takes for a fault. */
export function isCidr(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/');
  const range = /^(0|[1-9]\d{0,2})$/.test(bits) ? createIpRange(address, Number(bits)) : null;
  if (range === null || more.length > 0 || !(isIpv4(address) || isIpv6(address))) return false;
  return range.bytes.every((byte, at) => {
    const behind = Math.min(8, Math.max(0, (at + 1) * 8 - range.prefixBits));
    return (byte & (2 ** behind - 1)) === 0;
  });
}
