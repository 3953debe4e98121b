// The Resolver seam: names to addresses, with how long they hold.

export interface Resolution {
  /** IP literals in the answer's order; never empty. */
  readonly addresses: readonly string[];
  /** Seconds the answer may be kept; at least 1. */
  readonly ttlSeconds: number;
}

/** One address, as who was asked tells it. */
export interface LookupAnswer {
  readonly address: string;
  /** Seconds; 0 where nobody knows. */
  readonly ttl: number;
}

export interface Resolver {
  /**
   * Rejects with a MeshError: `name-not-found` when the name surely has no address, `connect-failed` when nobody
   * answered. `servers`: name servers (`address:port`) to ask instead of the system's.
   */
  resolve(name: string, servers?: readonly string[] | null): Promise<Resolution>;
}
