// What can be wrong with received HTTP/1 bytes, and the one table that says how each is answered. A fault is a small
// integer inside the parsers, so that the hot path carries numbers; it becomes a MeshError once, when the connection is
// given up.

import { type ErrorSource, MeshError } from '../../base/index.ts';

interface FaultEntry {
  /** Status of the answer to a client; a faulty response is answered 502 by the exchange. */
  readonly status: number;
  readonly message: string;
}

/** Name to answer. RFC 9112 and 9110 sections stand in docs/http1.md beside the test of each. */
const faultTable = {
  none: { status: 0, message: '' },
  methodInvalid: { status: 400, message: 'method is not a token' },
  methodTooLong: { status: 501, message: 'method is too long' },
  methodUnknown: { status: 400, message: 'method is not one that is commonly known' },
  targetInvalid: { status: 400, message: 'request target has a character that is not allowed' },
  targetForm: { status: 400, message: 'request target is in no form that this method allows' },
  targetTooLong: { status: 414, message: 'request target is too long' },
  targetAbsolute: { status: 404, message: 'request target is a whole URL, which is not served here' },
  connectWithBody: { status: 400, message: 'CONNECT has a body' },
  versionInvalid: { status: 400, message: 'protocol version is malformed' },
  versionUnsupported: { status: 505, message: 'protocol version is neither HTTP/1.0 nor HTTP/1.1' },
  http10Refused: { status: 426, message: 'HTTP/1.0 is not served here' },
  http2Preface: { status: 505, message: 'an HTTP/2 preface came where only HTTP/1 is served' },
  lineEnding: { status: 400, message: 'a line ends in anything but CRLF' },
  nameInvalid: { status: 400, message: 'field name is empty or not a token' },
  nameSpace: { status: 400, message: 'white space stands before the colon of a field' },
  folded: { status: 400, message: 'a field line is folded, or white space opens the head' },
  valueInvalid: { status: 400, message: 'field value has a control character' },
  headTooLong: { status: 431, message: 'head is too long' },
  headerCount: { status: 431, message: 'head has too many field lines' },
  hostMissing: { status: 400, message: 'Host is missing' },
  hostRepeated: { status: 400, message: 'Host is repeated' },
  hostInvalid: { status: 400, message: 'Host is not a host with an optional port' },
  lengthRepeated: { status: 400, message: 'Content-Length is repeated' },
  lengthInvalid: { status: 400, message: 'Content-Length is not a plain decimal number below 2^53' },
  bodyTooLong: { status: 413, message: 'body is too long' },
  codingRepeated: { status: 400, message: 'Transfer-Encoding is repeated' },
  codingInvalid: { status: 400, message: 'Transfer-Encoding is malformed or does not end in one chunked' },
  codingUnsupported: { status: 501, message: 'Transfer-Encoding names a coding other than chunked' },
  codingInHttp10: { status: 400, message: 'Transfer-Encoding came with HTTP/1.0' },
  codingWithLength: { status: 400, message: 'Transfer-Encoding and Content-Length came together' },
  connectionInvalid: { status: 400, message: 'Connection is malformed or names a framing field' },
  chunkSize: { status: 400, message: 'chunk size is not a hexadecimal number below 2^53' },
  chunkLineTooLong: { status: 400, message: 'chunk size line is too long' },
  chunkExtension: { status: 400, message: 'chunk extension is malformed' },
  chunkExtensionsTooLong: { status: 400, message: 'chunk extensions are too long' },
  chunkEnding: { status: 400, message: 'chunk data does not end in CRLF' },
  trailerFraming: { status: 400, message: 'a trailer section has a framing field or Host' },
  trailerTooLong: { status: 431, message: 'trailer section is too long' },
  statusInvalid: { status: 400, message: 'status line is malformed' },
  switchingRefused: { status: 400, message: '101 came without an Upgrade having been sent' },
  informationalCount: { status: 400, message: 'there are too many informational responses' },
  responseFraming: { status: 400, message: 'a response that has no body declares Transfer-Encoding' },
} as const satisfies Record<string, FaultEntry>;

export type FaultName = keyof typeof faultTable;

const faultNames = Object.keys(faultTable) as readonly FaultName[];

/** `fault.hostMissing` and so on: the small integer of each entry; `fault.none` is 0. */
export const fault = Object.fromEntries(faultNames.map((name, index) => [name, index])) as Readonly<
  Record<FaultName, number>
>;

export function faultName(code: number): FaultName {
  return faultNames[code] ?? 'none';
}

export function faultStatus(code: number): number {
  return faultTable[faultName(code)].status;
}

export function faultMessage(code: number): string {
  return faultTable[faultName(code)].message;
}

/** The error of a fault. `source` is the side that sent the bytes. A request is never worth sending again after one. */
export function createFaultError(code: number, source: ErrorSource): MeshError {
  const { status, message } = faultTable[faultName(code)];
  const tooLarge = status === 413 || status === 414 || status === 431;
  return new MeshError(
    tooLarge ? 'too-large' : 'protocol',
    source,
    source === 'upstream' ? 'if-unsent' : 'no',
    message,
  );
}
