// Which fields are dropped from a trailer section (RFC 9110 section 6.5.1): those that route, authenticate or control a
// message were needed before the body; one that comes behind it is either a mistake or an attempt to be believed by a
// reader that merges trailers.

import { type Head, type HeaderName, headerId } from '../head.ts';

const forbiddenKnown: readonly HeaderName[] = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'content-type',
  'retry-after',
  'idempotency-key',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-weft-refused',
  'x-weft-peer',
];

const forbiddenOthers: readonly string[] = [
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-range',
  'cookie',
  'expires',
  'location',
  'max-forwards',
  'pragma',
  'proxy-authenticate',
  'proxy-authorization',
  'range',
  'set-cookie',
  'vary',
  'www-authenticate',
];

export function dropForbiddenTrailers(trailers: Head): void {
  for (const name of forbiddenKnown) trailers.remove(headerId[name]);
  for (const name of forbiddenOthers) trailers.removeName(name);
}
