// What a route table is made of: xDS RouteConfiguration and GAMMA HTTPRoute reduced to the facts that routing needs.

import type { Criteria } from '../balance/index.ts';
import type { LinesView, RetryPolicy } from '../retry/types.ts';
import type { InternalRedirects } from './internal-redirect.ts';

/** What routing may ask of a request; a wire RequestHead fits. */
export interface RequestView extends LinesView {
  readonly method: string;
  readonly authority: string;
  /** Path with query. */
  readonly path: string;
  /** Joined values of a lower-case name, or null. */
  getName(name: string): string | null;
}

export type StringMatch =
  | {
      readonly kind: 'exact' | 'prefix' | 'suffix' | 'contains';
      readonly value: string;
      readonly ignoreCase: boolean;
    }
  | { readonly kind: 'regex'; readonly value: string }
  /** A whole decimal number from `start` up to, and without, `end`. */
  | { readonly kind: 'range'; readonly start: number; readonly end: number }
  | { readonly kind: 'present' };

export interface HeaderMatch {
  /** Lower-case; `:method`, `:authority`, `:path` are allowed. */
  readonly name: string;
  readonly match: StringMatch;
  readonly invert: boolean;
  /** A field that is not there is one without a value; else it matches nothing. */
  readonly missingIsEmpty?: boolean;
}

export type PathMatch =
  | {
      /** connect: CONNECT, which has no path and which no other kind matches. */
      readonly kind: 'exact' | 'prefix' | 'separated-prefix' | 'connect';
      /** '' of connect. */
      readonly value: string;
      readonly ignoreCase: boolean;
    }
  | { readonly kind: 'regex'; readonly value: string };

/** What routes may ask beyond the head: of its connection, and of what filters said. */
export interface MatchFacts {
  /** A certificate of the client's; valid: it was verified. */
  readonly clientCertificate: 'none' | 'shown' | 'valid';
  saidBy(filter: string): Readonly<Record<string, unknown>> | undefined;
}

/** What a match asks of them; made beforehand. */
export interface RouteCondition {
  holds(facts: MatchFacts): boolean;
}

export interface RouteMatch {
  /** Of the requests that the rest holds for, 0 to 1; absent: all. One draw decides for all routes of a table. */
  readonly share?: number;
  readonly path: PathMatch;
  readonly headers: readonly HeaderMatch[];
  readonly query: readonly { readonly name: string; readonly match: StringMatch }[];
  /** All of them hold; absent: none is asked. */
  readonly conditions?: readonly RouteCondition[];
}

/** A value made for each message; of what, is its maker's affair. '' where there is none. */
export interface HeaderFormat {
  format(subject: unknown): string;
}

/** One edit of a head; `name` is lower-case. A value is '' where a line is removed. */
export interface HeaderStep {
  readonly kind: 'remove' | 'add' | 'set' | 'add-if-absent' | 'set-if-present';
  readonly name: string;
  readonly value: string;
  /** Makes the value; absent: it is the one above. */
  readonly format?: HeaderFormat;
  /** Of a format: a line is written also where it comes to nothing. */
  readonly keepEmpty?: boolean;
  /** So many steps, from this one on, ask the head as it is before the first of them; absent: this one alone. */
  readonly together?: number;
}

/** Applied in their order. */
export type HeaderEdits = readonly HeaderStep[];

export interface WeightedCluster {
  /** '' where a header of the request names it. */
  readonly cluster: string;
  /** Lower-case name of that header. */
  readonly clusterHeader?: string;
  /** The authority where the route gives none. */
  readonly rewriteAuthority?: string;
  /** 0 to 2^32-1; the sum of a route's weights is at least 1. */
  readonly weight: number;
  readonly requestEdits: HeaderEdits | null;
  readonly responseEdits: HeaderEdits | null;
  /** The subset of the cluster that it is for (metadata_match, the route's own included); absent: nothing is said. */
  readonly criteria?: Criteria;
  /** As {@link Route.filters}, the route's own included. */
  readonly filters?: ReadonlyMap<string, unknown>;
}

/**
 * What of a request chooses its endpoint under consistent hashing; `terminal`: later ones are not looked at once this
 * one found something.
 */
export type HashPolicy = { readonly terminal: boolean } & (
  | {
      readonly kind: 'header';
      readonly name: string;
      /** What is hashed instead of each value. */
      readonly rewrite?: TextRewrite;
    }
  | { readonly kind: 'query'; readonly name: string }
  | { readonly kind: 'source-ip' }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      /** A client without the cookie is given one; 0: for its session, null: it is not. */
      readonly ttlSeconds: number | null;
      /** '' leaves the attribute out. */
      readonly path: string;
    }
);

/** Copies of requests for another cluster. */
export interface MirrorPolicy {
  /** '' where a header names it. */
  readonly cluster: string;
  /** Lower-case name of that header; '' where the cluster is named. */
  readonly clusterHeader: string;
  /** Of the requests, 0 to 1. */
  readonly share: number;
  /** `-shadow` is appended to the host. */
  readonly suffixed: boolean;
}

export type RouteAction =
  | {
      readonly kind: 'forward';
      readonly clusters: readonly WeightedCluster[];
      /** Lower-case name of a field whose number draws among the clusters; absent, or no number: chance does. */
      readonly drawHeader?: string;
      readonly rewriteAuthority: string | null;
      /** Lower-case name of the header whose value is the new authority. */
      readonly rewriteAuthorityHeader?: string;
      /** Makes the new authority of the path as it was received, without its query. */
      readonly rewriteAuthorityByPath?: TextRewrite;
      /** Each attempt's authority is what its endpoint is called, where that has a name. */
      readonly rewriteAuthorityByEndpoint?: true;
      /** The rewritten host is told in x-forwarded-host. */
      readonly appendForwardedHost?: true;
      readonly rewritePath: PathRewrite | null;
      /** Answer when the chosen cluster does not exist; absent: 503. */
      readonly notFoundStatus?: 404 | 500;
      /** Protocols that a request may ask to become, in lower case; of others the listener decides. */
      readonly upgrades?: ReadonlyMap<string, boolean>;
      /** A CONNECT ends here, and its bytes go to an endpoint as they come. Absent: it is for the next proxy. */
      readonly connect?: 'terminate';
      /** Absent: nobody is sent copies. */
      readonly mirrors?: readonly MirrorPolicy[];
      /** Redirects that are followed here; absent: they are for the client. */
      readonly redirects?: InternalRedirects;
      /** In order; absent: none. */
      readonly hashPolicies?: readonly HashPolicy[];
    }
  | {
      readonly kind: 'redirect';
      readonly status: 301 | 302 | 303 | 307 | 308;
      readonly scheme: string | null;
      readonly authority: string | null;
      readonly port: number | null;
      readonly path: PathRewrite | null;
      readonly stripQuery?: true;
      /** Authority and path as they came, to the letter. */
      readonly verbatim?: true;
    }
  | { readonly kind: 'respond'; readonly status: number; readonly body: string };

/** Makes one text of another, by a pattern. */
export interface TextRewrite {
  replaceAll(text: string): string;
}

/**
 * `prefix` replaces what the route's prefix matched, `full` the whole path, `pattern` what it finds in it; the query
 * stays, unless a redirect brings its own.
 */
export type PathRewrite =
  | { readonly kind: 'prefix' | 'full'; readonly value: string }
  | { readonly kind: 'pattern'; readonly rewrite: TextRewrite };

/** null: not set here, the cluster's own policy holds; 0: no limit. */
export interface RouteTimeouts {
  readonly requestMs: number | null;
  readonly attemptMs: number | null;
  readonly idleMs: number | null;
  /** Of calls of gRPC, where they differ (0: none); they are not asked of others. */
  readonly callMs?: number;
  readonly callAttemptMs?: number;
}

/** Plain values by namespace. */
export type RouteMetadata = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

/** How long a stream may last as a whole, retries and waiting included. */
export interface StreamDuration {
  /** 0: no limit; null: what the listener says. */
  readonly maxMs: number | null;
  /** Of a call of gRPC: the most that its grpc-timeout counts, 0 for any; null: nothing is said of such calls. */
  readonly grpcMaxMs: number | null;
  /** Taken off that time, so that we answer before the caller has given up. */
  readonly grpcOffsetMs: number;
}

/** One part of what a request is counted by; none: the rule does not concern the request. */
export type DescriptorAction =
  | { readonly kind: 'source-cluster' | 'destination-cluster' | 'remote-address' }
  | { readonly kind: 'masked-address'; readonly bits4: number; readonly bits6: number }
  /** `optional`: without it the rest still counts. */
  | { readonly kind: 'header'; readonly name: string; readonly key: string; readonly optional: boolean }
  | { readonly kind: 'generic'; readonly key: string; readonly value: string }
  | {
      readonly kind: 'match';
      readonly key: string;
      readonly value: string;
      /** Whether it is to match. */
      readonly expected: boolean;
      readonly headers: readonly HeaderMatch[];
      readonly query: RouteMatch['query'];
    }
  | {
      readonly kind: 'metadata';
      /** What filters said, or what the route's metadata says. */
      readonly source: 'request' | 'route';
      readonly key: string;
      readonly at: MetadataPlace;
      /** '' for none. */
      readonly absent: string;
      readonly optional: boolean;
    };

export interface MetadataPlace {
  readonly namespace: string;
  readonly path: readonly string[];
}

/** By what the requests of a route, or of a virtual host, are counted. */
export interface DescriptorRule {
  /** The filter of this stage reads it. */
  readonly stage: number;
  readonly actions: readonly DescriptorAction[];
  /** Where the limit itself is said; null: nowhere. */
  readonly limit: MetadataPlace | null;
}

/** One tag of a span. */
export type SpanTag =
  | { readonly kind: 'literal'; readonly tag: string; readonly value: string }
  | {
      readonly kind: 'environment' | 'header';
      readonly tag: string;
      readonly name: string;
      readonly absent: string;
    }
  | {
      readonly kind: 'metadata';
      readonly tag: string;
      readonly source: 'request' | 'route';
      readonly at: MetadataPlace;
      readonly absent: string;
    };

/** What a route says of its spans. */
export interface RouteTracing {
  /** Shares of 0 to 1; null: the listener's. */
  readonly clientShare: number | null;
  readonly randomShare: number | null;
  readonly overallShare: number | null;
  readonly tags: readonly SpanTag[];
  /** What its spans are called; '': nothing is said. */
  readonly operation: string;
  /** The next hop is told the name. */
  readonly propagates: boolean;
}

/** Requests of a virtual host that all of these headers match. */
export interface VirtualCluster {
  readonly name: string;
  readonly headers: readonly HeaderMatch[];
}

/** What further series requests of a route are counted in; one of the two is there. */
export interface RouteTally {
  readonly virtualHost: string;
  /** The route's own; '': none. */
  readonly route: string;
  /** The first that matches, else "other"; empty: none. */
  readonly virtualClusters: readonly VirtualCluster[];
}

export interface Route {
  /** For logs, metrics and `why`: `bank/payments/0`, or the xDS route's name. */
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: RouteAction;
  readonly timeouts: RouteTimeouts;
  /** Absent: what the listener says. */
  readonly duration?: StreamDuration;
  /** null: the cluster's own retry policy holds. */
  readonly retry: RetryPolicy | null;
  /** An attempt that takes too long goes on beside the next (Envoy's hedge_on_per_try_timeout). Absent: it does not. */
  readonly hedges?: true;
  /** Bytes of a request body kept for a retry; null: what the listener says. */
  readonly bufferBytesMax: number | null;
  /**
   * Of high priority: its requests count under limits of their own (RouteAction.priority). Absent: of default
   * priority.
   */
  readonly high?: true;
  readonly requestEdits: HeaderEdits | null;
  readonly responseEdits: HeaderEdits | null;
  /** Endpoints are told of each retry whether it is one because an attempt took too long. */
  readonly marksTimeoutRetries?: true;
  /**
   * Of calls of gRPC: the most that grpc-timeout counts, 0 for any, and what is taken off it, which is their time for
   * the answer (Envoy's max_grpc_timeout). Absent: they are as others, and have no more than their callers say.
   */
  readonly grpcTimes?: { readonly maxMs: number; readonly offsetMs: number };
  /** Answers tell how many attempts were made. */
  readonly attemptsInAnswer?: true;
  /** What it says to filters, by their name; routing only carries it. Absent: nothing. */
  readonly filters?: ReadonlyMap<string, unknown>;
  /** Of spans; routing only carries it. Absent: nothing is said. */
  readonly tracing?: RouteTracing;
  /** Routing only carries it. Absent: its requests are counted by cluster alone. */
  readonly tally?: RouteTally;
  /** By what its requests are counted, and all those of its virtual host; routing only carries it. Absent: nothing. */
  readonly descriptors?: readonly DescriptorRule[];
  readonly hostDescriptors?: readonly DescriptorRule[];
  /** Both count, whatever filters say. */
  readonly includesHostDescriptors?: true;
  /** What formats may read of it and of its virtual host; routing only carries it. Absent: nothing is said. */
  readonly metadata?: RouteMetadata;
  readonly hostMetadata?: RouteMetadata;
  /** The Service that its callers ask for, where no cluster tells: a label. Absent: nobody said. */
  readonly service?: string;
}

export interface VirtualHost {
  readonly name: string;
  /** xDS domains: `a.b`, `a.b:80`, `*.b`, `a.*`, `*`. Compared without case. */
  readonly domains: readonly string[];
  /** Requests without TLS are sent to it; external: those from outside alone. Absent: none. */
  readonly requireTls?: 'external' | 'all';
  /** First match wins. */
  readonly routes: readonly Route[];
}

export interface RouteConfig {
  readonly name: string;
  /** The port of an authority is no part of the name that domains are compared with. */
  readonly ignorePort?: boolean;
  /** What follows the first `;` of a path is no part of what paths are compared with. */
  readonly ignorePathParameters?: boolean;
  /** Lower-case names of fields that nobody from outside may send. */
  readonly internalOnly?: readonly string[];
  readonly virtualHosts: readonly VirtualHost[];
  /** Further virtual hosts come by themselves; the table waits for the first of them this long, 0: for ever. */
  readonly vhds?: { readonly fetchTimeoutMs: number };
}
