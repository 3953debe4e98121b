// Foreign failures become ours here and nowhere else: error codes of the operating system, as Bun and node:fs report
// them, to MeshError.

import { type ErrorCode, type ErrorSource, MeshError, type Retryable } from '../base/index.ts';
import { type Address, formatAddress, ListenError } from './network.ts';
import type { TlsRefusal } from './tls/index.ts';

const connectCodes: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'connect-refused',
  // Nobody listens on a unix socket's path: refused, said differently.
  ENOENT: 'connect-refused',
  ETIMEDOUT: 'connect-timeout',
};

const listenCodes: Readonly<Record<string, ListenError['code']>> = {
  EADDRINUSE: 'in-use',
  EACCES: 'not-permitted',
  EPERM: 'not-permitted',
  EADDRNOTAVAIL: 'not-available',
};

/** A connection that never opened: whatever the reason, nothing was sent. */
export function createConnectError(address: Address, cause: unknown): MeshError {
  const code = connectCodes[systemCodeOf(cause)] ?? 'connect-failed';
  return new MeshError(code, 'upstream', 'yes', describe('connect', address, cause), cause);
}

/** A connection that broke after it had opened. */
export function createBrokenError(source: ErrorSource, address: Address, cause: unknown): MeshError {
  return new MeshError('peer-reset', source, 'if-unsent', describe('connection', address, cause), cause);
}

/** A connection that never became secure: nothing of ours was sent. The refusal is its `cause`. */
export function createTlsError(source: ErrorSource, address: Address, refusal: TlsRefusal): MeshError {
  const retry = source === 'upstream' ? 'yes' : 'no';
  const message = `TLS with ${formatAddress(address)}: ${refusal.message}`;
  return new MeshError('tls-failed', source, retry, message, refusal);
}

/** Told to the handler of a connection that its own side reset. */
export function createResetError(source: ErrorSource, address: Address): MeshError {
  return new MeshError('cancelled', source, 'no', `connection ${formatAddress(address)}: reset by this side`);
}

export function createListenError(address: Address, cause: unknown): ListenError {
  return new ListenError(listenCodes[systemCodeOf(cause)] ?? 'failed', describe('listen', address, cause));
}

export function createStorageError(action: string, path: string, cause: unknown): MeshError {
  const code = systemCodeOf(cause);
  return new MeshError('storage', 'internal', 'no', `${action} ${path}: ${code || String(cause)}`, cause);
}

/** `retry` is no only for a name that surely does not exist. */
export function createResolveError(name: string, cause: unknown): MeshError {
  const code = systemCodeOf(cause);
  const missing =
    code === 'ENOTFOUND' || code === 'ENODATA' || code === 'DNS_ENOTFOUND' || code === 'DNS_ENODATA';
  const retry: Retryable = missing ? 'no' : 'yes';
  return new MeshError(
    missing ? 'name-not-found' : 'connect-failed',
    'upstream',
    retry,
    `resolve ${name}: ${code || String(cause)}`,
    cause,
  );
}

/** `ECONNRESET` and the like, or '' for what is not a system error. */
export function systemCodeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}

function describe(action: string, address: Address, cause: unknown): string {
  return `${action} ${formatAddress(address)}: ${optionOf(cause)}${systemCodeOf(cause) || String(cause)}`;
}

/** Which of the options asked for was refused: without it nobody would know where to look. */
function optionOf(cause: unknown): string {
  const call = cause instanceof Error && 'syscall' in cause ? String(cause.syscall) : '';
  return /^(setsockopt|SO_|TCP_)/.test(call) ? `${call}: ` : '';
}
