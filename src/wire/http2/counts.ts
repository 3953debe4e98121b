// What the codecs of one owner (a listener, a cluster) count: faults by their number, then what is no fault.

import { http2FaultNames } from './errors.ts';

export const http2EventNames = [
  'resetsReceived',
  'resetsSent',
  'goawaysSent',
  'trailersReceived',
  /** Peers that answered no PING. */
  'keepaliveTimeouts',
  /** Heads for streams that are over. */
  'headsWithoutStream',
  /** Streams that the peer did not look at (REFUSED_STREAM). */
  'streamsRefused',
  /** Open streams (gauge). */
  'streamsActive',
  /** Body bytes that wait for a window or for the socket (gauge). */
  'pendingBytes',
] as const;

export type Http2EventName = (typeof http2EventNames)[number];

/** The place of each event in {@link Http2Counts}. */
export const http2Event = Object.fromEntries(
  http2EventNames.map((name, index) => [name, http2FaultNames.length + index]),
) as Readonly<Record<Http2EventName, number>>;

/** Doubles, so that years fit. */
export type Http2Counts = Float64Array;

export function createFaultCounts(): Http2Counts {
  return new Float64Array(http2FaultNames.length + http2EventNames.length);
}
