// What the page shows, as one JSON document. The page knows nothing else of the mesh, and this file imports nothing, so that the page
// can share its types.

/** The four golden signals over the last interval. */
export interface Golden {
  readonly requestsPerSecond: number;
  /** 0 to 1; null while nothing was asked. */
  readonly successShare: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly retriesPerSecond: number;
}

export interface ServiceView {
  readonly name: string;
  /** As its callers' egress sees it. */
  readonly golden: Golden;
  readonly endpoints: number;
  readonly usable: number;
}

/** One caller's egress to one service. */
export interface CallView {
  readonly from: string;
  readonly to: string;
  readonly golden: Golden;
}

/** One endpoint as all its callers see it. */
export interface EndpointView {
  readonly service: string;
  readonly address: string;
  readonly name: string;
  readonly callers: number;
  /** Latency estimates of the callers, ms. */
  readonly costMinMs: number | null;
  readonly costMaxMs: number | null;
  readonly active: number;
  readonly requests: number;
  /** How many callers have it ejected now. */
  readonly ejectedBy: number;
  readonly healthy: boolean;
}

export interface ProxyView {
  readonly node: string;
  readonly role: string;
  readonly connected: boolean;
  /** Configuration version it acknowledged last, and how long ago that was. */
  readonly version: string;
  readonly ageSeconds: number | null;
  readonly nack: string | null;
  /** False: its admin port did not answer. */
  readonly reached: boolean;
}

export interface IssueView {
  readonly object: string;
  readonly text: string;
}

/** What a demo beside the mesh offers: its replicas, its money, its switches. */
export interface DemoView {
  readonly replicas: readonly { readonly name: string; readonly service: string; readonly state: string }[];
  readonly policy: 'on' | 'off';
  readonly money: { readonly expected: number; readonly found: number } | null;
}

export interface ConsoleState {
  /** Unix ms. */
  readonly atMs: number;
  readonly version: string;
  /** The whole mesh as callers see it. */
  readonly golden: Golden;
  readonly services: readonly ServiceView[];
  readonly calls: readonly CallView[];
  readonly endpoints: readonly EndpointView[];
  readonly proxies: readonly ProxyView[];
  readonly issues: readonly IssueView[];
  readonly demo: DemoView | null;
}
