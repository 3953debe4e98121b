// Who may do what: Envoy's role-based access control (config.rbac.v3) reduced to one shape of condition for permissions
// and principals alike, since both ask the same connection and request.

import type { IpRange } from '../../base/index.ts';
import type { HeaderMatch, RequestView, StringMatch } from '../route/index.ts';

export type ValueMatch =
  | { readonly kind: 'null' }
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly exact: boolean }
  | { readonly kind: 'string'; readonly match: StringMatch }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'present'; readonly value: boolean }
  /** A list with one such member. */
  | { readonly kind: 'list'; readonly item: ValueMatch }
  | { readonly kind: 'or'; readonly values: readonly ValueMatch[] };

export interface MetadataMatch {
  /** Whose word it is: a filter's name. */
  readonly filter: string;
  readonly path: readonly string[];
  readonly value: ValueMatch;
  readonly invert: boolean;
}

/** Which of the addresses of a client: of the socket, of that or a PROXY header, or of what forwarding fields say. */
export type SourceKind = 'direct' | 'connection' | 'client';

export type Condition =
  | { readonly kind: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  | { readonly kind: 'always' }
  | { readonly kind: 'header'; readonly match: HeaderMatch }
  /** The path without its query. */
  | { readonly kind: 'path'; readonly match: StringMatch }
  | { readonly kind: 'source'; readonly of: SourceKind; readonly range: IpRange }
  | { readonly kind: 'destination'; readonly range: IpRange }
  /** `end` is not in it. */
  | { readonly kind: 'destination-port'; readonly start: number; readonly end: number }
  | { readonly kind: 'server-name'; readonly match: StringMatch }
  /** Null: anybody whose certificate was verified. */
  | { readonly kind: 'authenticated'; readonly match: StringMatch | null }
  | { readonly kind: 'metadata'; readonly match: MetadataMatch };

export interface AccessPolicyConfig {
  readonly name: string;
  /** One of each must hold. */
  readonly permissions: readonly Condition[];
  readonly principals: readonly Condition[];
}

export interface AccessRulesConfig {
  /** log: whatever comes of it, it passes. */
  readonly action: 'allow' | 'deny' | 'log';
  /** Sorted by name: the first that fits is the one that is named. */
  readonly policies: readonly AccessPolicyConfig[];
}

/** What is asked of a request, or of a connection alone. */
export interface AccessFacts {
  /** Without fields where there is no request. */
  readonly head: RequestView;
  /** Null where it is no IP address. */
  source(of: SourceKind): Uint8Array | null;
  destination(): Uint8Array | null;
  readonly destinationPort: number;
  /** As asked for in the TLS handshake; '' for nobody. */
  readonly serverName: string;
  /** What a verified certificate proves of the client, names first, its subject last; null: nothing is proven. */
  principals(): readonly string[] | null;
  /** What the filter of that name said of this request. */
  metadata(filter: string): Readonly<Record<string, unknown>> | undefined;
}

export interface AccessVerdict {
  readonly allowed: boolean;
  /** The policy that fitted; null: none did. */
  readonly policy: string | null;
}
