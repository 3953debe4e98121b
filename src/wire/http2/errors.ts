// What can be wrong with received HTTP/2 frames, and the one table that says how each is answered: the error code of
// RST_STREAM or GOAWAY, and whether one stream or the whole connection ends. A fault is a small integer inside the
// codec, like those of HTTP/1; the same number is its place in the counters.

import { type ErrorCode, type ErrorSource, MeshError } from '../../base/index.ts';
import { errorCode } from './constants.ts';

interface FaultEntry {
  readonly code: number;
  readonly message: string;
  /** Too much of what is allowed, rather than something that is not. */
  readonly flood?: true;
}

const { protocolError, flowControlError, streamClosed, frameSizeError, compressionError } = errorCode;
const calm = errorCode.enhanceYourCalm;

/** Sections of RFC 9113 stand in docs/http2.md beside the test of each. */
const faultTable = {
  none: { code: errorCode.noError, message: '' },
  preface: { code: protocolError, message: 'the connection does not begin with the preface and SETTINGS' },
  frameTooLong: { code: frameSizeError, message: 'a frame is longer than SETTINGS_MAX_FRAME_SIZE' },
  frameLength: { code: frameSizeError, message: 'a frame has not the length of its type' },
  padding: { code: protocolError, message: 'padding is longer than its frame' },
  streamZero: { code: protocolError, message: 'a frame of a stream came for stream 0' },
  streamNotZero: { code: protocolError, message: 'a frame of the connection came for a stream' },
  streamIdle: { code: protocolError, message: 'a frame came for a stream that was never opened' },
  streamParity: { code: protocolError, message: 'a stream id of the wrong side' },
  streamOrder: { code: protocolError, message: 'a stream id is lower than one used before' },
  streamClosed: { code: streamClosed, message: 'a frame came for a stream that is closed' },
  halfClosed: { code: streamClosed, message: 'a frame came behind END_STREAM' },
  selfDependency: { code: protocolError, message: 'a stream depends on itself' },
  continuationMissing: { code: protocolError, message: 'another frame came within a field block' },
  continuationUnexpected: { code: protocolError, message: 'CONTINUATION came outside of a field block' },
  compression: { code: compressionError, message: 'a field block cannot be decoded' },
  settingValue: { code: protocolError, message: 'a setting has a value that is not allowed' },
  settingWindow: { code: flowControlError, message: 'SETTINGS_INITIAL_WINDOW_SIZE is above 2^31-1' },
  pushPromise: { code: protocolError, message: 'PUSH_PROMISE came, which nobody enabled' },
  windowZero: { code: protocolError, message: 'WINDOW_UPDATE adds nothing' },
  windowOverflow: { code: flowControlError, message: 'a window is above 2^31-1' },
  windowExceeded: { code: flowControlError, message: 'DATA came beyond the window' },
  fieldName: { code: protocolError, message: 'a field name is empty, has capitals or is not a token' },
  fieldValue: {
    code: protocolError,
    message: 'a field value has a control character or white space around it',
  },
  pseudoOrder: {
    code: protocolError,
    message: 'a pseudo-header field stands behind a field, or in trailers',
  },
  pseudoUnknown: { code: protocolError, message: 'a pseudo-header field that does not belong here' },
  pseudoRepeated: { code: protocolError, message: 'a pseudo-header field is repeated' },
  pseudoMissing: { code: protocolError, message: 'a pseudo-header field is missing' },
  pseudoValue: { code: protocolError, message: 'a pseudo-header field has a value that is not allowed' },
  hopField: { code: protocolError, message: 'a field of one hop of HTTP/1' },
  authorityDiffers: { code: protocolError, message: ':authority and Host differ' },
  connectUnsupported: { code: protocolError, message: 'CONNECT without :protocol is not served' },
  lengthInvalid: { code: protocolError, message: 'Content-Length is repeated or not a plain decimal number' },
  lengthDiffers: { code: protocolError, message: 'a body differs from its Content-Length' },
  trailersOpen: { code: protocolError, message: 'a second head does not end its stream' },
  headerList: { code: calm, message: 'a head is above headerListBytesMax or headerCountMax', flood: true },
  bodyTooLong: { code: calm, message: 'a body is longer than bodyBytesMax', flood: true },
  informationalCount: {
    code: calm,
    message: 'more than informationalCountMax informational responses',
    flood: true,
  },
  responseMissing: { code: protocolError, message: 'DATA or trailers came before a response head' },
  headerBlock: { code: calm, message: 'a field block is longer than headerBlockBytesMax', flood: true },
  continuationCount: {
    code: calm,
    message: 'a field block has more than continuationCountMax frames',
    flood: true,
  },
  concurrentStreams: {
    code: errorCode.refusedStream,
    message: 'more than concurrentStreamsMax streams',
    flood: true,
  },
  resetRate: { code: calm, message: 'more resets than resetsPerSecondMax', flood: true },
  settingsRate: { code: calm, message: 'more SETTINGS than settingsPerSecondMax', flood: true },
  pingRate: { code: calm, message: 'more PING than pingsPerSecondMax', flood: true },
  // In the words that clients of gRPC go by: they ping half as often from then on.
  pingStrikes: { code: calm, message: 'too_many_pings', flood: true },
  ignoredRate: {
    code: calm,
    message: 'more PRIORITY and unknown frames than ignoredPerSecondMax',
    flood: true,
  },
  windowUpdateRate: { code: calm, message: 'more WINDOW_UPDATE than windowUpdatesPerSecondMax', flood: true },
  windowUpdateCount: {
    code: calm,
    message: 'more WINDOW_UPDATE than windowUpdatesPerDataFrameMax explains',
    flood: true,
  },
  priorityCount: { code: calm, message: 'more PRIORITY than prioritiesPerStreamMax', flood: true },
  emptyFrameRate: { code: calm, message: 'more empty frames than emptyFramesPerSecondMax', flood: true },
  emptyFramesInRow: {
    code: calm,
    message: 'more empty frames in a row than emptyFramesInRowMax',
    flood: true,
  },
  outboundFrames: { code: calm, message: 'more unread frames than outboundFramesMax', flood: true },
  outboundControlFrames: {
    code: calm,
    message: 'more unread answers to control frames than outboundControlFramesMax',
    flood: true,
  },
  queuedBytes: { code: calm, message: 'more bytes wait for windows than queuedBytesMax', flood: true },
  controlBytes: {
    code: calm,
    message: 'more unread answers to control frames than controlBytesMax',
    flood: true,
  },
  slowRead: { code: calm, message: 'nothing of what is queued was read for too long', flood: true },
} as const satisfies Record<string, FaultEntry>;

export type Http2FaultName = keyof typeof faultTable;

export const http2FaultNames = Object.keys(faultTable) as readonly Http2FaultName[];

/** `fault.windowZero` and so on: the small integer of each entry; `fault.none` is 0. */
export const fault = Object.fromEntries(http2FaultNames.map((name, index) => [name, index])) as Readonly<
  Record<Http2FaultName, number>
>;

export function faultCode(code: number): number {
  return entryOf(code).code;
}

export function faultMessage(code: number): string {
  return entryOf(code).message;
}

/** The error of a fault. `source` is the side that sent the frames. */
export function createFaultError(code: number, source: ErrorSource): MeshError {
  const entry = entryOf(code);
  const tooLarge = code === fault.headerList || code === fault.bodyTooLong;
  // A stream refused for being one too many was not looked at (RFC 9113 section 8.7).
  const retry = code === fault.concurrentStreams ? 'yes' : 'no';
  return new MeshError(tooLarge ? 'too-large' : 'protocol', source, retry, entry.message);
}

const errorNames = Object.keys(errorCode) as readonly (keyof typeof errorCode)[];

/** The error of a stream that the peer reset, or that its GOAWAY leaves out. */
export function createPeerError(code: number, source: ErrorSource, unprocessed: boolean): MeshError {
  const name = errorNames[code] ?? `code ${code}`;
  const said = `the ${source === 'upstream' ? 'server' : 'client'} reset the stream: ${name}`;
  const kind: ErrorCode = code === errorCode.cancel && source === 'downstream' ? 'cancelled' : 'peer-reset';
  return new MeshError(kind, source, unprocessed ? 'yes' : 'if-unsent', said, streamReset);
}

const streamReset = Symbol('stream reset');

/** The peer gave up this one stream, having looked at it: its connection goes on. */
export function isStreamReset(error: MeshError): boolean {
  return error.cause === streamReset;
}

function entryOf(code: number): FaultEntry {
  return faultTable[http2FaultNames[code] ?? 'none'];
}
