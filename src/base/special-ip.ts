// Addresses that stand for no place elsewhere: the host's own, its link's, groups (RFC 6890). What an API server
// refuses as the address of an EndpointSlice.

import { isMappedIpv4, parseIp } from './ip.ts';
import { createIpRange, type IpRange, rangeHas } from './ip-range.ts';

const special: readonly IpRange[] = (
  [
    ['0.0.0.0', 8],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['224.0.0.0', 3],
    ['::', 128],
    ['::1', 128],
    ['fe80::', 10],
    ['ff00::', 8],
  ] as const
).map(([address, bits]) => createIpRange(address, bits)!);

/** Unspecified, loopback, link-local, multicast or reserved; also such of IPv4 within IPv6, and what is no address. */
export function isSpecialIp(text: string): boolean {
  const bytes = parseIp(text);
  if (bytes === null) return true;
  const plain = bytes.length === 16 && isMappedIpv4(bytes) ? bytes.subarray(12) : bytes;
  return special.some((range) => rangeHas(range, plain));
}
