// The methods of RFC 9110 and RFC 5789 as constants, so that asking for a method cuts no string and comparing it
// compares pointers.

const known: readonly string[] = [
  'GET',
  'PUT',
  'HEAD',
  'POST',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PRI',
];

/** Those that are commonly known beside them: of WebDAV and its kin, and of caches. */
const others: ReadonlySet<string> = new Set([
  'ACL',
  'BIND',
  'CHECKOUT',
  'COPY',
  'LINK',
  'LOCK',
  'MERGE',
  'MKACTIVITY',
  'MKCALENDAR',
  'MKCOL',
  'MOVE',
  'M-SEARCH',
  'MSEARCH',
  'NOTIFY',
  'PROPFIND',
  'PROPPATCH',
  'PURGE',
  'REBIND',
  'REPORT',
  'SEARCH',
  'SOURCE',
  'SUBSCRIBE',
  'UNBIND',
  'UNLINK',
  'UNLOCK',
  'UNSUBSCRIBE',
]);

/** Of a method that is no constant. */
export function isCommonMethod(method: string): boolean {
  return others.has(method);
}

const byLength: readonly (readonly string[])[] = Array.from({ length: 8 }, (_, length) =>
  known.filter((method) => method.length === length),
);

/** The constant of the method in `bytes[start, start + length)`, or '' for another one. */
export function internMethod(bytes: Uint8Array, start: number, length: number): string {
  if (length > 7) return '';
  const candidates = byLength[length]!;
  for (let index = 0; index < candidates.length; index++) {
    const method = candidates[index]!;
    if (isText(bytes, start, method)) return method;
  }
  return '';
}

function isText(bytes: Uint8Array, start: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
