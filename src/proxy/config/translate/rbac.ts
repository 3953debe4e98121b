// RBAC messages to the rules that policy/access judges by.

import { createIpRange } from '../../../base/index.ts';
import type { AccessRulesConfig, Condition, SourceKind } from '../../../policy/index.ts';
import type { RbacConfig } from '../filter-types.ts';
import {
  type accessRules,
  type Faults,
  type httpRbac,
  join,
  type MessageOf,
  type PermissionMessage,
  type PrincipalMessage,
} from '../schema/index.ts';
import { translateMetadata } from './metadata-match.ts';
import { translateHeader, translateString } from './string-match.ts';

type Rules = MessageOf<typeof accessRules>;
type Cidr = NonNullable<PermissionMessage['destination_ip']>;

export function translateRbac(message: MessageOf<typeof httpRbac>, path: string, faults: Faults): RbacConfig {
  return {
    kind: 'rbac',
    rules: message.rules === undefined ? null : translateRules(message.rules, join(path, 'rules'), faults),
    statPrefix: message.rules_stat_prefix ?? '',
    shadow:
      message.shadow_rules === undefined
        ? null
        : translateRules(message.shadow_rules, join(path, 'shadow_rules'), faults),
    shadowStatPrefix: message.shadow_rules_stat_prefix ?? '',
    countsPolicies: message.track_per_rule_stats ?? false,
  };
}

const actions = { ALLOW: 'allow', DENY: 'deny', LOG: 'log' } as const;

export function translateRules(message: Rules, path: string, faults: Faults): AccessRulesConfig {
  const names = [...message.policies.keys()].sort();
  return {
    action: actions[message.action ?? 'ALLOW'],
    policies: names.map((name) => {
      const at = `${join(path, 'policies')}[${name}]`;
      const { permissions = [], principals = [] } = message.policies.get(name) ?? {};
      if (permissions.length === 0) faults.add(join(at, 'permissions'), 'must be at least one');
      if (principals.length === 0) faults.add(join(at, 'principals'), 'must be at least one');
      return {
        name,
        permissions: permissions.map((each, index) =>
          translatePermission(each, `${join(at, 'permissions')}[${index}]`, faults),
        ),
        principals: principals.map((each, index) =>
          translatePrincipal(each, `${join(at, 'principals')}[${index}]`, faults),
        ),
      };
    }),
  };
}

const never: Condition = { kind: 'any', of: [] };

function translatePermission(message: PermissionMessage, path: string, faults: Faults): Condition {
  const { and_rules: and, or_rules: or, not_rule: not } = message;
  const all = (rules: readonly PermissionMessage[], field: string) =>
    translateAll(rules, join(path, field), 'rules', translatePermission, faults);
  if (and !== undefined) return { kind: 'all', of: all(and.rules, 'and_rules') };
  if (or !== undefined) return { kind: 'any', of: all(or.rules, 'or_rules') };
  if (not !== undefined) return { kind: 'not', of: translatePermission(not, join(path, 'not_rule'), faults) };
  if (message.destination_ip !== undefined) {
    const range = rangeOf(message.destination_ip, join(path, 'destination_ip'), faults);
    return range === null ? never : { kind: 'destination', range };
  }
  if (message.destination_port !== undefined) {
    const start = message.destination_port;
    return { kind: 'destination-port', start, end: start + 1 };
  }
  if (message.destination_port_range !== undefined) {
    const { start = 0, end = 0 } = message.destination_port_range;
    return { kind: 'destination-port', start, end };
  }
  if (message.requested_server_name !== undefined) {
    const at = join(path, 'requested_server_name');
    return { kind: 'server-name', match: translateString(message.requested_server_name, at, faults) };
  }
  return translateShared(message, path, faults);
}

const sources = {
  source_ip: 'connection',
  direct_remote_ip: 'direct',
  remote_ip: 'client',
} as const satisfies Record<string, SourceKind>;

function translatePrincipal(message: PrincipalMessage, path: string, faults: Faults): Condition {
  const { and_ids: and, or_ids: or, not_id: not } = message;
  const all = (ids: readonly PrincipalMessage[], field: string) =>
    translateAll(ids, join(path, field), 'ids', translatePrincipal, faults);
  if (and !== undefined) return { kind: 'all', of: all(and.ids, 'and_ids') };
  if (or !== undefined) return { kind: 'any', of: all(or.ids, 'or_ids') };
  if (not !== undefined) return { kind: 'not', of: translatePrincipal(not, join(path, 'not_id'), faults) };
  for (const field of ['source_ip', 'direct_remote_ip', 'remote_ip'] as const) {
    const cidr = message[field];
    if (cidr === undefined) continue;
    const range = rangeOf(cidr, join(path, field), faults);
    return range === null ? never : { kind: 'source', of: sources[field], range };
  }
  if (message.authenticated !== undefined) {
    const name = message.authenticated.principal_name;
    const at = join(path, 'authenticated.principal_name');
    return { kind: 'authenticated', match: name === undefined ? null : translateString(name, at, faults) };
  }
  return translateShared(message, path, faults);
}

/** What permissions and principals have in common. */
function translateShared(
  message: Pick<PermissionMessage, 'any' | 'header' | 'url_path' | 'metadata'>,
  path: string,
  faults: Faults,
): Condition {
  if (message.any === true) return { kind: 'always' };
  if (message.header !== undefined)
    return { kind: 'header', match: translateHeader(message.header, join(path, 'header'), faults) };
  if (message.url_path !== undefined) {
    const at = join(path, 'url_path.path');
    if (message.url_path.path !== undefined)
      return { kind: 'path', match: translateString(message.url_path.path, at, faults) };
    faults.add(at, 'must be set');
    return never;
  }
  if (message.metadata !== undefined)
    return { kind: 'metadata', match: translateMetadata(message.metadata, join(path, 'metadata'), faults) };
  faults.add(path, 'must say what it matches');
  return never;
}

function translateAll<T>(
  list: readonly T[],
  path: string,
  field: string,
  translate: (item: T, path: string, faults: Faults) => Condition,
  faults: Faults,
): readonly Condition[] {
  const at = join(path, field);
  if (list.length === 0) faults.add(at, 'must be at least one');
  return list.map((item, index) => translate(item, `${at}[${index}]`, faults));
}

function rangeOf({ address_prefix = '', prefix_len = 0 }: Cidr, path: string, faults: Faults) {
  const range = createIpRange(address_prefix, prefix_len);
  if (range === null) faults.add(path, 'must be an IP literal with a prefix that fits it', address_prefix);
  return range;
}
