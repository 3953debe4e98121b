// Reads a ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) ahead of whoever ends the TLS. The message may
// be spread over records and packets; nothing is consumed, the bytes go to the TLS engine or to the destination as they
// came.

import { tlsSniffLimits } from './limits.ts';
import { parseHelloBody } from './parse-hello.ts';
import type { ClientHelloResult } from './types.ts';

const recordHeaderBytes = 5;
const messageHeaderBytes = 4;
const handshakeRecord = 22;
const clientHelloMessage = 1;
/** RFC 8446 section 5.1, plus what RFC 5246 lets a record grow by. */
const recordBytesMax = 16_384;

const { helloBytesMax, recordsMax } = tlsSniffLimits;
const none: ClientHelloResult = { kind: 'none' };

/**
 * `bytes` is all that came so far. Ask again when there are `needed` bytes; the verdict does not depend on how they
 * came.
 */
export function parseClientHello(bytes: Uint8Array): ClientHelloResult {
  const parts: Uint8Array[] = [];
  let gathered = 0;
  let wanted = messageHeaderBytes;
  for (let at = 0; ; ) {
    const header = checkRecordHeader(bytes, at);
    if (header !== null) return header;
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    const start = at + recordHeaderBytes;
    const part = bytes.subarray(start, start + length);
    // What follows the ClientHello in its record is not ours to judge.
    parts.push(part);
    gathered += part.length;
    if (parts.length === 1 && part.length > 0 && part[0] !== clientHelloMessage)
      return fault(`first message is ${part[0]}, not a ClientHello`);
    if (gathered >= messageHeaderBytes && wanted === messageHeaderBytes) {
      wanted += readMessageLength(parts);
      if (wanted > helloBytesMax) return fault(`${wanted} bytes, at most ${helloBytesMax}`);
    }
    if (gathered >= wanted) return parseHelloBody(join(parts, gathered).subarray(messageHeaderBytes, wanted));
    if (parts.length === recordsMax) return fault(`spread over more than ${recordsMax} records`);
    if (part.length < length)
      return { kind: 'more', needed: bytes.length + Math.min(wanted - gathered, length - part.length) };
    at = start + length;
  }
}

/**
 * Null when the header of the record at `at` is there and fits. The first record decides whether this is TLS at all.
 */
function checkRecordHeader(bytes: Uint8Array, at: number): ClientHelloResult | null {
  const isFirst = at === 0;
  const wrong = (what: string): ClientHelloResult => (isFirst ? none : fault(what));
  if (bytes.length > at && bytes[at] !== handshakeRecord)
    return wrong(`a record of type ${bytes[at]} inside of it`);
  if (bytes.length > at + 1 && bytes[at + 1] !== 3) return wrong(`a record of version ${bytes[at + 1]}`);
  // Any next byte of a first header may show that this is no TLS.
  if (bytes.length < at + recordHeaderBytes)
    return { kind: 'more', needed: isFirst ? bytes.length + 1 : at + recordHeaderBytes };
  const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
  if (length === 0) return wrong('an empty record');
  if (length > recordBytesMax) return wrong(`a record of ${length} bytes, at most ${recordBytesMax}`);
  return null;
}

function readMessageLength(parts: readonly Uint8Array[]): number {
  const head = join(parts, messageHeaderBytes);
  return ((head[1] ?? 0) << 16) | ((head[2] ?? 0) << 8) | (head[3] ?? 0);
}

function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part.subarray(0, length - at), at);
    at = Math.min(at + part.length, length);
  }
  return joined;
}

function fault(what: string): ClientHelloResult {
  return { kind: 'fault', message: `ClientHello: ${what}` };
}
