// What a listener needs of whatever serves a connection: HTTP or a tunnel.

export interface Session {
  /** Draining: ends when it may without hurting its client, looked at again and again. */
  drainWhenQuiet(nowMs: number, quietMs: number): void;
  /** Ends it in order as soon as possible. */
  drain(): void;
  reset(): void;
}
