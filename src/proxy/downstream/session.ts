// What a listener needs of whatever serves a connection: HTTP or a tunnel.

export interface Session {
  /** Draining: ends when it may without hurting its client, looked at again and again. */
  drainWhenQuiet(nowMs: number, quietMs: number): void;
  /** Ends it in order as soon as possible. */
  drain(): void;
  reset(): void;
  /** Bytes that this proxy holds for it: what its client has not taken yet, and what is kept of requests. */
  readonly heldBytes: number;
  /** Ends it if no request ran on it for so long; 0 of its own timeout: never. */
  endIdle(nowMs: number, scale: (ms: number) => number): void;
}
