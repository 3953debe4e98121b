// Head: what was received plus edits, the same view for every HTTP version. HTTP/1 keeps the received text with offsets
// and its encoder splices; HTTP/2 will keep decoded fields. Nobody builds a header map.

/**
 * Interned ids of the field names that the mesh itself looks at. A codec finds the id while it reads the name, so
 * `find(id)` is an array read. Names outside this table go through `findName`.
 */
export const headerNames = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'date',
  'server',
  'via',
  'content-type',
  'user-agent',
  'retry-after',
  'idempotency-key',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-client-cert',
  'x-request-id',
  'traceparent',
  'tracestate',
  'b3',
  'x-b3-traceid',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
  'x-b3-flags',
  'grpc-timeout',
  'grpc-status',
  'x-envoy-attempt-count',
  'x-envoy-upstream-service-time',
  'x-weft-refused',
  'x-weft-peer',
  'x-weft-retry',
  'x-weft-gave-up',
  'x-weft-destination',
  'x-envoy-internal',
  'x-envoy-external-address',
  'x-envoy-original-path',
  'x-envoy-original-host',
  'x-envoy-original-url',
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-is-timeout-retry',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
] as const;

export type HeaderName = (typeof headerNames)[number];

/** `headerId.host` and so on: the index in {@link headerNames}. */
export const headerId = Object.fromEntries(headerNames.map((name, id) => [name, id])) as Readonly<
  Record<HeaderName, number>
>;

/** Field lines in order. An index is stable until the head is reset for the next message; removed lines keep theirs. */
export interface Head {
  /** Number of field lines: received ones first, then added ones. */
  readonly count: number;
  /** Lower-case name of line `index`. */
  nameAt(index: number): string;
  /** Value of line `index`, one code unit a byte (latin1), without surrounding white space. */
  valueAt(index: number): string;
  isRemoved(index: number): boolean;
  /** Index of the first line that is not removed and has this {@link headerId}, or -1. */
  find(id: number): number;
  /** The same by lower-case name, for names outside the table (and inside). */
  findName(name: string): number;
  /** Value of the first such line, or null. */
  get(id: number): string | null;
  /** All values of that name joined by ", " (RFC 9110 section 5.3), or null: what a matcher compares. */
  getName(name: string): string | null;
  /**
   * Appends a line. `name` is lower-case; neither may contain CR, LF or NUL (asserted: callers validate configuration).
   */
  add(name: string, value: string): void;
  /** Makes this the only line of that {@link headerId}, which is none of framing: others go, it is appended. */
  set(id: number, value: string): void;
  /** Removes every line of that name. */
  remove(id: number): void;
  removeName(name: string): void;
}

export interface RequestHead extends Head {
  readonly method: string;
  /** Scheme as received in absolute form or `:scheme`; '' when the message did not say. Writable: an edit. */
  scheme: string;
  /** Authority as received: of the absolute form, else Host, else ''. Writable: an edit. */
  authority: string;
  /** Path with query; `*` for OPTIONS *. Writable: an edit. */
  path: string;
  /** Minor HTTP/1 version (0 or 1), or 2 for HTTP/2. */
  readonly version: number;
  /**
   * What the client wants to speak on this stream instead of HTTP: the value of Upgrade where Connection names it (RFC
   * 9110 section 7.8), `:protocol` of an extended CONNECT (RFC 8441), `CONNECT` for a plain one; '' for an ordinary
   * request. Such a request has no body; once it is agreed to (tunnel.ts), its body is the bytes of a tunnel.
   */
  readonly upgrade: string;
}

export interface ResponseHead extends Head {
  readonly status: number;
}
