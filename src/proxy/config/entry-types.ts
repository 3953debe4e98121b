// What happens between accept and a session: what is read ahead of a connection, and which filter chain it then belongs
// to.

import type { IpRange } from '../../base/index.ts';

/** Of a port: where a listener filter is left out. */
export type PortRule =
  | { readonly kind: 'any' }
  /** `end` is not in it. */
  | { readonly kind: 'range'; readonly start: number; readonly end: number }
  | { readonly kind: 'not'; readonly rule: PortRule }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly PortRule[] };

/** Null: everywhere. */
export interface SkippedFilters {
  readonly proxyProtocol: PortRule | null;
  readonly originalDestination: PortRule | null;
  readonly inspectTls: PortRule | null;
  readonly inspectHttp: PortRule | null;
}

export interface EntryConfig {
  /** Where filters are left out, by the port that the connection came to; null: nowhere. */
  readonly skipped: SkippedFilters | null;
  readonly proxyProtocol: 'no' | 'required' | 'optional';
  /** Versions of it that are taken. */
  readonly proxyVersions: readonly (1 | 2)[];
  /** Of its TLVs, those that clusters may pass on. */
  readonly proxyTlvs: 'all' | readonly number[];
  /** Which of them become dynamic metadata of the connection. */
  readonly proxyRules: readonly ProxyRule[];
  /** Where the connection was going before it was redirected here is its destination. */
  readonly originalDestination: boolean;
  /** If there is a listener for that destination, it takes the connection over. */
  readonly handsOver: boolean;
  readonly inspectTls: boolean;
  /** Which fingerprints of a client's hello are kept; null: none. */
  readonly fingerprints: { readonly ja3: boolean; readonly ja4: boolean } | null;
  readonly inspectHttp: boolean;
  /** For all that is read ahead; 0: no limit. Default 15 s. */
  readonly timeoutMs: number;
  /** After that time go on with what is known: a server may have to speak first. Else the connection ends. */
  readonly continueOnTimeout: boolean;
  /** In the order of the configuration; the names are those of {@link Snapshot.listeners}. */
  readonly chains: readonly ChainConfig[];
  /** The default filter chain; null: what matches none is closed. */
  readonly otherwise: string | null;
}

export interface ProxyRule {
  readonly type: number;
  readonly namespace: string;
  readonly key: string;
}

export interface ChainConfig {
  readonly match: ChainMatch;
  readonly listener: string;
}

/** Empty lists and null match everything. Envoy's FilterChainMatch. */
export interface ChainMatch {
  readonly destinationPort: number | null;
  readonly destinationPrefixes: readonly IpRange[];
  /** Lower case; `*.example.com` stands for any name below. */
  readonly serverNames: readonly string[];
  readonly transport: string;
  readonly protocols: readonly string[];
  /** Of the peer of the socket, whoever a PROXY header names. */
  readonly directPrefixes: readonly IpRange[];
  readonly sourceType: 'any' | 'local' | 'external';
  readonly sourcePrefixes: readonly IpRange[];
  readonly sourcePorts: readonly number[];
}
