// The trace that a request belongs to, as its head says it and as it is passed on: W3C Trace Context for
// OpenTelemetry, B3 for Zipkin (github.com/openzipkin/b3-propagation).

import type { Random } from '../../base/index.ts';
import { createHexId, isTraceparent } from '../../observe/index.ts';
import { type Head, type HeaderName, headerId } from '../../wire/index.ts';

/** Of one span; '' for none. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly sampled: boolean;
  /** The span is the caller's too. */
  readonly shared: boolean;
}

/** The caller's flag holds where there is one; `traced` is our own decision. */
export function beginW3c(head: Head, traced: boolean, random: Random): TraceContext {
  const received = head.get(headerId.traceparent);
  const known = received !== null && isTraceparent(received);
  const spanId = createHexId(random, 2);
  const context: TraceContext = known
    ? {
        traceId: received.slice(3, 35),
        spanId,
        parentId: received.slice(36, 52),
        sampled: (Number.parseInt(received.slice(53, 55), 16) & 1) === 1,
        shared: false,
      }
    : { traceId: createHexId(random, 4), spanId, parentId: '', sampled: traced, shared: false };
  set(head, 'traceparent', `00-${context.traceId}-${spanId}-${context.sampled ? '01' : '00'}`);
  return context;
}

export interface B3Options {
  readonly egress: boolean;
  readonly longIds: boolean;
  readonly sharesSpans: boolean;
}

export function beginB3(head: Head, traced: boolean, options: B3Options, random: Random): TraceContext {
  const before = readB3(head, traced);
  const made = before === null ? rootB3(traced, options, random) : childB3(before, options, random);
  // As Envoy says it, of the first span too.
  const context = { ...made, shared: !options.egress && options.sharesSpans };
  if (head.find(headerId.b3) >= 0) head.remove(headerId.b3);
  set(head, 'x-b3-traceid', context.traceId);
  set(head, 'x-b3-spanid', context.spanId);
  set(head, 'x-b3-parentspanid', context.parentId);
  set(head, 'x-b3-sampled', context.sampled ? '1' : '0');
  return context;
}

/** Of the first span of a trace both ids are one, as Zipkin has it. */
function rootB3(sampled: boolean, { longIds }: B3Options, random: Random): Received {
  const spanId = createHexId(random, 2);
  const traceId = longIds ? createHexId(random, 2) + spanId : spanId;
  return { traceId, spanId, parentId: '', sampled };
}

function childB3(before: Received, { egress, sharesSpans }: B3Options, random: Random): Received {
  if (!egress && sharesSpans) return before;
  return { ...before, spanId: createHexId(random, 2), parentId: before.spanId };
}

type Received = Omit<TraceContext, 'shared'>;

/** One field of all (`b3`), or one for each part; null: there is none that can be read. */
function readB3(head: Head, traced: boolean): Received | null {
  const single = head.get(headerId.b3)?.split('-') ?? null;
  const traceId = single === null ? head.get(headerId['x-b3-traceid']) : (single[0] ?? '');
  const spanId = single === null ? head.get(headerId['x-b3-spanid']) : (single[1] ?? '');
  const said = single === null ? head.get(headerId['x-b3-sampled']) : (single[2] ?? null);
  const parentId = single === null ? head.get(headerId['x-b3-parentspanid']) : (single[3] ?? '');
  if (traceId === null || spanId === null) return null;
  if (!/^([0-9a-f]{16}){1,2}$/.test(traceId) || !/^[0-9a-f]{16}$/.test(spanId)) return null;
  const parent = parentId !== null && /^[0-9a-f]{16}$/.test(parentId) ? parentId : '';
  const debug = head.get(headerId['x-b3-flags']) === '1';
  const sampled = debug || (said === null ? traced : said === '1' || said === 'd' || said === 'true');
  return { traceId, spanId, parentId: parent, sampled };
}

function set(head: Head, name: HeaderName, value: string): void {
  if (head.find(headerId[name]) >= 0) head.remove(headerId[name]);
  if (value !== '') head.add(name, value);
}
