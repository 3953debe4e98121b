// What the kernel knows of a connection and Bun does not say.

import type { Address } from '../network.ts';
import { libc } from './libc.ts';
import { decodeSocketAddress } from './sockaddr.ts';

const requestOutputQueue = 0x5411;

const answer = new Int32Array(1);
const answerBytes = new Uint8Array(answer.buffer);

/** Bytes that were written and that the peer has not acknowledged (SIOCOUTQ); 0 where the kernel cannot be asked. */
export function readUnsentBytes(descriptor: number): number {
  return (libc()?.ioctl(descriptor, requestOutputQueue, answerBytes) ?? -1) === 0 ? (answer[0] ?? 0) : 0;
}

const levelIpv4 = 0;
const levelIpv6 = 41;
const optionOriginalDestination = 80;

const target = new Uint8Array(28);
const targetLength = new Uint32Array(1);
const targetLengthBytes = new Uint8Array(targetLength.buffer);

/**
 * Where a connection was going before iptables or nft redirected it here (SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST); null when it was
 * not. An IPv4 connection to a dual-stack listener is asked as what it is.
 */
export function readOriginalDestination(descriptor: number, ipv6: boolean): Address | null {
  const system = libc();
  if (system === null) return null;
  targetLength[0] = target.length;
  const level = ipv6 ? levelIpv6 : levelIpv4;
  if (system.getsockopt(descriptor, level, optionOriginalDestination, target, targetLengthBytes) !== 0)
    return null;
  return decodeSocketAddress(target);
}
