// What the page shows, as one JSON document. The page knows nothing else of the mesh, and this file imports nothing, so
// that the page can share its types. What is not known is null, never a zero or a "healthy".

/** The four golden signals over the last interval. */
export interface Golden {
  /** null: nobody who could know was asked, or there is no interval yet. */
  readonly requestsPerSecond: number | null;
  /** 0 to 1; null while nothing was asked. */
  readonly successShare: number | null;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly retriesPerSecond: number | null;
}

export interface ServiceView {
  /** Empty: answers that belong to no Service, such as a route's own. */
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

/**
 * gone: no caller knows it any more (not ready, or removed); ejected, unhealthy: some callers leave it out; failing: it
 * is asked, and at least a tenth of its answers are failures; idle: nobody asked it in the last interval, so nothing
 * new is known of it.
 */
export type EndpointState = 'gone' | 'ejected' | 'unhealthy' | 'failing' | 'in use' | 'idle';

/** One endpoint as all its callers see it. */
export interface EndpointView {
  readonly service: string;
  readonly address: string;
  readonly name: string;
  readonly state: EndpointState;
  /** Proxies that ever called it: of the others nothing can be learnt. */
  readonly callers: number;
  /** Latency estimates of the callers, ms. */
  readonly costMinMs: number | null;
  readonly costMaxMs: number | null;
  /** False: nobody called it in the last interval, so the estimates are old. */
  readonly fresh: boolean;
  /**
   * Share of failures, 0 to 1: of the last interval, or where nobody called, what callers remember; null: never called.
   */
  readonly errorShare: number | null;
  readonly active: number;
  readonly requests: number;
  /** How many of the callers have it ejected now. */
  readonly ejectedBy: number;
  readonly unhealthyFor: number;
  /** Seconds since a caller knew it last; 0: now. */
  readonly goneSeconds: number;
}

/** read: signals and endpoints came from it; the others say why they did not. */
export type ProxyData = 'read' | 'no admin address' | 'no answer' | 'not connected';

/** Of its configuration, as the control plane knows. */
export type ProxySync = 'in sync' | 'pending' | 'refused' | 'nothing sent' | 'not connected';

export interface ProxyView {
  readonly node: string;
  readonly role: string;
  readonly data: ProxyData;
  readonly sync: ProxySync;
  /** Configuration version it acknowledged last, and how long ago that was. */
  readonly version: string;
  readonly ageSeconds: number | null;
  readonly nack: string | null;
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

/** One look of the past, for the charts. */
export interface HistoryPoint {
  readonly atMs: number;
  readonly golden: Golden;
  readonly services: Readonly<Record<string, Golden>>;
}
