// The three channels of failure (docs/decisions/0002): bugs assert, bad input is a returned Issue list, failing I/O is
// one MeshError.

/** What failed, in the field's words; also the `reason` label of metrics and the marker between two proxies. */
export type ErrorCode =
  | 'connect-refused'
  | 'connect-timeout'
  | 'connect-failed'
  | 'name-not-found'
  | 'tls-failed'
  | 'peer-closed'
  | 'peer-reset'
  | 'protocol'
  | 'too-large'
  | 'head-timeout'
  | 'idle-timeout'
  | 'attempt-timeout'
  | 'request-timeout'
  | 'overflow'
  | 'dropped'
  | 'all-dropped'
  | 'no-route'
  | 'no-cluster'
  | 'no-endpoint'
  | 'misdirected'
  | 'draining'
  | 'cancelled'
  | 'storage'
  | 'internal';

export type ErrorSource = 'downstream' | 'upstream' | 'internal';

/**
 * May the request be sent again? `yes`: nothing of it was sent. `if-unsent`: when no byte of it reached the peer's
 * application, or when repeating it is harmless. `no`: trying again cannot help.
 */
export type Retryable = 'yes' | 'no' | 'if-unsent';

/**
 * A failure of I/O as a value. Not an Error: it is passed, never thrown, and takes no stack, so a refused connection
 * under load costs an object and nothing more.
 */
export class MeshError {
  readonly code: ErrorCode;
  readonly source: ErrorSource;
  readonly retry: Retryable;
  /** One sentence naming the object, the value and the rule. */
  readonly message: string;
  readonly cause: unknown;

  constructor(
    code: ErrorCode,
    source: ErrorSource,
    retry: Retryable,
    message: string,
    cause: unknown = null,
  ) {
    this.code = code;
    this.source = source;
    this.retry = retry;
    this.message = message;
    this.cause = cause;
  }

  toString(): string {
    return `${this.source} ${this.code}: ${this.message}`;
  }
}

/** Throws on a bug of ours: an invariant that no input may break. Never for bad input or failing I/O. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`bug: ${message}`);
}

/** Marks the end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`bug: unexpected value ${String(value)}`);
}
