// By what requests are counted, and what the filters that count them are told.

import type {
  DescriptorAction,
  DescriptorRule,
  HeaderEdits,
  MetadataPlace,
  TokenBucketConfig,
} from '../../../policy/index.ts';
import type { GlobalRateLimitConfig, LocalRateLimitConfig, RouteFilterConfig } from '../filter-types.ts';
import {
  type Faults,
  type globalRateLimit,
  join,
  type localRateLimit,
  type MessageOf,
  type rateLimitPerRoute,
  type rateLimitRule,
  statusCodes,
  type tokenBucket,
} from '../schema/index.ts';
import { translateGrpcService } from './grpc-service.ts';
import { translateAdditions } from './header-edits.ts';
import { translateQuery } from './match.ts';
import { shareOf } from './share.ts';
import { translateHeader } from './string-match.ts';

type Rule = MessageOf<typeof rateLimitRule>;
type Action = Rule['actions'][number];
type Key = NonNullable<Action['metadata']>['metadata_key'];

/** Of a route or a virtual host; null: nothing. */
export function translateDescriptors(
  rules: readonly Rule[],
  path: string,
  faults: Faults,
): readonly DescriptorRule[] | null {
  if (rules.length === 0) return null;
  return rules.map((rule, index) => {
    const at = `${join(path, 'rate_limits')}[${index}]`;
    if (rule.actions.length === 0) faults.add(join(at, 'actions'), 'must not be empty');
    const limit = rule.limit?.dynamic_metadata;
    if (rule.limit !== undefined && limit === undefined)
      faults.add(join(at, 'limit.dynamic_metadata'), 'must be set');
    return {
      stage: rule.stage ?? 0,
      actions: rule.actions.flatMap((action, place) => {
        const translated = translateAction(action, `${join(at, 'actions')}[${place}]`, faults);
        return translated === null ? [] : [translated];
      }),
      limit:
        limit === undefined
          ? null
          : translateKey(limit.metadata_key, join(at, 'limit.dynamic_metadata.metadata_key'), faults),
    };
  });
}

function translateAction(action: Action, path: string, faults: Faults): DescriptorAction | null {
  if (action.source_cluster !== undefined) return { kind: 'source-cluster' };
  if (action.destination_cluster !== undefined) return { kind: 'destination-cluster' };
  if (action.remote_address !== undefined) return { kind: 'remote-address' };
  const masked = action.masked_remote_address;
  if (masked !== undefined)
    return {
      kind: 'masked-address',
      bits4: masked.v4_prefix_mask_len ?? 32,
      bits6: masked.v6_prefix_mask_len ?? 128,
    };
  const header = action.request_headers;
  if (header !== undefined)
    return {
      kind: 'header',
      name: (header.header_name ?? '').toLowerCase(),
      key: header.descriptor_key ?? '',
      optional: header.skip_if_absent ?? false,
    };
  const generic = action.generic_key;
  if (generic !== undefined)
    return {
      kind: 'generic',
      key: generic.descriptor_key || 'generic_key',
      value: generic.descriptor_value ?? '',
    };
  return translateMatching(action, path, faults);
}

function translateMatching(action: Action, path: string, faults: Faults): DescriptorAction | null {
  const { header_value_match: headers, metadata, query_parameter_value_match: query } = action;
  if (headers !== undefined) {
    const at = join(path, 'header_value_match.headers');
    if (headers.headers.length === 0) faults.add(at, 'must not be empty');
    return {
      kind: 'match',
      key: headers.descriptor_key || 'header_match',
      value: headers.descriptor_value ?? '',
      expected: headers.expect_match ?? true,
      headers: headers.headers.map((match, index) => translateHeader(match, `${at}[${index}]`, faults)),
      query: [],
    };
  }
  if (query !== undefined) {
    const at = join(path, 'query_parameter_value_match.query_parameters');
    if (query.query_parameters.length === 0) faults.add(at, 'must not be empty');
    return {
      kind: 'match',
      key: query.descriptor_key || 'query_match',
      value: query.descriptor_value ?? '',
      expected: query.expect_match ?? true,
      headers: [],
      query: translateQuery(query.query_parameters, at, faults),
    };
  }
  if (metadata === undefined) {
    faults.add(path, 'one action must be set');
    return null;
  }
  return {
    kind: 'metadata',
    source: metadata.source === 'ROUTE_ENTRY' ? 'route' : 'request',
    key: metadata.descriptor_key ?? '',
    at: translateKey(metadata.metadata_key, join(path, 'metadata.metadata_key'), faults),
    absent: metadata.default_value ?? '',
    optional: metadata.skip_if_absent ?? false,
  };
}

function translateKey(key: Key, path: string, faults: Faults): MetadataPlace {
  if (key === undefined) faults.add(path, 'must be set');
  else if (key.path.length === 0) faults.add(join(path, 'path'), 'must not be empty');
  return { namespace: key?.key ?? '', path: key?.path.map((segment) => segment.key ?? '') ?? [] };
}

const hostRules = { OVERRIDE: 'override', INCLUDE: 'include', IGNORE: 'ignore' } as const;

export function translateLocalLimit(
  message: MessageOf<typeof localRateLimit>,
  path: string,
  faults: Faults,
): LocalRateLimitConfig {
  const bucket = message.token_bucket;
  const notEnforced = 'request_headers_to_add_when_not_enforced';
  return {
    kind: 'local-rate-limit',
    statPrefix: message.stat_prefix ?? '',
    bucket: bucket === undefined ? null : translateBucket(bucket, join(path, 'token_bucket'), faults),
    descriptors: message.descriptors.map((descriptor, index) => {
      const at = `${join(path, 'descriptors')}[${index}]`;
      if (descriptor.entries.length === 0) faults.add(join(at, 'entries'), 'must not be empty');
      if (descriptor.token_bucket === undefined) faults.add(join(at, 'token_bucket'), 'must be set');
      return {
        entries: descriptor.entries.map(({ key = '', value = '' }) => [key, value]),
        bucket: translateBucket(descriptor.token_bucket, join(at, 'token_bucket'), faults),
      };
    }),
    ...translateOwnRules(message.rate_limits, path, faults),
    stage: message.stage ?? 0,
    hostRules: hostRules[message.vh_rate_limits ?? 'OVERRIDE'],
    alwaysDefault: message.always_consume_default_token_bucket ?? true,
    tellsLimits: message.enable_x_ratelimit_headers === 'DRAFT_VERSION_03',
    grpcStatus: message.rate_limited_as_resource_exhausted === true ? resourceExhausted : null,
    ...placeOf(path),
    status: limitStatus(message.status?.code),
    enabledShare: shareOf(message.filter_enabled?.default_value, 0),
    enforcedShare: shareOf(message.filter_enforced?.default_value, 0),
    responseEdits: translateAdditions(
      message.response_headers_to_add,
      join(path, 'response_headers_to_add'),
      faults,
    ),
    notEnforcedEdits: translateAdditions(message[notEnforced], join(path, notEnforced), faults),
  };
}

/** Of the filter itself; absent: those of routes and virtual hosts hold. */
function translateOwnRules(
  rules: readonly Rule[],
  path: string,
  faults: Faults,
): { readonly rules?: readonly DescriptorRule[] } {
  const own = translateDescriptors(rules, path, faults);
  rules.forEach(({ limit, stage }, index) => {
    const at = `${join(path, 'rate_limits')}[${index}]`;
    if (stage !== undefined) faults.add(join(at, 'stage'), 'must not be set in the filter itself');
    if (limit !== undefined) faults.add(join(at, 'limit'), 'must not be set in the filter itself');
  });
  return own === null ? {} : { rules: own };
}

/** gRPC's RESOURCE_EXHAUSTED. */
const resourceExhausted = 8;
/** What the global filter waits for an answer where nothing is said, in milliseconds. */
const answerMs = 20;

export function translateGlobalLimit(
  message: MessageOf<typeof globalRateLimit>,
  path: string,
  faults: Faults,
): GlobalRateLimitConfig {
  const at = join(path, 'rate_limit_service');
  const grpc = message.rate_limit_service?.grpc_service;
  if (message.rate_limit_service === undefined) faults.add(at, 'must be set');
  else if (grpc === undefined) faults.add(join(at, 'grpc_service'), 'must be set');
  const target =
    grpc === undefined
      ? { cluster: '', authority: '', metadata: [] }
      : translateGrpcService(grpc, 0, join(at, 'grpc_service'), faults);
  const error = statusCodes[message.status_on_error?.code ?? 'Empty'];
  return {
    kind: 'rate-limit',
    target: { ...target, timeoutMs: message.timeout ?? answerMs },
    domain: message.domain ?? '',
    ...translateOwnRules(message.rate_limits, path, faults),
    stage: message.stage ?? 0,
    concerns: (message.request_type || 'both') as GlobalRateLimitConfig['concerns'],
    enabledShare: shareOf(message.filter_enabled?.default_value, 1),
    enforcedShare: shareOf(message.filter_enforced?.default_value, 1),
    failureDeniedShare: shareOf(
      message.failure_mode_deny_percent?.default_value,
      message.failure_mode_deny === true ? 1 : 0,
    ),
    errorStatus: error < 400 ? 500 : error,
    status: limitStatus(message.rate_limited_status?.code),
    grpcStatus: message.rate_limited_as_resource_exhausted === true ? resourceExhausted : null,
    tellsLimits: message.enable_x_ratelimit_headers === 'DRAFT_VERSION_03',
    tellsLimited: message.disable_x_envoy_ratelimited_header !== true,
    responseEdits: translateAdditions(
      message.response_headers_to_add,
      join(path, 'response_headers_to_add'),
      faults,
    ) as HeaderEdits | null,
    statPrefix: message.stat_prefix ?? '',
  };
}

export function translateGlobalLimitRoute(message: MessageOf<typeof rateLimitPerRoute>): RouteFilterConfig {
  return {
    kind: 'rate-limit-override',
    hostRules: hostRules[message.vh_rate_limits ?? 'OVERRIDE'],
    domain: message.domain ?? '',
  };
}

function translateBucket(
  bucket: MessageOf<typeof tokenBucket> | undefined,
  path: string,
  faults: Faults,
): TokenBucketConfig {
  if (bucket !== undefined && bucket.max_tokens === undefined)
    faults.add(join(path, 'max_tokens'), 'must be set');
  if (bucket !== undefined && bucket.fill_interval === undefined)
    faults.add(join(path, 'fill_interval'), 'must be set');
  return {
    tokensMax: bucket?.max_tokens ?? 1,
    tokensPerFill: bucket?.tokens_per_fill ?? 1,
    fillIntervalMs: bucket?.fill_interval ?? 1_000,
  };
}

/** As Envoy: what is no refusal would let a caller believe that it was served. */
function limitStatus(code: keyof typeof statusCodes | undefined): number {
  const status = statusCodes[code ?? 'Empty'];
  return status < 400 ? 429 : status;
}

/** The number of a virtual host among those decoded with it says nothing: they are known by name. */
export function placeOf(path: string): { readonly place: string; readonly inVirtualHost: boolean } {
  const inHost = /virtual_hosts\[\d+\](.*)$/.exec(path)?.[1];
  return { place: inHost ?? path, inVirtualHost: inHost !== undefined };
}
