// Reads a PROXY header, version 1 or 2, from the first bytes of a connection. Strict: a header that two readers could
// understand differently is a fault, since the addresses in it decide who the caller is.

import { proxyProtocolLimits } from './limits.ts';
import { parseBinary } from './parse-binary.ts';
import { parseLine } from './parse-line.ts';
import { lineStart, type ProxyHeaderResult, signature } from './types.ts';

const { lineBytesMax } = proxyProtocolLimits;
const none: ProxyHeaderResult = { kind: 'none' };

/**
 * `bytes` is all that came so far. Ask again when there are `needed` bytes (any next byte may show that a start is
 * none); the verdict does not depend on how they came.
 */
export function parseProxyHeader(bytes: Uint8Array): ProxyHeaderResult {
  if (bytes.length === 0) return { kind: 'more', needed: 1 };
  if (startsLike(bytes, signature))
    return bytes.length < signature.length ? { kind: 'more', needed: bytes.length + 1 } : parseBinary(bytes);
  if (!startsLike(bytes, lineStart)) return none;
  if (bytes.length < lineStart.length) return { kind: 'more', needed: bytes.length + 1 };
  const end = bytes.subarray(0, lineBytesMax).indexOf(10);
  if (end >= 0) return parseLine(bytes, end);
  if (bytes.length < lineBytesMax) return { kind: 'more', needed: bytes.length + 1 };
  return { kind: 'fault', message: `PROXY line: longer than ${lineBytesMax} bytes` };
}

/** As far as both go. */
function startsLike(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let at = 0; at < length; at++) if (bytes[at] !== start[at]) return false;
  return true;
}
