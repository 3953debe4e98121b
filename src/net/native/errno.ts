// Names of system errors, so that a failure of a call of ours reads like one that Bun reports.

export const errnoInProgress = 115;

const codes: Readonly<Record<number, string>> = {
  1: 'EPERM',
  2: 'ENOENT',
  11: 'EAGAIN',
  13: 'EACCES',
  20: 'ENOTDIR',
  22: 'EINVAL',
  23: 'ENFILE',
  24: 'EMFILE',
  92: 'ENOPROTOOPT',
  93: 'EPROTONOSUPPORT',
  97: 'EAFNOSUPPORT',
  98: 'EADDRINUSE',
  99: 'EADDRNOTAVAIL',
  101: 'ENETUNREACH',
  104: 'ECONNRESET',
  105: 'ENOBUFS',
  110: 'ETIMEDOUT',
  111: 'ECONNREFUSED',
  113: 'EHOSTUNREACH',
};

/** An Error with `code`, as Node and Bun make them. */
export function createSystemError(call: string, errno: number): Error {
  const code = codes[errno] ?? `errno ${errno}`;
  return Object.assign(new Error(`${call}: ${code}`), { code, syscall: call });
}
