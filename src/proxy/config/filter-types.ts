// What HTTP filters are told, compiled: the chain of a listener before its router, and what routes say to its members.

import type { Format } from '../../observe/index.ts';
import type {
  AccessRulesConfig,
  ByteRateConfig,
  HeaderEdits,
  HeaderMatch,
  MetadataMatch,
  Route,
  StringMatch,
  TokenBucketConfig,
} from '../../policy/index.ts';
import type { GrpcTargetConfig } from './grpc-types.ts';
import type { GlobalRateLimitConfig, GlobalRateLimitOverride, LocalRateLimitConfig } from './limit-types.ts';
import type { OnDemandClusters } from './source-types.ts';

export interface FaultConfig {
  readonly kind: 'fault';
  /** `fixedMs` null: the request's own header says how long. Shares are 0 to 1. */
  readonly delay: { readonly fixedMs: number | null; readonly share: number } | null;
  /** `status` null: the request's own header says which. */
  readonly abort: {
    readonly status: number | null;
    /** For callers of gRPC; null: by the status. */
    readonly grpcStatus: number | null;
    readonly share: number;
  } | null;
  /** Answers come no faster; `kibibytes` a second, null: the request's own header says. Absent: as they come. */
  readonly responseRate?: {
    readonly kibibytes: number | null;
    readonly intervalMs: number;
    readonly share: number;
  };
  /** What is said of a request that had a fault; absent: nothing. */
  readonly notes?: Readonly<Record<string, unknown>>;
  /** Only requests to this cluster; '': all. */
  readonly cluster: string;
  readonly headers: readonly HeaderMatch[];
  /** Only requests of these callers, as they say themselves; none: of all. */
  readonly nodes: readonly string[];
  readonly activeMax: number;
}

export interface BandwidthLimitConfig {
  readonly kind: 'bandwidth-limit';
  readonly statPrefix: string;
  /** Which bodies it concerns. */
  readonly request: boolean;
  readonly response: boolean;
  /** Of all together that it is said to. */
  readonly rate: ByteRateConfig;
  /** Where it is said: another place is another limit. */
  readonly place: string;
  /** By a virtual host or below it, whose name belongs to the place. */
  readonly inVirtualHost: boolean;
}

export interface CorsConfig {
  readonly kind: 'cors';
  readonly origins: readonly StringMatch[];
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean;
  readonly enabledShare: number;
  /** Judged and counted, no more. */
  readonly shadowShare: number;
  /** A page of the internet may ask for one of this network. */
  readonly privateNetwork: boolean;
  readonly forwardOtherPreflights: boolean;
}

export interface CsrfConfig {
  readonly kind: 'csrf';
  readonly enabledShare: number;
  /** Judged and counted, no more. */
  readonly shadowShare: number;
  readonly additionalOrigins: readonly StringMatch[];
}

export interface HealthCheckConfig {
  readonly kind: 'health-check';
  /** Checks go on to the application; its answer holds for so long, 0: for that one check. */
  readonly passThrough: boolean;
  readonly cacheMs: number;
  /** Share of endpoints in hundredths that each of these clusters must have for a 200. */
  readonly minHealthy: readonly { readonly cluster: string; readonly percent: number }[];
  readonly headers: readonly HeaderMatch[];
}

/** One edit of the path's parameters; with a format, that makes the value. */
export interface QueryMutation {
  readonly kind: 'remove' | 'add' | 'set' | 'add-if-absent' | 'set-if-present';
  readonly name: string;
  readonly value: string;
  readonly format: Format | null;
}

export interface HeaderMutationConfig {
  readonly kind: 'header-mutation';
  readonly request: HeaderEdits | null;
  readonly response: HeaderEdits | null;
  /** Of the request's path, after its head's; absent: none. */
  readonly query?: readonly QueryMutation[];
  /** Of the filter: what routes say is applied from the most general to the most specific; absent: the other way. */
  readonly specificLast?: true;
  /** Of a route: what less specific levels say; absent: nothing. */
  readonly outer?: HeaderMutationConfig;
}

export interface RbacConfig {
  readonly kind: 'rbac';
  /** Null: nothing is refused. */
  readonly rules: AccessRulesConfig | null;
  readonly statPrefix: string;
  /** Judged and counted, no more. */
  readonly shadow: AccessRulesConfig | null;
  readonly shadowStatPrefix: string;
  /** Each policy has counters of its own. */
  readonly countsPolicies: boolean;
}

export interface StatefulSessionConfig {
  readonly kind: 'stateful-session';
  /** null: no request has one. */
  readonly place: SessionPlace | null;
  readonly strict: boolean;
  readonly missingStatus: number;
  /** '': nothing is counted. */
  readonly statPrefix: string;
}

/** Where a client keeps its endpoint. */
export type SessionPlace =
  | { readonly kind: 'header'; readonly name: string }
  | {
      readonly kind: 'cookie';
      readonly name: string;
      readonly path: string;
      readonly ttlSeconds: number;
    };

export interface ExtAuthzConfig {
  readonly kind: 'ext-authz';
  readonly service: HttpAuthzConfig | GrpcAuthzConfig;
  /** Fields of the request that the service is shown; null: none is named, so HTTP shows few of them, gRPC all. */
  readonly allowedHeaders: readonly StringMatch[] | null;
  readonly disallowedHeaders: readonly StringMatch[];
  readonly body: AuthzBody | null;
  readonly failureAllowed: boolean;
  readonly failureHeader: boolean;
  readonly errorStatus: number;
  readonly clearsRouteCache: boolean;
  readonly enabledShare: number;
  /** Asked of what filters before said; null: always. */
  readonly enabledBy: MetadataMatch | null;
  /** What is not checked is refused. */
  readonly deniesUnchecked: boolean;
  /** An answer with a field that could not be sent is an error, as a whole. */
  readonly validates: boolean;
  /** null: the service may change what it likes. */
  readonly mutationRules: MutationRules | null;
  /** What the service says for filters further down and for logs is kept. */
  readonly takesNotes: boolean;
  readonly statPrefix: string;
  readonly chargesCluster: boolean;
}

export interface HttpAuthzConfig {
  readonly kind: 'http';
  readonly cluster: string;
  /** Host of the checks where the request has none. */
  readonly authority: string;
  readonly timeoutMs: number;
  readonly pathPrefix: string;
  readonly headersToAdd: HeaderEdits | null;
  /** Of an answer that allows: set on the request, added to it, added to the answer, noted. */
  readonly upstreamSet: readonly StringMatch[];
  readonly upstreamAppended: readonly StringMatch[];
  readonly clientOnSuccess: readonly StringMatch[];
  readonly noted: readonly StringMatch[];
  /** Of an answer that refuses; null: all of them. */
  readonly clientOnDenial: readonly StringMatch[] | null;
}

export interface GrpcAuthzConfig {
  readonly kind: 'grpc';
  readonly target: GrpcTargetConfig;
  readonly peerCertificate: boolean;
  readonly tlsSession: boolean;
  /** Field lines one by one, as bytes. */
  readonly rawHeaders: boolean;
  readonly rawBody: boolean;
  /** Of what filters before said, and of what the route's metadata says. */
  readonly metadataNamespaces: readonly string[];
  readonly routeNamespaces: readonly string[];
}

/** Which fields of a request a service may change. */
export interface MutationRules {
  /** Host, method and scheme. */
  readonly routing: boolean;
  /** Envoy's own. */
  readonly envoy: boolean;
  /** Those with a colon are not. */
  readonly noSystem: boolean;
  readonly nothing: boolean;
  /** By name, whatever the rest says; `disallowed` before `allowed`. At most one each. */
  readonly allowed: readonly StringMatch[];
  readonly disallowed: readonly StringMatch[];
  /** A request whose change is not allowed fails; else the change is left out. */
  readonly failsRequests: boolean;
}

export interface AuthzBody {
  readonly bytesMax: number;
  /** A longer body is checked by its beginning; else it is refused. */
  readonly partial: boolean;
}

/** Said by routes only; undefined: as the filter has it, null: no body. */
export interface AuthzOverride {
  readonly kind: 'ext-authz-override';
  readonly body?: AuthzBody | null;
  /** Told to a service of gRPC; those of all levels together. */
  readonly extensions: Readonly<Record<string, string>>;
}

/** A filter of the user's own. */
export interface UserFilterConfig {
  readonly kind: 'user';
  /** The name that its module exports. */
  readonly filter: string;
  /** For its `create`, as JSON has it. */
  readonly config: unknown;
  /** A request whose filter failed goes on. */
  readonly passesErrors: boolean;
  /** For a promise of its. */
  readonly timeoutMs: number;
}

/** Of a fetch that failed. */
export interface FetchRetry {
  readonly times: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number };
}

export interface JwtProviderConfig {
  readonly name: string;
  /** '': of any. */
  readonly issuer: string;
  /** Empty: for anybody. */
  readonly audiences: readonly string[];
  readonly subjects: StringMatch | null;
  readonly requiresExpiration: boolean;
  /** 0: no limit. */
  readonly lifetimeSecondsMax: number;
  readonly keys:
    | { readonly kind: 'local'; readonly text: string }
    | {
        readonly kind: 'remote';
        readonly cluster: string;
        readonly uri: string;
        readonly timeoutMs: number;
        readonly cacheMs: number;
        /** Keys that are over are used on while new ones come. */
        readonly ahead: boolean;
        readonly failedRefetchMs: number;
        /** Absent: none is made again at once. */
        readonly retry?: FetchRetry;
      };
  /** The token stays on the request. */
  readonly forwards: boolean;
  readonly fromHeaders: readonly { readonly name: string; readonly prefix: string }[];
  readonly fromParams: readonly string[];
  readonly fromCookies: readonly string[];
  /** '' for none, here and below. */
  readonly payloadHeader: string;
  readonly padsPayload: boolean;
  readonly payloadNote: string;
  readonly headerNote: string;
  readonly clockSkewSeconds: number;
  /** Tokens found good that are known again; 0: none. */
  readonly cacheSize: number;
  readonly claimHeaders: readonly { readonly claim: string; readonly header: string }[];
  readonly clearsRouteCache: boolean;
}

export type JwtRequirement =
  | { readonly kind: 'provider'; readonly provider: string; readonly audiences: readonly string[] | null }
  | { readonly kind: 'all' | 'any'; readonly of: readonly JwtRequirement[] }
  /** A token may be missing, or may be bad too; of these providers, empty: of all. */
  | { readonly kind: 'missing' | 'failed'; readonly providers: readonly string[] };

export interface JwtAuthnConfig {
  readonly kind: 'jwt-authn';
  readonly providers: readonly JwtProviderConfig[];
  /** The first that matches holds; null: it requires nothing. A route's name is its index. */
  readonly rules: readonly { readonly route: Route; readonly requirement: JwtRequirement | null }[];
  readonly named: Readonly<Record<string, JwtRequirement>>;
  readonly bypassesPreflight: boolean;
  readonly stripsFailure: boolean;
}

/** Said by routes only. */
export interface JwtOverride {
  readonly kind: 'jwt-override';
  readonly requirement: string;
}

export interface BufferConfig {
  readonly kind: 'buffer';
  readonly bytesMax: number;
}

export interface GrpcWebConfig {
  readonly kind: 'grpc-web';
}

/** A request of a virtual host that is not known waits for it, and one of a cluster that is not. */
export interface OnDemandConfig {
  readonly kind: 'on-demand';
  /** null: it does not wait for clusters. */
  readonly clusters: OnDemandClusters | null;
}

export interface GrpcStatsConfig {
  readonly kind: 'grpc-stats';
  /** Which have series of their own; a service without methods has them all. */
  readonly methods: 'all' | readonly { readonly service: string; readonly methods: readonly string[] }[];
  /** In names of services. */
  readonly replacesDots: boolean;
  /** How long endpoints took is told too. */
  readonly upstreamTimes: boolean;
  /** Messages of a call are kept for %FILTER_STATE% too. */
  readonly keepsState: boolean;
}

/** As content-encoding names them. */
export type Coding = 'gzip' | 'br' | 'zstd';

/** Numbers as the libraries have them. */
export type CoderConfig =
  | {
      readonly coding: 'gzip';
      readonly level: number;
      readonly memoryLevel: number;
      readonly strategy: number;
      readonly windowBits: number;
    }
  | {
      readonly coding: 'br';
      readonly quality: number;
      readonly mode: number;
      readonly windowBits: number;
      readonly blockBits: number;
      readonly plainLiterals: boolean;
    }
  | {
      readonly coding: 'zstd';
      readonly level: number;
      readonly checksum: boolean;
      readonly strategy: number;
    };

export interface CompressorDirection {
  readonly enabled: boolean;
  /** Said by its own message, and not by the older fields. */
  readonly configured: boolean;
  /** What says to be shorter stays as it is. */
  readonly bytesMin: number;
  /** Media types. */
  readonly types: readonly string[];
}

export interface CompressorConfig {
  readonly kind: 'compressor';
  readonly coding: Coding;
  readonly coder: CoderConfig;
  readonly libraryName: string;
  /** It comes first where a client takes several alike. */
  readonly chooseFirst: boolean;
  readonly removesAcceptEncoding: boolean;
  readonly disabledByEtag: boolean;
  readonly request: CompressorDirection;
  readonly response: CompressorDirection;
}

/** Said by routes only; null: nothing of this. */
export interface CompressorOverride {
  readonly kind: 'compressor-override';
  readonly disabled: boolean;
  readonly removesAcceptEncoding: boolean | null;
}

export interface DecompressorConfig {
  readonly kind: 'decompressor';
  readonly coding: Coding;
  /** Bytes that may come of one. */
  readonly ratioMax: number;
  readonly libraryName: string;
  /** Endpoints are told that it may be used. */
  readonly advertises: boolean;
  readonly request: DecompressorDirection;
  readonly response: DecompressorDirection;
}

export interface DecompressorDirection {
  readonly enabled: boolean;
  readonly ignoresNoTransform: boolean;
}

export type FilterConfig =
  | FaultConfig
  | LocalRateLimitConfig
  | GlobalRateLimitConfig
  | CorsConfig
  | CsrfConfig
  | HealthCheckConfig
  | HeaderMutationConfig
  | RbacConfig
  | StatefulSessionConfig
  | BandwidthLimitConfig
  | BufferConfig
  | JwtAuthnConfig
  | UserFilterConfig
  | ExtAuthzConfig
  | CompressorConfig
  | DecompressorConfig
  | GrpcWebConfig
  | GrpcStatsConfig
  | OnDemandConfig;

export interface ListenerFilterConfig {
  /** By which routes speak of it. */
  readonly name: string;
  /** Passed over, except where a route says something to it. */
  readonly disabled: boolean;
  readonly config: FilterConfig;
}

/** What a route says to the filter of a name. */
export type RouteFilterConfig =
  | FilterConfig
  | CompressorOverride
  | AuthzOverride
  | GlobalRateLimitOverride
  | JwtOverride
  | { readonly kind: 'disabled' };

export type RouteFilters = ReadonlyMap<string, RouteFilterConfig>;

/** Asked of a connection before anything of it is served. */
export type NetworkFilterConfig =
  | {
      readonly kind: 'rbac';
      readonly statPrefix: string;
      readonly rules: AccessRulesConfig | null;
      readonly shadow: AccessRulesConfig | null;
    }
  | {
      readonly kind: 'connection-limit';
      readonly statPrefix: string;
      readonly connectionsMax: number;
      /** How long one that is refused is kept before it is reset. */
      readonly delayMs: number;
    }
  | {
      readonly kind: 'connection-rate';
      readonly statPrefix: string;
      readonly bucket: TokenBucketConfig;
      /** Filters with the same one and the same bucket count together; '': it counts for itself. */
      readonly shareKey: string;
    };

export type { GrpcTargetConfig } from './grpc-types.ts';
export type {
  GlobalRateLimitConfig,
  GlobalRateLimitOverride,
  HostRules,
  LocalRateLimitConfig,
} from './limit-types.ts';
