// Descriptors sent over a unix socket (SCM_RIGHTS, unix(7)), by hand, because no runtime offers it: the structures of
// sendmsg and recvmsg for 64-bit Linux.

import { ptr } from 'bun:ffi';
import { createSystemError } from './errno.ts';
import { type Libc, lastErrno } from './libc.ts';

/** The kernel takes 253 in one message. */
export const descriptorsMax = 250;
const bytesMax = 64 * 1024;
const messageHeaderBytes = 56;
const controlHeaderBytes = 16;
const levelSocket = 1;
const typeRights = 1;
/** A received descriptor is not inherited by programs that this one starts (MSG_CMSG_CLOEXEC). */
const closeOnExec = 0x40000000;

/** Buffers of one message; their owner keeps them while the call runs. */
interface Message {
  readonly header: Uint8Array;
  readonly vector: Uint8Array;
  readonly bytes: Uint8Array;
  readonly control: Uint8Array;
}

function createMessage(bytes: Uint8Array, control: Uint8Array): Message {
  const vector = new Uint8Array(16);
  const vectorView = new DataView(vector.buffer);
  vectorView.setBigUint64(0, BigInt(ptr(bytes)), true);
  vectorView.setBigUint64(8, BigInt(bytes.length), true);
  const header = new Uint8Array(messageHeaderBytes);
  const view = new DataView(header.buffer);
  view.setBigUint64(16, BigInt(ptr(vector)), true);
  view.setBigUint64(24, 1n, true);
  view.setBigUint64(32, BigInt(ptr(control)), true);
  view.setBigUint64(40, BigInt(control.length), true);
  return { header, vector, bytes, control };
}

/** Sends them with one message of bytes, not empty. Throws a system error. */
export function sendDescriptors(
  system: Libc,
  socket: number,
  bytes: Uint8Array,
  descriptors: readonly number[],
): void {
  const control = new Uint8Array(controlHeaderBytes + align(4 * descriptors.length));
  const view = new DataView(control.buffer);
  view.setBigUint64(0, BigInt(controlHeaderBytes + 4 * descriptors.length), true);
  view.setInt32(8, levelSocket, true);
  view.setInt32(12, typeRights, true);
  for (const [at, descriptor] of descriptors.entries())
    view.setInt32(controlHeaderBytes + 4 * at, descriptor, true);
  const message = createMessage(bytes, control);
  const sent = Number(system.sendmsg(socket, message.header, 0));
  if (sent !== bytes.length) throw createSystemError('sendmsg', sent < 0 ? lastErrno() : 0);
}

export interface Received {
  /** Empty: the other side has closed. */
  readonly bytes: Uint8Array;
  readonly descriptors: readonly number[];
}

/** Waits for one message. Throws a system error, also when its time (SO_RCVTIMEO) is over. */
export function receiveDescriptors(system: Libc, socket: number): Received {
  const control = new Uint8Array(controlHeaderBytes + align(4 * descriptorsMax));
  const message = createMessage(new Uint8Array(bytesMax), control);
  const length = Number(system.recvmsg(socket, message.header, closeOnExec));
  if (length < 0) throw createSystemError('recvmsg', lastErrno());
  const view = new DataView(control.buffer);
  const controlLength = Number(new DataView(message.header.buffer).getBigUint64(40, true));
  const rights =
    controlLength >= controlHeaderBytes &&
    view.getInt32(8, true) === levelSocket &&
    view.getInt32(12, true) === typeRights;
  const count = rights ? (Number(view.getBigUint64(0, true)) - controlHeaderBytes) / 4 : 0;
  const descriptors = Array.from({ length: count }, (_, at) =>
    view.getInt32(controlHeaderBytes + 4 * at, true),
  );
  return { bytes: message.bytes.slice(0, length), descriptors };
}

function align(length: number): number {
  return (length + 7) & ~7;
}
