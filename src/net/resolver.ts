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

export interface NameServers {
  /** As `address:port`. */
  readonly addresses: readonly string[];
  /** The one family that is wanted: a server that is silent to the other is not waited for. */
  readonly family: 4 | 6 | null;
}

export interface Resolver {
  /**
   * Rejects with a MeshError: `name-not-found` when the name surely has no address, `connect-failed` when nobody
   * answered. `servers`: name servers to ask instead of the system's.
   */
  resolve(name: string, servers?: NameServers | null): Promise<Resolution>;
}
