// What a filter of the user's own is made of (docs/filters.md). A module exports `name` and `create`; nothing has to be
// imported from here, a type import is enough to be told of mistakes while writing.

/** What `weft proxy --filter FILE` loads. */
export interface FilterModule {
  /** By which configurations speak of it. */
  readonly name: string;
  /**
   * Called once for each configuration that names the filter, with its `config` as JSON has it. What it throws refuses
   * the configuration, in its words.
   */
  create(config: unknown): FilterHandler;
}

/** One configuration's filter: everything is optional, and what is absent costs nothing. */
export interface FilterHandler {
  /**
   * Above 0: the request waits until its body is here, up to so many bytes ({@link FilterRequest.body}); more is 413.
   */
  readonly holdBodyBytes?: number;
  /** Before the request goes on. A reply is sent instead; while a promise is open the request waits. */
  onRequest?(request: FilterRequest): FilterReply | undefined | Promise<FilterReply | undefined>;
  /** What the request's body is to become on its way. */
  rewriteRequest?(request: FilterRequest): BodyRewriter | undefined;
  /** Before an answer is sent, the proxy's own ones too. A reply is sent instead of an endpoint's. */
  onResponse?(response: FilterResponse, request: FilterRequest): FilterReply | undefined;
  /** What the answer's body is to become on its way. */
  rewriteResponse?(response: FilterResponse, request: FilterRequest): BodyRewriter | undefined;
}

/** Valid while a method of the handler runs, or until its promise is done; later every use of it throws. */
export interface FilterRequest {
  readonly method: string;
  /** With its query. Routes do not look at a changed one, unless told to ({@link findRoute}). */
  path: string;
  authority: string;
  readonly headers: FilterHeaders;
  /** Held because of {@link FilterHandler.holdBodyBytes}; else empty. */
  readonly body: Uint8Array;
  readonly clientAddress: string;
  /** '' where no route fits. */
  readonly routeName: string;
  readonly clusterName: string;
  /** From one method to the next, for this request alone. */
  readonly state: Map<string, unknown>;
  /** What a filter before said of this request (dynamic metadata). */
  metadata(filter: string): Readonly<Record<string, unknown>> | undefined;
  /** Says something of it, under this filter's name: for filters behind and for logs. */
  note(values: Readonly<Record<string, unknown>>): void;
  /** Finds the route anew, after what routes look at was changed. */
  findRoute(): void;
  /** Asks one of the proxy's clusters. Rejects where no whole answer comes in time. */
  call(cluster: string, request: FilterCall): Promise<FilterCallAnswer>;
}

export interface FilterResponse {
  readonly status: number;
  readonly headers: FilterHeaders;
}

/** Names in any case; values one line of ASCII. */
export interface FilterHeaders {
  /** All values joined by ", ". */
  get(name: string): string | null;
  /** Replaces all lines of that name. */
  set(name: string, value: string): void;
  add(name: string, value: string): void;
  delete(name: string): void;
  entries(): readonly (readonly [name: string, value: string])[];
}

export interface FilterReply {
  /** 200 to 599. */
  readonly status: number;
  readonly body?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What it throws breaks the message off. */
export interface BodyRewriter {
  /** What is to be sent for this piece; it may be empty. */
  write(piece: Uint8Array): Uint8Array;
  /** What is left at the end. */
  end(): Uint8Array;
}

export interface FilterCall {
  readonly method?: string;
  readonly path: string;
  readonly authority?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** Default 1,000. */
  readonly timeoutMs?: number;
}

export interface FilterCallAnswer {
  readonly status: number;
  readonly headers: FilterHeaders;
  readonly body: Uint8Array;
}
