// A descriptor of our own that connects. Bun.connect gives no hold on a socket whose SYN is unanswered: 400 abandoned
// attempts left 463 descriptors behind until the kernel gave up, minutes later. Owned from the start, one is freed the
// moment it is abandoned.

import type { Address, ConnectOptions } from '../network.ts';
import { createSystemError, errnoInProgress } from './errno.ts';
import { type Libc, lastErrno } from './libc.ts';
import { applyConnectOptions } from './options.ts';
import { encodeSocketAddress } from './sockaddr.ts';

const typeStream = 1;
const flagNonBlocking = 0x800;
const flagCloseOnExec = 0x80000;
const invalid = 22;

/** A descriptor whose connect has begun or is done, or why it cannot be had; then none is left open. */
export function openConnecting(system: Libc, address: Address, options: ConnectOptions): number | Error {
  const target = encodeSocketAddress(address);
  if (target === null) return createSystemError('connect', invalid);
  const descriptor = system.socket(target.family, typeStream | flagNonBlocking | flagCloseOnExec, 0);
  if (descriptor < 0) return createSystemError('socket', lastErrno());
  const refused = applyConnectOptions(system, descriptor, options);
  if (refused !== null) {
    system.close(descriptor);
    return refused;
  }
  if (system.connect(descriptor, target.bytes, target.bytes.length) === 0) return descriptor;
  const errno = lastErrno();
  if (errno === errnoInProgress) return descriptor;
  system.close(descriptor);
  return createSystemError('connect', errno);
}
