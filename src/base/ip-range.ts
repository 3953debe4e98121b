// Ranges of IP addresses (CIDR, RFC 4632): who counts as internal, which source a filter chain serves, whom a policy
// names.

import { parseIp } from './ip.ts';

export interface IpRange {
  /** 4 or 16 bytes; bits beyond the prefix mean nothing. */
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

/** Null for what is no IP literal, or a prefix longer than the address. */
export function createIpRange(address: string, prefixBits: number): IpRange | null {
  const bytes = parseIp(address);
  if (bytes === null || !Number.isInteger(prefixBits) || prefixBits < 0 || prefixBits > bytes.length * 8)
    return null;
  return { bytes, prefixBits };
}

/** False for an address of the other family, and for what is no IP literal. */
export function rangeHas(range: IpRange, address: Uint8Array): boolean {
  if (address.length !== range.bytes.length) return false;
  const whole = range.prefixBits >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== range.bytes[at]) return false;
  const rest = range.prefixBits & 7;
  if (rest === 0) return true;
  return ((address[whole] ?? 0) ^ (range.bytes[whole] ?? 0)) >> (8 - rest) === 0;
}
