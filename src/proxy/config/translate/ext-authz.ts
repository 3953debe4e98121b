// ExtAuthz to what its filter is told.

import type { HeaderEdits, StringMatch } from '../../../policy/index.ts';
import type {
  AuthzBody,
  ExtAuthzConfig,
  GrpcAuthzConfig,
  HttpAuthzConfig,
  MutationRules,
  RouteFilterConfig,
} from '../filter-types.ts';
import {
  type authzBufferSettings,
  type extAuthz,
  type extAuthzPerRoute,
  type Faults,
  join,
  type MessageOf,
  statusCodes,
} from '../schema/index.ts';
import { translateGrpcService } from './grpc-service.ts';
import { translateAdditions } from './header-edits.ts';
import { translateMetadata } from './metadata-match.ts';
import { shareOf } from './share.ts';
import { checkRegex, translateString } from './string-match.ts';

type Message = MessageOf<typeof extAuthz>;
type Patterns = Message['allowed_headers'];

export function translateExtAuthz(message: Message, path: string, faults: Faults): ExtAuthzConfig {
  const { grpc_service: grpc, http_service: http } = message;
  if (grpc === undefined && http === undefined)
    faults.add(path, 'one of grpc_service, http_service must be set');
  const rules = message.decoder_header_mutation_rules;
  const body = message.with_request_body;
  return {
    kind: 'ext-authz',
    service:
      grpc === undefined ? translateHttp(http, path, faults) : translateGrpc(message, grpc, path, faults),
    allowedHeaders:
      translateList(message.allowed_headers, join(path, 'allowed_headers'), faults) ??
      translateList(
        http?.authorization_request?.allowed_headers,
        join(path, 'http_service.authorization_request.allowed_headers'),
        faults,
      ),
    disallowedHeaders:
      translateList(message.disallowed_headers, join(path, 'disallowed_headers'), faults) ?? [],
    body: body === undefined ? null : translateBody(body, path, faults),
    failureAllowed: message.failure_mode_allow ?? false,
    failureHeader: message.failure_mode_allow_header_add ?? false,
    errorStatus: statusCodes[message.status_on_error?.code ?? 'Empty'] || 403,
    clearsRouteCache: message.clear_route_cache ?? false,
    enabledShare: shareOf(message.filter_enabled?.default_value, 1),
    enabledBy:
      message.filter_enabled_metadata === undefined
        ? null
        : translateMetadata(message.filter_enabled_metadata, join(path, 'filter_enabled_metadata'), faults),
    deniesUnchecked: message.deny_at_disable?.default_value ?? false,
    validates: message.validate_mutations ?? false,
    mutationRules:
      rules === undefined ? null : translateRules(rules, join(path, 'decoder_header_mutation_rules'), faults),
    takesNotes: message.enable_dynamic_metadata_ingestion ?? true,
    statPrefix: message.stat_prefix ?? '',
    chargesCluster: message.charge_cluster_response_stats ?? true,
  };
}

/** What ext_authz waits for an answer where nothing is said, in milliseconds. */
const grpcTimeoutMs = 200;

function translateGrpc(
  message: Message,
  service: NonNullable<Message['grpc_service']>,
  path: string,
  faults: Faults,
): GrpcAuthzConfig {
  return {
    kind: 'grpc',
    target: translateGrpcService(service, grpcTimeoutMs, join(path, 'grpc_service'), faults),
    peerCertificate: message.include_peer_certificate ?? false,
    tlsSession: message.include_tls_session ?? false,
    rawHeaders: message.encode_raw_headers ?? false,
    rawBody: message.with_request_body?.pack_as_bytes ?? false,
    metadataNamespaces: message.metadata_context_namespaces,
    routeNamespaces: message.route_metadata_context_namespaces,
  };
}

function translateHttp(service: Message['http_service'], path: string, faults: Faults): HttpAuthzConfig {
  const at = join(path, 'http_service');
  const uri = service?.server_uri;
  if (service !== undefined && uri === undefined) faults.add(join(at, 'server_uri'), 'must be set');
  if (uri !== undefined && uri.timeout === undefined)
    faults.add(join(at, 'server_uri.timeout'), 'must be set');
  const asked = service?.authorization_request;
  const answered = service?.authorization_response;
  const answerAt = join(at, 'authorization_response');
  const list = (field: keyof NonNullable<typeof answered>) =>
    translateList(answered?.[field], join(answerAt, field), faults);
  const added = (asked?.headers_to_add ?? []).map((header) => ({
    header,
    append: undefined,
    append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' as const,
    keep_empty_value: true,
  }));
  return {
    kind: 'http',
    cluster: uri?.cluster ?? '',
    authority: authorityOf(uri?.uri ?? ''),
    timeoutMs: uri?.timeout ?? 0,
    pathPrefix: service?.path_prefix ?? '',
    headersToAdd: translateAdditions(
      added,
      join(at, 'authorization_request.headers_to_add'),
      faults,
    ) as HeaderEdits | null,
    upstreamSet: list('allowed_upstream_headers') ?? [],
    upstreamAppended: list('allowed_upstream_headers_to_append') ?? [],
    clientOnSuccess: list('allowed_client_headers_on_success') ?? [],
    noted: list('dynamic_metadata_from_headers') ?? [],
    clientOnDenial: list('allowed_client_headers'),
  };
}

function translateRules(
  rules: NonNullable<Message['decoder_header_mutation_rules']>,
  path: string,
  faults: Faults,
): MutationRules {
  const expression = (name: 'allow_expression' | 'disallow_expression'): readonly StringMatch[] => {
    const regex = rules[name];
    if (regex === undefined) return [];
    checkRegex(regex.regex ?? '', join(path, `${name}.regex`), faults);
    return [{ kind: 'regex', value: regex.regex ?? '' }];
  };
  return {
    routing: rules.allow_all_routing ?? false,
    envoy: rules.allow_envoy ?? false,
    noSystem: rules.disallow_system ?? false,
    nothing: rules.disallow_all ?? false,
    allowed: expression('allow_expression'),
    disallowed: expression('disallow_expression'),
    failsRequests: rules.disallow_is_error ?? false,
  };
}

export function translateExtAuthzRoute(
  message: MessageOf<typeof extAuthzPerRoute>,
  path: string,
  faults: Faults,
): RouteFilterConfig {
  if (message.disabled === true) return { kind: 'disabled' };
  const settings = message.check_settings;
  if (settings === undefined) {
    faults.add(path, 'one of disabled, check_settings must be set');
    return { kind: 'disabled' };
  }
  const at = join(path, 'check_settings');
  const extensions = Object.fromEntries(settings.context_extensions);
  if (settings.with_request_body !== undefined) {
    if (settings.disable_request_body_buffering === true)
      faults.add(join(at, 'with_request_body'), 'must not be set with disable_request_body_buffering');
    return {
      kind: 'ext-authz-override',
      body: translateBody(settings.with_request_body, at, faults),
      extensions,
    };
  }
  return settings.disable_request_body_buffering === true
    ? { kind: 'ext-authz-override', body: null, extensions }
    : { kind: 'ext-authz-override', extensions };
}

function translateBody(
  settings: MessageOf<typeof authzBufferSettings>,
  path: string,
  faults: Faults,
): AuthzBody {
  if (settings.max_request_bytes === undefined)
    faults.add(join(path, 'with_request_body.max_request_bytes'), 'must be set');
  return { bytesMax: settings.max_request_bytes ?? 0, partial: settings.allow_partial_message ?? false };
}

function translateList(patterns: Patterns, path: string, faults: Faults): readonly StringMatch[] | null {
  if (patterns === undefined) return null;
  return patterns.patterns.map((pattern, index) =>
    translateString(pattern, `${join(path, 'patterns')}[${index}]`, faults),
  );
}

function authorityOf(uri: string): string {
  return /^[a-z]+:\/\/([^/?#]+)/i.exec(uri)?.[1] ?? '';
}
