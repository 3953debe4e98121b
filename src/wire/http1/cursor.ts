// State of one head being read, shared by the start-line and field machines: they stop anywhere when bytes run out and
// go on from there.

import type { FramedHead, ReceivedRequestHead, ReceivedResponseHead } from './head.ts';
import type { Http1Limits } from './limits.ts';
import type { ReceivedHead } from './received-head.ts';

/** The states, in order. Each machine names the bytes it waits for. */
export const phase = {
  /** Request line. */
  method: 0,
  target: 1,
  requestVersion: 2,
  requestLf: 3,
  /** Status line. */
  statusVersion: 4,
  status: 5,
  reason: 6,
  reasonLf: 7,
  /** Field lines, of heads and trailer sections. */
  lineStart: 8,
  name: 9,
  space: 10,
  value: 11,
  valueLf: 12,
  finalLf: 13,
} as const;

/** Results of a machine: it wants more bytes, its part is complete, or `cursor.fault` says what is wrong. */
export const needMore = 0;
export const complete = 1;
export const failed = 2;

export type HeadKind = 'request' | 'response' | 'trailers';

export interface Cursor {
  readonly limits: Http1Limits;
  readonly bytesMax: number;
  readonly fields: ReceivedHead;
  /** Null where the kind has none: one of the three is the same object as `fields`. */
  readonly framed: FramedHead | null;
  readonly request: ReceivedRequestHead | null;
  readonly response: ReceivedResponseHead | null;
  phase: number;
  fault: number;
  /** All offsets count from the head's first byte. */
  position: number;
  lineStart: number;
  nameEnd: number;
  valueStart: number;
}

/** Records a fault; written as `return failWith(cursor, fault.x)`. */
export function failWith(cursor: Cursor, code: number): number {
  cursor.fault = code;
  return failed;
}
