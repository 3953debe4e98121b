// A listening descriptor of our own, where a listener is to have what Bun's does not offer: a queue of another length,
// one family alone, an address that the machine does not have yet, a mode, options by number.

import { chmodSync, unlinkSync } from 'node:fs';
import type { Address, ListenSocketOptions, SocketOption } from '../network.ts';
import { createSystemError } from './errno.ts';
import { type Libc, lastErrno } from './libc.ts';
import { applyAll } from './options.ts';
import { decodeSocketAddress, encodeSocketAddress, familyIpv6, familyUnix } from './sockaddr.ts';

const typeStream = 1;
const flags = 0x800 | 0x80000;
const invalid = 22;
const protocolMptcp = 262;
/** The kernel takes what it allows (net.core.somaxconn), whatever is asked for. */
const backlogMax = 65_535;

const level = { socket: 1, ipv4: 0, tcp: 6, ipv6: 41 } as const;
const option = {
  reuseAddress: 2,
  reusePort: 15,
  ipv6Only: 26,
  ipv4Freebind: 15,
  ipv6Freebind: 78,
  ipv4Transparent: 19,
  ipv6Transparent: 75,
  fastOpen: 23,
} as const;

/** A descriptor that listens and the address it got, or why there is none; then none is left open. */
export function openListening(
  system: Libc,
  address: Address,
  options: ListenSocketOptions,
  reusePort: boolean,
): { readonly descriptor: number; readonly address: Address } | Error {
  const target = encodeSocketAddress(address);
  if (target === null) return createSystemError('bind', invalid);
  const protocol = options.multipath && target.family !== familyUnix ? protocolMptcp : 0;
  const descriptor = system.socket(target.family, typeStream | flags, protocol);
  if (descriptor < 0) return createSystemError('socket', lastErrno());
  const fault = prepare(system, descriptor, target, address, options, reusePort);
  if (fault === null) return { descriptor, address: boundAddress(system, descriptor, address) };
  system.close(descriptor);
  return fault;
}

function prepare(
  system: Libc,
  descriptor: number,
  target: NonNullable<ReturnType<typeof encodeSocketAddress>>,
  address: Address,
  options: ListenSocketOptions,
  reusePort: boolean,
): Error | null {
  const before = [
    ...ownOptions(target.family, options, reusePort),
    ...options.options.filter(({ state }) => state === 'prebind'),
  ];
  const fault = applyAll(system, descriptor, before);
  if (fault !== null) return fault;
  unlinkStale(address);
  if (system.bind(descriptor, target.bytes, target.bytes.length) !== 0)
    return createSystemError('bind', lastErrno());
  const bound = applyAll(
    system,
    descriptor,
    options.options.filter(({ state }) => state === 'bound'),
  );
  if (bound !== null) return bound;
  if (address.kind === 'unix' && options.mode !== null) chmodSync(address.path, options.mode);
  if (system.listen(descriptor, options.backlog ?? backlogMax) !== 0)
    return createSystemError('listen', lastErrno());
  return applyAll(
    system,
    descriptor,
    options.options.filter(({ state }) => state === 'listening'),
  );
}

function ownOptions(
  family: number,
  options: ListenSocketOptions,
  reusePort: boolean,
): readonly SocketOption[] {
  if (family === familyUnix) return [];
  const ipv6 = family === familyIpv6;
  const rows: readonly (readonly [wanted: boolean, level: number, name: number, value: number])[] = [
    [true, level.socket, option.reuseAddress, 1],
    [reusePort, level.socket, option.reusePort, 1],
    [ipv6, level.ipv6, option.ipv6Only, options.ipv6Only ? 1 : 0],
    [options.freebind && ipv6, level.ipv6, option.ipv6Freebind, 1],
    [options.freebind && !ipv6, level.ipv4, option.ipv4Freebind, 1],
    [options.transparent && ipv6, level.ipv6, option.ipv6Transparent, 1],
    [options.transparent && !ipv6, level.ipv4, option.ipv4Transparent, 1],
    [options.fastOpenQueue !== null, level.tcp, option.fastOpen, options.fastOpenQueue ?? 0],
  ];
  return rows.flatMap(([wanted, level, name, value]) =>
    wanted ? [{ level, name, value, state: 'prebind' as const }] : [],
  );
}

/** As Envoy: a socket of a process that is gone must not keep its path. Abstract names leave nothing behind. */
function unlinkStale(address: Address): void {
  if (address.kind !== 'unix' || address.path.startsWith('\0')) return;
  try {
    unlinkSync(address.path);
  } catch {
    // Nothing was there, or bind says what is wrong with it.
  }
}

/** With the port of the kernel's choice. */
function boundAddress(system: Libc, descriptor: number, asked: Address): Address {
  if (asked.kind !== 'ip' || asked.port !== 0) return asked;
  const bytes = new Uint8Array(28);
  const length = new Uint8Array(Uint32Array.of(bytes.length).buffer);
  const failed = system.getsockname(descriptor, bytes, length);
  const found = failed === 0 ? decodeSocketAddress(bytes) : null;
  return found?.kind === 'ip' ? { ...asked, port: found.port } : asked;
}
