// Linux's `struct sockaddr` for IPv4, IPv6 and unix sockets, written for connect and bind, read from getsockopt.

import { formatIp, parseIp } from '../../base/index.ts';
import type { Address } from '../network.ts';

export const familyUnix = 1;
export const familyIpv4 = 2;
export const familyIpv6 = 10;

/** Of `sun_path`, with the zero at its end. */
const unixPathBytesMax = 107;
/** IPv6: family, port, flow, 16 bytes, scope. */
const ipv6Bytes = 28;
const ipv4Bytes = 16;

export interface SocketAddress {
  readonly family: number;
  readonly bytes: Uint8Array;
}

/**
 * Null when the host is no IP literal or the path too long. A path that begins with a zero byte is abstract (unix(7)).
 */
export function encodeSocketAddress(address: Address): SocketAddress | null {
  return address.kind === 'unix' ? encodeUnix(address.path) : encodeIp(address.host, address.port);
}

function encodeUnix(path: string): SocketAddress | null {
  const text = Buffer.from(path);
  if (text.length === 0 || text.length > unixPathBytesMax) return null;
  // An abstract name ends where its length says, a path at its zero byte.
  const bytes = new Uint8Array(2 + text.length + (text[0] === 0 ? 0 : 1));
  bytes[0] = familyUnix;
  bytes.set(text, 2);
  return { family: familyUnix, bytes };
}

function encodeIp(host: string, port: number): SocketAddress | null {
  const ip = parseIp(host);
  if (ip === null) return null;
  const family = ip.length === 4 ? familyIpv4 : familyIpv6;
  const bytes = new Uint8Array(ip.length === 4 ? ipv4Bytes : ipv6Bytes);
  bytes[0] = family;
  bytes[2] = port >> 8;
  bytes[3] = port & 255;
  bytes.set(ip, ip.length === 4 ? 4 : 8);
  return { family, bytes };
}

/** Null for a family other than IP. */
export function decodeSocketAddress(bytes: Uint8Array): Address | null {
  const family = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8);
  const port = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  if (family === familyIpv4) return { kind: 'ip', host: formatIp(bytes.subarray(4, 8)), port };
  if (family === familyIpv6) return { kind: 'ip', host: formatIp(bytes.subarray(8, 24)), port };
  return null;
}
