export { openConnecting } from './connect.ts';
export { type Libc, libc } from './libc.ts';
export { readOriginalDestination, readUnsentBytes } from './options.ts';
