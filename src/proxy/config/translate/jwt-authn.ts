// JwtAuthentication to what its filter is told.

import type { Route } from '../../../policy/index.ts';
import type {
  FetchRetry,
  JwtAuthnConfig,
  JwtProviderConfig,
  JwtRequirement,
  RouteFilterConfig,
} from '../filter-types.ts';
import {
  type Faults,
  join,
  type jwtAuthn,
  type jwtPerRoute,
  type MessageOf,
  type RequirementMessage,
} from '../schema/index.ts';
import { translateMatch } from './match.ts';
import { translateString } from './string-match.ts';

type Message = MessageOf<typeof jwtAuthn>;
type RemoteJwks = NonNullable<Provider['remote_jwks']>;
type Provider = Message['providers'] extends ReadonlyMap<string, infer P> ? P : never;

const usual = {
  cacheMs: 600_000,
  refetchMs: 1_000,
  retryBaseMs: 1_000,
  skewSeconds: 60,
  cacheSize: 100,
} as const;

export function translateJwtAuthn(message: Message, path: string, faults: Faults): JwtAuthnConfig {
  const names = new Set(message.providers.keys());
  const named = new Map<string, JwtRequirement>();
  for (const [name, requirement] of message.requirement_map)
    named.set(
      name,
      translateRequirement(requirement, names, `${join(path, 'requirement_map')}[${name}]`, faults),
    );
  return {
    kind: 'jwt-authn',
    providers: [...message.providers].map(([name, provider]) =>
      translateProvider(name, provider, `${join(path, 'providers')}[${name}]`, faults),
    ),
    rules: message.rules.map((rule, index) => {
      const at = `${join(path, 'rules')}[${index}]`;
      if (rule.match === undefined) faults.add(join(at, 'match'), 'must be set');
      const { requirement_name: name, requires } = rule;
      if (name !== undefined && !named.has(name))
        faults.add(join(at, 'requirement_name'), 'must be one of requirement_map', name);
      const own =
        requires === undefined ? null : translateRequirement(requires, names, join(at, 'requires'), faults);
      return {
        route: ruleRoute(index, rule.match, join(at, 'match'), faults),
        requirement: name === undefined ? own : (named.get(name) ?? null),
      };
    }),
    named: Object.fromEntries(named),
    bypassesPreflight: message.bypass_cors_preflight ?? false,
    stripsFailure: message.strip_failure_response ?? false,
  };
}

export function translateJwtRoute(
  message: MessageOf<typeof jwtPerRoute>,
  path: string,
  faults: Faults,
): RouteFilterConfig {
  if (message.disabled === true) return { kind: 'disabled' };
  if (!message.requirement_name) faults.add(path, 'one of disabled, requirement_name must be set');
  return { kind: 'jwt-override', requirement: message.requirement_name ?? '' };
}

/** Rules are matched as routes are; a route's name says which rule it is. */
function ruleRoute(
  index: number,
  match: Message['rules'][number]['match'],
  path: string,
  faults: Faults,
): Route {
  return {
    name: `${index}`,
    match:
      match === undefined
        ? { path: { kind: 'prefix', value: '/', ignoreCase: false }, headers: [], query: [] }
        : translateMatch(match, path, faults),
    action: { kind: 'respond', status: 200, body: '' },
    timeouts: { requestMs: null, attemptMs: null, idleMs: null },
    retry: null,
    bufferBytesMax: null,
    requestEdits: null,
    responseEdits: null,
  };
}

function translateProvider(name: string, message: Provider, path: string, faults: Faults): JwtProviderConfig {
  const tokens = message.from_headers.length + message.from_params.length + message.from_cookies.length;
  const headers = message.from_headers.map((header) => ({
    name: (header.name ?? '').toLowerCase(),
    prefix: header.value_prefix ?? '',
  }));
  return {
    name,
    issuer: message.issuer ?? '',
    audiences: message.audiences,
    subjects:
      message.subjects === undefined
        ? null
        : translateString(message.subjects, join(path, 'subjects'), faults),
    requiresExpiration: message.require_expiration ?? false,
    lifetimeSecondsMax: (message.max_lifetime ?? 0) / 1000,
    keys: translateKeys(message, path, faults),
    forwards: message.forward ?? false,
    // Where nothing is said: RFC 6750's two places.
    fromHeaders: tokens === 0 ? [{ name: 'authorization', prefix: 'Bearer ' }] : headers,
    fromParams: tokens === 0 ? ['access_token'] : message.from_params,
    fromCookies: message.from_cookies,
    payloadHeader: (message.forward_payload_header ?? '').toLowerCase(),
    padsPayload: message.pad_forward_payload_header ?? false,
    payloadNote: message.payload_in_metadata ?? '',
    headerNote: message.header_in_metadata ?? '',
    clockSkewSeconds: message.clock_skew_seconds ?? usual.skewSeconds,
    cacheSize:
      message.jwt_cache_config === undefined
        ? 0
        : (message.jwt_cache_config.jwt_cache_size ?? usual.cacheSize),
    claimHeaders: message.claim_to_headers.map(({ claim_name, header_name }) => ({
      claim: claim_name ?? '',
      header: (header_name ?? '').toLowerCase(),
    })),
    clearsRouteCache: message.clear_route_cache ?? false,
  };
}

function translateKeys(message: Provider, path: string, faults: Faults): JwtProviderConfig['keys'] {
  const { local_jwks: local, remote_jwks: remote } = message;
  if (remote === undefined) {
    const text = local?.inline_string ?? Buffer.from(local?.inline_bytes ?? []).toString();
    if (local === undefined) faults.add(path, 'one of remote_jwks, local_jwks must be set');
    else if (!holdsKeys(text)) faults.add(join(path, 'local_jwks'), 'must be a JSON Web Key Set with a key');
    return { kind: 'local', text };
  }
  const uri = remote.http_uri;
  const at = join(path, 'remote_jwks.http_uri');
  if (uri === undefined) faults.add(at, 'must be set');
  else if (uri.timeout === undefined) faults.add(join(at, 'timeout'), 'must be set');
  return {
    kind: 'remote',
    cluster: uri?.cluster ?? '',
    uri: uri?.uri ?? '',
    timeoutMs: uri?.timeout ?? 0,
    cacheMs: remote.cache_duration ?? usual.cacheMs,
    ahead: remote.async_fetch !== undefined,
    failedRefetchMs: remote.async_fetch?.failed_refetch_duration ?? usual.refetchMs,
    ...translateFetchRetry(remote.retry_policy, join(path, 'remote_jwks.retry_policy'), faults),
  };
}

function translateFetchRetry(
  message: RemoteJwks['retry_policy'],
  path: string,
  faults: Faults,
): { readonly retry?: FetchRetry } {
  if (message === undefined) return {};
  const baseMs = message.retry_back_off?.base_interval ?? usual.retryBaseMs;
  const maxMs = message.retry_back_off?.max_interval ?? baseMs * 10;
  if (maxMs < baseMs)
    faults.add(join(path, 'retry_back_off.max_interval'), 'must not be less than base_interval');
  return { retry: { times: message.num_retries ?? 1, backoff: { baseMs, maxMs } } };
}

/** What the keys are good for is seen where signatures are. */
function holdsKeys(text: string): boolean {
  try {
    const { keys } = JSON.parse(text) as { readonly keys?: unknown };
    return Array.isArray(keys) && keys.length > 0;
  } catch {
    return false;
  }
}

function translateRequirement(
  message: RequirementMessage,
  providers: ReadonlySet<string>,
  path: string,
  faults: Faults,
): JwtRequirement {
  const check = (name: string, field: string) => {
    if (!providers.has(name)) faults.add(join(path, field), 'must be one of providers', name);
    return name;
  };
  const list = (requirements: readonly RequirementMessage[], field: string) => {
    const at = join(join(path, field), 'requirements');
    if (requirements.length < 2) faults.add(at, 'must be at least two');
    return requirements.map((each, index) =>
      translateRequirement(each, providers, `${at}[${index}]`, faults),
    );
  };
  const { provider_and_audiences: both, requires_all: all, requires_any: any } = message;
  if (message.provider_name !== undefined)
    return { kind: 'provider', provider: check(message.provider_name, 'provider_name'), audiences: null };
  if (both !== undefined) {
    const provider = check(both.provider_name ?? '', 'provider_and_audiences.provider_name');
    return { kind: 'provider', provider, audiences: both.audiences };
  }
  if (all !== undefined) return { kind: 'all', of: list(all.requirements, 'requires_all') };
  if (any !== undefined) {
    const of = list(any.requirements, 'requires_any');
    // Beside providers a missing token is one of theirs.
    const named = of.flatMap((each) => (each.kind === 'provider' ? [each.provider] : []));
    return {
      kind: 'any',
      of: of.map((each) =>
        each.kind === 'missing' || each.kind === 'failed' ? { ...each, providers: named } : each,
      ),
    };
  }
  if (message.allow_missing !== undefined) return { kind: 'missing', providers: [] };
  if (message.allow_missing_or_failed === undefined) faults.add(path, 'must say what it requires');
  return { kind: 'failed', providers: [] };
}
