// Trace context through a listener that exports no spans: W3C Trace Context level 1 (www.w3.org/TR/trace-context-1) and
// B3 (github.com/openzipkin/b3-propagation). A valid context is passed on unchanged, so the chain between two services
// never names a parent that nobody reported. A malformed traceparent is dropped with its tracestate, as the
// specification demands. Nothing is made where nothing came, unless asked: a made "not sampled" would switch off the
// tracing of every service behind (parent-based samplers obey it), and a made "sampled" would record everything. The
// request id correlates the logs instead.

import type { Random } from '../base/index.ts';
import { type Head, headerId } from '../wire/index.ts';
import { createHexId } from './request-id.ts';

/** `leave`: a request without context stays without. `make`: it gets a sampled traceparent, as a tracing edge does. */
export type AbsentTrace = 'leave' | 'make';

/**
 * Checks and passes on the trace context of `head`. Returns the trace id (16 or 32 hex digits) for logs, or null
 * without one.
 */
export function propagateTrace(head: Head, random: Random, absent: AbsentTrace = 'leave'): string | null {
  const traceparent = head.get(headerId.traceparent);
  if (traceparent !== null) {
    if (isTraceparent(traceparent)) return traceparent.slice(3, 35);
    head.remove(headerId.traceparent);
    head.remove(headerId.tracestate);
  }
  const b3 = b3TraceId(head);
  if (b3 !== null || absent === 'leave') return b3;
  const traceId = createHexId(random, 4);
  head.add('traceparent', `00-${traceId}-${createHexId(random, 2)}-01`);
  return traceId;
}

/**
 * Version 00 has exactly 55 characters; a later version may be longer, but starts alike and goes on with a dash
 * (section 3.2.4). All-zero ids and version ff are invalid.
 */
export function isTraceparent(value: string): boolean {
  if (value.length < 55) return false;
  if (value.charCodeAt(2) !== dash || value.charCodeAt(35) !== dash || value.charCodeAt(52) !== dash)
    return false;
  if (!isHex(value, 0, 2) || !isHex(value, 3, 35) || !isHex(value, 36, 52) || !isHex(value, 53, 55))
    return false;
  if (isZero(value, 3, 35) || isZero(value, 36, 52)) return false;
  if (value.startsWith('ff')) return false;
  if (value.length === 55) return true;
  return !value.startsWith('00') && value.charCodeAt(55) === dash;
}

function b3TraceId(head: Head): string | null {
  const single = head.get(headerId.b3);
  if (single !== null) {
    const end = single.indexOf('-');
    return end > 0 ? b3Id(single.slice(0, end)) : null;
  }
  const multi = head.get(headerId['x-b3-traceid']);
  return multi === null ? null : b3Id(multi);
}

function b3Id(id: string): string | null {
  return (id.length === 16 || id.length === 32) && isHex(id, 0, id.length) ? id : null;
}

const dash = 0x2d;

function isHex(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    // Digits and lower-case a to f; upper case is invalid in both formats.
    if (!((code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66))) return false;
  }
  return true;
}

function isZero(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) !== 0x30) return false;
  return true;
}
