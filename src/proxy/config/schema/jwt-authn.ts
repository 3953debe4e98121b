// Table: the JWT filter. `routeMatch` is handed in: routes know filters, and filters this one.

import { dataSource, stringMatcher } from './core.ts';
import { httpUri } from './ext-authz.ts';
import { atMost, f, type MessageSpec, message, only, positive, required } from './field.ts';

const name = (short: string) => `envoy.extensions.filters.http.jwt_authn.v3.${short}`;

const fetchBackOff = message('envoy.config.core.v3.BackoffStrategy', {
  base_interval: f.duration(1, '', positive),
  max_interval: f.duration(2, 'default ten times base_interval', positive),
});

const fetchRetry = message('envoy.config.core.v3.RetryPolicy', {
  retry_back_off: f.message(1, fetchBackOff, 'default 1s, 10s'),
  num_retries: f.uint32Value(2, 'default 1; of a server that fails or is not there', atMost(16)),
});

const remoteJwks = message(name('RemoteJwks'), {
  http_uri: f.message(1, httpUri),
  cache_duration: f.duration(2, 'default 10m'),
  retry_policy: f.message(4, fetchRetry),
  async_fetch: f.message(
    3,
    message(name('JwksAsyncFetch'), {
      fast_listener: f.bool(
        1,
        'no listener waits: keys are fetched when first needed, then ahead of their end',
      ),
      failed_refetch_duration: f.duration(2, 'default 1s'),
    }),
  ),
});

const provider = message(
  name('JwtProvider'),
  {
    issuer: f.string(1),
    audiences: f.repeated(f.string(2)),
    subjects: f.message(19, stringMatcher),
    require_expiration: f.bool(20),
    max_lifetime: f.duration(21, 'of what is left of it; one without an end has too much'),
    remote_jwks: f.message(3, remoteJwks),
    local_jwks: f.message(4, dataSource),
    forward: f.bool(5),
    from_headers: f.repeated(
      f.message(
        6,
        message(name('JwtHeader'), { name: f.string(1, '', required), value_prefix: f.string(2) }),
      ),
    ),
    from_params: f.repeated(f.string(7)),
    from_cookies: f.repeated(f.string(13)),
    forward_payload_header: f.string(8),
    pad_forward_payload_header: f.bool(11),
    payload_in_metadata: f.string(9),
    header_in_metadata: f.string(14),
    clock_skew_seconds: f.uint32(10, 'default 60'),
    jwt_cache_config: f.message(
      12,
      message(name('JwtCacheConfig'), { jwt_cache_size: f.uint32(1, 'default 100') }),
    ),
    claim_to_headers: f.repeated(
      f.message(
        15,
        message(name('JwtClaimToHeader'), {
          header_name: f.string(1, '', required),
          claim_name: f.string(2, '', required),
        }),
      ),
    ),
    clear_route_cache: f.bool(17),
  },
  [['remote_jwks', 'local_jwks']],
);

export interface RequirementMessage {
  readonly provider_name: string | undefined;
  readonly provider_and_audiences:
    | { readonly provider_name: string | undefined; readonly audiences: readonly string[] }
    | undefined;
  readonly requires_any: { readonly requirements: readonly RequirementMessage[] } | undefined;
  readonly requires_all: { readonly requirements: readonly RequirementMessage[] } | undefined;
  readonly allow_missing_or_failed: object | undefined;
  readonly allow_missing: object | undefined;
}

const requirement: MessageSpec<RequirementMessage> = message(
  name('JwtRequirement'),
  {
    provider_name: f.string(1),
    provider_and_audiences: f.message(
      2,
      message(name('ProviderWithAudiences'), {
        provider_name: f.string(1),
        audiences: f.repeated(f.string(2)),
      }),
    ),
    requires_any: f.later(3, () => orList),
    requires_all: f.later(4, () => andList),
    allow_missing_or_failed: f.ignored(5, 'empty'),
    allow_missing: f.ignored(6, 'empty'),
  },
  [
    [
      'provider_name',
      'provider_and_audiences',
      'requires_any',
      'requires_all',
      'allow_missing_or_failed',
      'allow_missing',
    ],
  ],
) as MessageSpec<RequirementMessage>;

interface RequirementList {
  readonly requirements: readonly RequirementMessage[];
}

const orList: MessageSpec<RequirementList> = message(name('JwtRequirementOrList'), {
  requirements: f.repeated(f.later(1, () => requirement)),
});

const andList: MessageSpec<RequirementList> = message(name('JwtRequirementAndList'), {
  requirements: f.repeated(f.later(1, () => requirement)),
});

export function createJwtAuthn<M>(routeMatch: MessageSpec<M>) {
  const rule = message(
    name('RequirementRule'),
    {
      match: f.message(1, routeMatch),
      requires: f.later(2, () => requirement),
      requirement_name: f.string(3),
    },
    [['requires', 'requirement_name']],
  );
  return message(name('JwtAuthentication'), {
    providers: f.map(f.message(1, provider)),
    rules: f.repeated(f.message(2, rule)),
    bypass_cors_preflight: f.bool(4),
    requirement_map: f.map(f.later(5, () => requirement)),
    strip_failure_response: f.bool(6),
  });
}

export const jwtPerRoute = message(
  name('PerRouteConfig'),
  { disabled: f.bool(1, 'true', only(true)), requirement_name: f.string(2) },
  [['disabled', 'requirement_name']],
);
