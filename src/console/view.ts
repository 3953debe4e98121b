// What the page shows, as one JSON document. The page knows nothing else of the mesh, and this file imports nothing, so
// that the page can share its types. What is not known is null, never a zero or a "healthy".

/** The four golden signals over the last interval. */
export interface Golden {
  /** null: nobody who could know was asked, or there is no interval yet. */
  readonly requestsPerSecond: number | null;
  /** 0 to 1; null while nothing was asked. */
  readonly successShare: number | null;
  /** Half of the answers came within it; null while none came. */
  readonly p50Ms: number | null;
  /** 99 of 100 answers came within it; null while none came. */
  readonly p99Ms: number | null;
  /** Attempts beside the first of each request; null: as `requestsPerSecond`. */
  readonly retriesPerSecond: number | null;
}

export interface ServiceView {
  /** Empty: answers that belong to no Service, such as a route's own. */
  readonly name: string;
  /** As its callers' egress sees it. */
  readonly golden: Golden;
  /** That any caller knows, or knew lately. */
  readonly endpoints: number;
  /** Of these, those that callers would call now. */
  readonly usable: number;
}

/** One caller's egress to one service. */
export interface CallView {
  /** Workload, `namespace/name`. */
  readonly from: string;
  /** Service, `namespace/name`. */
  readonly to: string;
  /** Of this caller's calls to it. */
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
  /** `namespace/name`. */
  readonly service: string;
  /** `host:port`. */
  readonly address: string;
  /** Its pod; empty: not known. */
  readonly name: string;
  /**
   * gone: no caller knows it any more (not ready, or removed); ejected, unhealthy: some callers leave it out; failing:
   * it is asked, and at least a tenth of its answers are failures; idle: nobody asked it in the last interval.
   */
  readonly state: EndpointState;
  /** Proxies that ever called it: of the others nothing can be learnt. */
  readonly callers: number;
  /** The lowest latency estimate of a caller; null: nobody has one. */
  readonly costMinMs: number | null;
  /** The highest latency estimate of a caller; null: nobody has one. */
  readonly costMaxMs: number | null;
  /** False: nobody called it in the last interval, so the estimates are old. */
  readonly fresh: boolean;
  /**
   * Share of failures, 0 to 1: of the last interval, or where nobody called, what callers remember; null: never called.
   */
  readonly errorShare: number | null;
  /** Requests that are running now. */
  readonly active: number;
  /** All that its callers count, since each started. */
  readonly requests: number;
  /** How many of the callers have it ejected now. */
  readonly ejectedBy: number;
  /** For how many of the callers active health checks fail. */
  readonly unhealthyFor: number;
  /** Seconds since a caller knew it last; 0: now. */
  readonly goneSeconds: number;
}

/** read: signals and endpoints came from it; the others say why they did not. */
export type ProxyData = 'read' | 'no admin address' | 'no answer' | 'not connected';

/** Of its configuration, as the control plane knows. */
export type ProxySync = 'in sync' | 'pending' | 'refused' | 'nothing sent' | 'not connected';

export interface ProxyView {
  /** Its node id. */
  readonly node: string;
  /** sidecar, agent or gateway; empty: not known. */
  readonly role: string;
  /** Whether signals and endpoints came from it, or why not. */
  readonly data: ProxyData;
  /** pending: sent, not acknowledged. */
  readonly sync: ProxySync;
  /** Configuration version it acknowledged last. */
  readonly version: string;
  /** Since it acknowledged that; null: never. */
  readonly ageSeconds: number | null;
  /** Why it refused what it was sent; null: it did not. */
  readonly nack: string | null;
}

export interface IssueView {
  /** What is at fault, with its file and line. */
  readonly object: string;
  /** The rule that is broken. */
  readonly text: string;
}

/** What a demo beside the mesh offers: its replicas, its money, its switches. */
export interface DemoView {
  /** Its processes. */
  readonly replicas: readonly ReplicaView[];
  /** Whether the mesh's policies are in force, or those of a plain load balancer. */
  readonly policy: 'on' | 'off';
  /** What the bank should hold and what it holds; null: not counted yet. */
  readonly money: MoneyView | null;
}

export interface ReplicaView {
  /** Such as ledger-1. */
  readonly name: string;
  /** Such as ledger. */
  readonly service: string;
  /** What was done to it last. */
  readonly state: string;
}

export interface MoneyView {
  /** Pennies. */
  readonly expected: number;
  /** Pennies. */
  readonly found: number;
}

export interface ConsoleState {
  /** Of the look. */
  readonly atMs: number;
  /** Of the configuration, as the proxies acknowledged it. */
  readonly version: string;
  /** The whole mesh as callers see it. */
  readonly golden: Golden;
  /** By name. */
  readonly services: readonly ServiceView[];
  /** By caller and Service. */
  readonly calls: readonly CallView[];
  /** Of all Services. */
  readonly endpoints: readonly EndpointView[];
  /** That the control plane knows. */
  readonly proxies: readonly ProxyView[];
  /** Faults in the configuration. */
  readonly issues: readonly IssueView[];
  /** Null: no demo runs beside the mesh. */
  readonly demo: DemoView | null;
}

/** One look of the past, for the charts. */
export interface HistoryPoint {
  /** Of the look. */
  readonly atMs: number;
  /** Of the whole mesh. */
  readonly golden: Golden;
  /** By the Service's name. */
  readonly services: Readonly<Record<string, Golden>>;
}
