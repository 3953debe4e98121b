// Tables: envoy.config.rbac.v3, and the filter that enforces it on requests.

import { cidrRange, stringMatcher } from './core.ts';
import { atMost, f, type MessageSpec, message, only, required } from './field.ts';
import { headerMatcher } from './header-matcher.ts';

const matcher = 'envoy.type.matcher.v3';
const yes = only(true);

export const pathMatcher = message(`${matcher}.PathMatcher`, { path: f.message(1, stringMatcher) });

const doubleMatcher = message(
  `${matcher}.DoubleMatcher`,
  {
    range: f.message(1, message('envoy.type.v3.DoubleRange', { start: f.double(1), end: f.double(2) })),
    exact: f.double(2),
  },
  [['range', 'exact']],
);

export interface ValueMessage {
  readonly null_match: object | undefined;
  readonly double_match:
    | {
        readonly range: { readonly start?: number; readonly end?: number } | undefined;
        readonly exact: number | undefined;
      }
    | undefined;
  readonly string_match: (typeof stringMatcher)['decoded'];
  readonly bool_match: boolean | undefined;
  readonly present_match: boolean | undefined;
  readonly list_match: { readonly one_of: ValueMessage | undefined } | undefined;
  readonly or_match: { readonly value_matchers: readonly ValueMessage[] } | undefined;
}

/** It holds itself, within limits of depth that the decoders keep. */
const valueMatcher: MessageSpec<ValueMessage> = message(
  `${matcher}.ValueMatcher`,
  {
    null_match: f.message(1, message(`${matcher}.ValueMatcher.NullMatch`, {})),
    double_match: f.message(2, doubleMatcher),
    string_match: f.message(3, stringMatcher),
    bool_match: f.bool(4),
    present_match: f.bool(5),
    list_match: f.later(6, () => listMatcher),
    or_match: f.later(7, () => orMatcher),
  },
  [['null_match', 'double_match', 'string_match', 'bool_match', 'present_match', 'list_match', 'or_match']],
) as MessageSpec<ValueMessage>;

const listMatcher: MessageSpec<{ readonly one_of: ValueMessage | undefined }> = message(
  `${matcher}.ListMatcher`,
  { one_of: f.later(1, () => valueMatcher) },
);

const orMatcher: MessageSpec<{ readonly value_matchers: readonly ValueMessage[] }> = message(
  `${matcher}.OrMatcher`,
  { value_matchers: f.repeated(f.later(1, () => valueMatcher)) },
);

export const metadataMatcher = message(`${matcher}.MetadataMatcher`, {
  filter: f.string(1, '', required),
  path: f.repeated(
    f.message(2, message(`${matcher}.MetadataMatcher.PathSegment`, { key: f.string(1, '', required) })),
  ),
  value: f.later(3, () => valueMatcher),
  invert: f.bool(4),
});

export const int32Range = message('envoy.type.v3.Int32Range', {
  start: f.uint32(1),
  end: f.uint32(2, 'not in it'),
});

type Inner<S> = S extends MessageSpec<infer T> ? T : never;

export interface PermissionMessage {
  readonly and_rules: { readonly rules: readonly PermissionMessage[] } | undefined;
  readonly or_rules: { readonly rules: readonly PermissionMessage[] } | undefined;
  readonly any: boolean | undefined;
  readonly header: Inner<typeof headerMatcher> | undefined;
  readonly url_path: Inner<typeof pathMatcher> | undefined;
  readonly destination_ip: Inner<typeof cidrRange> | undefined;
  readonly destination_port: number | undefined;
  readonly destination_port_range: Inner<typeof int32Range> | undefined;
  readonly metadata: Inner<typeof metadataMatcher> | undefined;
  readonly not_rule: PermissionMessage | undefined;
  readonly requested_server_name: Inner<typeof stringMatcher> | undefined;
}

const permission: MessageSpec<PermissionMessage> = message(
  'envoy.config.rbac.v3.Permission',
  {
    and_rules: f.later(1, () => permissionSet),
    or_rules: f.later(2, () => permissionSet),
    any: f.bool(3, 'true', yes),
    header: f.message(4, headerMatcher),
    url_path: f.message(10, pathMatcher),
    destination_ip: f.message(5, cidrRange),
    destination_port: f.uint32(6, '', atMost(65_535)),
    destination_port_range: f.message(11, int32Range),
    metadata: f.message(7, metadataMatcher),
    not_rule: f.later(8, () => permission),
    requested_server_name: f.message(9, stringMatcher),
  },
  [
    [
      'and_rules',
      'or_rules',
      'any',
      'header',
      'url_path',
      'destination_ip',
      'destination_port',
      'destination_port_range',
      'metadata',
      'not_rule',
      'requested_server_name',
    ],
  ],
) as MessageSpec<PermissionMessage>;

const permissionSet: MessageSpec<{ readonly rules: readonly PermissionMessage[] }> = message(
  'envoy.config.rbac.v3.Permission.Set',
  { rules: f.repeated(f.later(1, () => permission)) },
);

const authenticated = message('envoy.config.rbac.v3.Principal.Authenticated', {
  principal_name: f.message(
    2,
    stringMatcher,
    'URI and DNS names of a verified certificate, then its subject',
  ),
});

export interface PrincipalMessage {
  readonly and_ids: { readonly ids: readonly PrincipalMessage[] } | undefined;
  readonly or_ids: { readonly ids: readonly PrincipalMessage[] } | undefined;
  readonly any: boolean | undefined;
  readonly authenticated: Inner<typeof authenticated> | undefined;
  readonly source_ip: Inner<typeof cidrRange> | undefined;
  readonly direct_remote_ip: Inner<typeof cidrRange> | undefined;
  readonly remote_ip: Inner<typeof cidrRange> | undefined;
  readonly header: Inner<typeof headerMatcher> | undefined;
  readonly url_path: Inner<typeof pathMatcher> | undefined;
  readonly metadata: Inner<typeof metadataMatcher> | undefined;
  readonly not_id: PrincipalMessage | undefined;
}

const principal: MessageSpec<PrincipalMessage> = message(
  'envoy.config.rbac.v3.Principal',
  {
    and_ids: f.later(1, () => principalSet),
    or_ids: f.later(2, () => principalSet),
    any: f.bool(3, 'true', yes),
    authenticated: f.message(
      4,
      authenticated,
      'without a name whoever showed a verified certificate (Envoy: whoever speaks TLS)',
    ),
    source_ip: f.message(5, cidrRange),
    direct_remote_ip: f.message(10, cidrRange),
    remote_ip: f.message(11, cidrRange),
    header: f.message(6, headerMatcher),
    url_path: f.message(9, pathMatcher),
    metadata: f.message(7, metadataMatcher),
    not_id: f.later(8, () => principal),
  },
  [
    [
      'and_ids',
      'or_ids',
      'any',
      'authenticated',
      'source_ip',
      'direct_remote_ip',
      'remote_ip',
      'header',
      'url_path',
      'metadata',
      'not_id',
    ],
  ],
) as MessageSpec<PrincipalMessage>;

const principalSet: MessageSpec<{ readonly ids: readonly PrincipalMessage[] }> = message(
  'envoy.config.rbac.v3.Principal.Set',
  { ids: f.repeated(f.later(1, () => principal)) },
);

const policy = message('envoy.config.rbac.v3.Policy', {
  permissions: f.repeated(f.later(1, () => permission)),
  principals: f.repeated(f.later(2, () => principal)),
});

export const accessRules = message('envoy.config.rbac.v3.RBAC', {
  action: f.enum(1, { ALLOW: 0, DENY: 1, LOG: 2 }),
  policies: f.map(f.message(2, policy)),
});

export const httpRbac = message('envoy.extensions.filters.http.rbac.v3.RBAC', {
  rules: f.message(1, accessRules),
  rules_stat_prefix: f.string(6),
  shadow_rules: f.message(2, accessRules),
  shadow_rules_stat_prefix: f.string(3),
  track_per_rule_stats: f.bool(7),
});

export const httpRbacPerRoute = message('envoy.extensions.filters.http.rbac.v3.RBACPerRoute', {
  rbac: f.message(2, httpRbac, 'absent: the filter is off for this route'),
});
