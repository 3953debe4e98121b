// What the kernel knows of a connection and Bun does not say, and what it can be told before it connects.

import type { Address, ConnectOptions, SocketOption } from '../network.ts';
import { createSystemError } from './errno.ts';
import { type Libc, lastErrno, libc } from './libc.ts';
import { decodeSocketAddress, encodeSocketAddress } from './sockaddr.ts';

const requestOutputQueue = 0x5411;
const requestInputQueue = 0x541b;

const answer = new Int32Array(1);
const answerBytes = new Uint8Array(answer.buffer);

/** Bytes that were written and that the peer has not acknowledged (SIOCOUTQ); 0 where the kernel cannot be asked. */
export function readUnsentBytes(descriptor: number): number {
  return (libc()?.ioctl(descriptor, requestOutputQueue, answerBytes) ?? -1) === 0 ? (answer[0] ?? 0) : 0;
}

/** Bytes that have come and wait to be read (FIONREAD); 0 where the kernel cannot be asked. */
export function readUnreadBytes(descriptor: number): number {
  return (libc()?.ioctl(descriptor, requestInputQueue, answerBytes) ?? -1) === 0 ? (answer[0] ?? 0) : 0;
}

const levelIpv4 = 0;
const levelIpv6 = 41;
const optionOriginalDestination = 80;

const target = new Uint8Array(28);
const targetLength = new Uint32Array(1);
const targetLengthBytes = new Uint8Array(targetLength.buffer);

/**
 * Where a connection was going before iptables or nft redirected it here (SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST); null
 * when it was not. An IPv4 connection to a dual-stack listener is asked as what it is.
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

const levelSocket = 1;
const levelTcp = 6;
const optionKeepAlive = 9;
const optionMark = 36;
const optionTcpKeepIdle = 4;
const optionTcpKeepInterval = 5;
const optionTcpKeepCount = 6;
const optionTcpUserTimeout = 18;
const invalid = 22;

const setting = new Int32Array(1);
const settingBytes = new Uint8Array(setting.buffer);

/** Null when all were taken; else the reason, which names the option. */
export function applyConnectOptions(system: Libc, descriptor: number, options: ConnectOptions): Error | null {
  const { source = null, keepAlive = null, userTimeoutMs = null, mark = null } = options;
  const given = options.options ?? [];
  const fault = applyAll(
    system,
    descriptor,
    given.filter(({ state }) => state === 'prebind'),
  );
  if (fault !== null) return fault;
  const rows: readonly (readonly [name: string, level: number, option: number, value: number | null])[] = [
    ['SO_MARK', levelSocket, optionMark, mark],
    ['TCP_USER_TIMEOUT', levelTcp, optionTcpUserTimeout, userTimeoutMs],
    ['SO_KEEPALIVE', levelSocket, optionKeepAlive, keepAlive === null ? null : 1],
    ['TCP_KEEPIDLE', levelTcp, optionTcpKeepIdle, keepAlive?.idleSeconds ?? null],
    ['TCP_KEEPINTVL', levelTcp, optionTcpKeepInterval, keepAlive?.intervalSeconds ?? null],
    ['TCP_KEEPCNT', levelTcp, optionTcpKeepCount, keepAlive?.probes ?? null],
  ];
  for (const [name, level, option, value] of rows) {
    if (value === null) continue;
    setting[0] = value;
    if (system.setsockopt(descriptor, level, option, settingBytes, 4) !== 0)
      return createSystemError(name, lastErrno());
  }
  const bound = given.filter(({ state }) => state !== 'prebind');
  if (source === null) return applyAll(system, descriptor, bound);
  const from = encodeSocketAddress(source);
  if (from === null) return createSystemError('bind', invalid);
  if (system.bind(descriptor, from.bytes, from.bytes.length) !== 0)
    return createSystemError('bind', lastErrno());
  return applyAll(system, descriptor, bound);
}

/** Null when all were taken. */
export function applyAll(system: Libc, descriptor: number, options: readonly SocketOption[]): Error | null {
  for (const { level, name, value } of options) {
    const bytes = typeof value === 'number' ? new Uint8Array(Int32Array.of(value).buffer) : value;
    if (system.setsockopt(descriptor, level, name, bytes, bytes.length) !== 0)
      return createSystemError(`setsockopt(${level}, ${name})`, lastErrno());
  }
  return null;
}

const optionPeerCredentials = 17;
const optionReceiveTimeout = 20;

/** The user at the other end of a unix socket (SO_PEERCRED), or -1. */
export function readPeerUser(socket: { readonly fd: number }): number {
  const credentials = new Int32Array(3);
  const length = new Uint32Array([credentials.byteLength]);
  const failed = libc()?.getsockopt(
    socket.fd,
    levelSocket,
    optionPeerCredentials,
    new Uint8Array(credentials.buffer),
    new Uint8Array(length.buffer),
  );
  return failed === 0 ? (credentials[1] ?? -1) : -1;
}

/** For a blocking descriptor of our own. */
export function setReceiveTimeout(system: Libc, descriptor: number, timeoutMs: number): void {
  const time = new BigInt64Array([BigInt(Math.floor(timeoutMs / 1000)), BigInt((timeoutMs % 1000) * 1000)]);
  system.setsockopt(
    descriptor,
    levelSocket,
    optionReceiveTimeout,
    new Uint8Array(time.buffer),
    time.byteLength,
  );
}
