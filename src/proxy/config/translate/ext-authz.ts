// ExtAuthz to what its filter is told.

import type { HeaderEdits, StringMatch } from '../../../policy/index.ts';
import type { AuthzBody, ExtAuthzConfig, RouteFilterConfig } from '../filter-types.ts';
import {
  type authzBufferSettings,
  type extAuthz,
  type extAuthzPerRoute,
  type Faults,
  join,
  type MessageOf,
  statusCodes,
} from '../schema/index.ts';
import { translateAdditions } from './header-edits.ts';
import { translateString } from './match.ts';
import { translateMetadata } from './rbac.ts';
import { shareOf } from './share.ts';

type Message = MessageOf<typeof extAuthz>;
type Patterns = Message['allowed_headers'];

export function translateExtAuthz(message: Message, path: string, faults: Faults): ExtAuthzConfig {
  const at = join(path, 'http_service');
  const service = message.http_service;
  if (service === undefined) faults.add(at, 'must be set: checks go over HTTP');
  const uri = service?.server_uri;
  if (service !== undefined && uri === undefined) faults.add(join(at, 'server_uri'), 'must be set');
  if (uri !== undefined && uri.timeout === undefined)
    faults.add(join(at, 'server_uri.timeout'), 'must be set');
  const asked = service?.authorization_request;
  const answered = service?.authorization_response;
  const answerAt = join(at, 'authorization_response');
  const list = (patterns: Patterns, field: string) => translateList(patterns, field, faults) ?? [];
  const added = (asked?.headers_to_add ?? []).map((header) => ({
    header,
    append: undefined,
    append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' as const,
    keep_empty_value: true,
  }));
  return {
    kind: 'ext-authz',
    cluster: uri?.cluster ?? '',
    authority: authorityOf(uri?.uri ?? ''),
    timeoutMs: uri?.timeout ?? 0,
    pathPrefix: service?.path_prefix ?? '',
    allowedHeaders:
      translateList(message.allowed_headers, join(path, 'allowed_headers'), faults) ??
      translateList(asked?.allowed_headers, join(at, 'authorization_request.allowed_headers'), faults),
    disallowedHeaders: list(message.disallowed_headers, join(path, 'disallowed_headers')),
    headersToAdd: translateAdditions(
      added,
      join(at, 'authorization_request.headers_to_add'),
      faults,
    ) as HeaderEdits | null,
    body:
      message.with_request_body === undefined ? null : translateBody(message.with_request_body, path, faults),
    failureAllowed: message.failure_mode_allow ?? false,
    failureHeader: message.failure_mode_allow_header_add ?? false,
    errorStatus: statusCodes[message.status_on_error?.code ?? 'Empty'] || 403,
    upstreamSet: list(answered?.allowed_upstream_headers, join(answerAt, 'allowed_upstream_headers')),
    upstreamAppended: list(
      answered?.allowed_upstream_headers_to_append,
      join(answerAt, 'allowed_upstream_headers_to_append'),
    ),
    clientOnSuccess: list(
      answered?.allowed_client_headers_on_success,
      join(answerAt, 'allowed_client_headers_on_success'),
    ),
    noted: list(answered?.dynamic_metadata_from_headers, join(answerAt, 'dynamic_metadata_from_headers')),
    clientOnDenial: translateList(
      answered?.allowed_client_headers,
      join(answerAt, 'allowed_client_headers'),
      faults,
    ),
    clearsRouteCache: message.clear_route_cache ?? false,
    enabledShare: shareOf(message.filter_enabled?.default_value, 1),
    enabledBy:
      message.filter_enabled_metadata === undefined
        ? null
        : translateMetadata(message.filter_enabled_metadata, join(path, 'filter_enabled_metadata'), faults),
    deniesUnchecked: message.deny_at_disable?.default_value ?? false,
    statPrefix: message.stat_prefix ?? '',
    chargesCluster: message.charge_cluster_response_stats ?? true,
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
  if (settings.with_request_body !== undefined) {
    if (settings.disable_request_body_buffering === true)
      faults.add(join(at, 'with_request_body'), 'must not be set with disable_request_body_buffering');
    return { kind: 'ext-authz-override', body: translateBody(settings.with_request_body, at, faults) };
  }
  return settings.disable_request_body_buffering === true
    ? { kind: 'ext-authz-override', body: null }
    : { kind: 'ext-authz-override' };
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
