// The few system calls that the runtime does not offer, bound to the C library on first use: a program that never
// connects does not pay for it (0.3 ms and 1.2 MB of RSS when it does). Linux only; elsewhere callers have their own
// answer to null.

import { dlopen, read } from 'bun:ffi';

export interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(descriptor: number, address: Uint8Array, length: number): number;
  listen(descriptor: number, backlog: number): number;
  getsockname(descriptor: number, address: Uint8Array, length: Uint8Array): number;
  connect(descriptor: number, address: Uint8Array, length: number): number;
  close(descriptor: number): number;
  dup(descriptor: number): number;
  fcntl(descriptor: number, command: number, value: number): number;
  setsockopt(descriptor: number, level: number, name: number, value: Uint8Array, length: number): number;
  getsockopt(descriptor: number, level: number, name: number, value: Uint8Array, length: Uint8Array): number;
  ioctl(descriptor: number, request: number, value: Uint8Array): number;
  write(descriptor: number, bytes: Uint8Array, length: number): number | bigint;
  sendmsg(descriptor: number, message: Uint8Array, flags: number): number | bigint;
  recvmsg(descriptor: number, message: Uint8Array, flags: number): number | bigint;
  madvise(address: bigint, length: bigint, advice: number): number;
  getpagesize(): number;
  sched_yield(): number;
}

const names = ['libc.so.6', 'libc.musl-x86_64.so.1', 'libc.musl-aarch64.so.1'];

const int = 'i32';
const signatures = {
  socket: { args: [int, int, int], returns: int },
  bind: { args: [int, 'ptr', 'u32'], returns: int },
  listen: { args: [int, int], returns: int },
  getsockname: { args: [int, 'ptr', 'ptr'], returns: int },
  connect: { args: [int, 'ptr', 'u32'], returns: int },
  close: { args: [int], returns: int },
  dup: { args: [int], returns: int },
  fcntl: { args: [int, int, int], returns: int },
  setsockopt: { args: [int, int, int, 'ptr', 'u32'], returns: int },
  getsockopt: { args: [int, int, int, 'ptr', 'ptr'], returns: int },
  ioctl: { args: [int, 'u64', 'ptr'], returns: int },
  write: { args: [int, 'ptr', 'usize'], returns: 'i64' },
  sendmsg: { args: [int, 'ptr', int], returns: 'i64' },
  recvmsg: { args: [int, 'ptr', int], returns: 'i64' },
  madvise: { args: ['u64', 'u64', int], returns: int },
  getpagesize: { args: [], returns: int },
  sched_yield: { args: [], returns: int },
  __errno_location: { args: [], returns: 'ptr' },
} as const;

type Loaded = ReturnType<typeof dlopen<typeof signatures>>['symbols'];

let loaded: Loaded | null | undefined;

/** Null where there is no such library. */
export function libc(): Libc | null {
  if (loaded === undefined) loaded = load();
  return loaded;
}

function load(): Loaded | null {
  if (process.platform !== 'linux') return null;
  for (const name of names) {
    try {
      return dlopen(name, signatures).symbols;
    } catch {
      // The other C library, then.
    }
  }
  return null;
}

/** The reason why the call just made failed; ask before anything else is called. */
export function lastErrno(): number {
  const at = loaded?.__errno_location();
  return at === undefined || at === null ? 0 : read.i32(at, 0);
}
