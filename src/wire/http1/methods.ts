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
