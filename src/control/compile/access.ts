// Who may call, as Envoy's role-based access control: said by the routes that lead to a fenced port of the application,
// while the filter stands in the inbound listeners that have such routes.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type CidrRange,
  CidrRangeSchema,
  type Filter,
  FilterSchema,
  type HttpFilter,
  HttpFilterRBACPerRouteSchema,
  HttpFilterRBACSchema,
  HttpFilterSchema,
  NetworkFilterRBACSchema,
  type Permission,
  PermissionSchema,
  type Principal,
  PrincipalSchema,
  type RBAC,
  RBAC_Action,
  RBACSchema,
  type StringMatcherSchema,
} from '../../xds/api.ts';
import type { AccessModel, AccessRuleModel, CallerModel } from '../model/types.ts';
import { packAny } from './messages.ts';

type PathRule = NonNullable<AccessRuleModel['http'][number]['path']>;

const filterName = 'envoy.filters.http.rbac';

/** Lets everything pass where no route says otherwise. */
export function accessFilter(): HttpFilter {
  return create(HttpFilterSchema, {
    name: filterName,
    configType: { case: 'typedConfig', value: packAny(HttpFilterRBACSchema, {}) },
  });
}

/** `typed_per_filter_config` of a route. */
export function compileAccess({ enforced, audited }: AccessModel) {
  const rbac = {
    ...(enforced === null ? {} : { rules: compileRules(enforced) }),
    ...(audited === null ? {} : { shadowRules: compileRules(audited) }),
  };
  return { [filterName]: packAny(HttpFilterRBACPerRouteSchema, { rbac }) };
}

/** Of connections that nobody reads: a rule of methods or paths is one that they cannot meet. */
export function compileBytesAccess({ enforced, audited }: AccessModel, statPrefix: string): Filter {
  const rulesOf = (rules: readonly AccessRuleModel[]) => compileRules(rules.filter(takesBytes));
  const rbac = packAny(NetworkFilterRBACSchema, {
    // Names of counters follow it without a dot of their own.
    statPrefix: `${statPrefix}.`,
    ...(enforced === null ? {} : { rules: rulesOf(enforced) }),
    ...(audited === null ? {} : { shadowRules: rulesOf(audited) }),
  });
  return create(FilterSchema, {
    name: 'envoy.filters.network.rbac',
    configType: { case: 'typedConfig', value: rbac },
  });
}

/** Whether it lets everything pass that its callers ask for. */
export function takesBytes({ http }: AccessRuleModel): boolean {
  return http.length === 0 || http.some(({ methods, path }) => methods.length === 0 && path === undefined);
}

/** Of several Services behind one port of an application: whoever one of them lets. */
export function joinAccess(all: readonly AccessModel[]): AccessModel | null {
  const [first, ...others] = all;
  if (first === undefined) return null;
  if (others.length === 0) return first;
  const enforced = all.flatMap((one) => (one.enforced === null ? [] : [one.enforced]));
  const audited = all.flatMap((one) => one.audited ?? one.enforced ?? []);
  return {
    enforced: enforced.length === 0 ? null : unique(enforced.flat()),
    audited: all.some((one) => one.audited !== null) ? unique(audited) : null,
  };
}

function unique(rules: readonly AccessRuleModel[]): readonly AccessRuleModel[] {
  return [...new Map(rules.map((rule) => [rule.name, rule])).values()];
}

function compileRules(rules: readonly AccessRuleModel[]): RBAC {
  const policies = rules.flatMap((rule) => {
    const principals = rule.callers === null ? [anybody()] : rule.callers.flatMap(compileCaller);
    // Envoy wants at least one, and an account without pods is nobody.
    if (principals.length === 0) return [];
    return [[rule.name, { principals, permissions: compilePermissions(rule) }] as const];
  });
  return create(RBACSchema, { action: RBAC_Action.ALLOW, policies: Object.fromEntries(policies) });
}

function compilePermissions({ http }: AccessRuleModel): Permission[] {
  if (http.length === 0) return [permission({ case: 'any', value: true })];
  return http.map(({ methods, path }) => {
    const parts = [
      ...(methods.length === 0 ? [] : [anyOf(methods.map(withMethod))]),
      ...(path === undefined ? [] : [anyOf(pathsOf(path))]),
    ];
    return parts.length === 0
      ? permission({ case: 'any', value: true })
      : permission({ case: 'andRules', value: { rules: parts } });
  });
}

function withMethod(method: string): Permission {
  const value = {
    case: 'stringMatch' as const,
    value: { matchPattern: { case: 'exact' as const, value: method } },
  };
  return permission({ case: 'header', value: { name: ':method', headerMatchSpecifier: value } });
}

/**
 * What an application may read as another path than a proxy does: doubled slashes; dot segments, also with what some
 * servers cut off behind the dots (`/..;v=1/` of servlets, escapes, controls); slashes and dots that are escaped, once
 * or over again. Fits no prefix, so that nobody walks out of one.
 */
export const ambiguousPath = '.*(?://|/[.]{1,2}(?:[/;%\\x00-\\x20]|$)|%(?:25)*(?:2[eEfF]|5[cC])|[\\\\]).*';

/** A prefix ends where a segment does. */
function pathsOf({ type, value }: PathRule): Permission[] {
  if (type === 'Exact') return [withPath({ case: 'exact', value })];
  const whole = value.replace(/\/+$/, '');
  if (whole === '') return [permission({ case: 'any', value: true })];
  const below = [withPath({ case: 'prefix', value: `${whole}/` }), clear()];
  return [
    withPath({ case: 'exact', value: whole }),
    permission({ case: 'andRules', value: { rules: below } }),
  ];
}

function clear(): Permission {
  const value = withPath({ case: 'safeRegex', value: { regex: ambiguousPath } });
  return permission({ case: 'notRule', value });
}

function withPath(
  matchPattern: NonNullable<MessageInitShape<typeof StringMatcherSchema>['matchPattern']>,
): Permission {
  return permission({ case: 'urlPath', value: { rule: { case: 'path', value: { matchPattern } } } });
}

function anyOf(rules: Permission[]): Permission {
  const [only] = rules;
  return rules.length === 1 && only !== undefined ? only : permission({ case: 'orRules', value: { rules } });
}

function permission(rule: NonNullable<MessageInitShape<typeof PermissionSchema>['rule']>): Permission {
  return create(PermissionSchema, { rule });
}

function anybody(): Principal {
  return create(PrincipalSchema, { identifier: { case: 'any', value: true } });
}

function compileCaller(caller: CallerModel): Principal[] {
  if (caller.kind !== 'block') return caller.addresses.map((address) => from(`${address}/`));
  const range = from(caller.cidr);
  if (caller.except.length === 0) return [range];
  const but = caller.except.map((cidr) =>
    create(PrincipalSchema, { identifier: { case: 'notId', value: from(cidr) } }),
  );
  return [create(PrincipalSchema, { identifier: { case: 'andIds', value: { ids: [range, ...but] } } })];
}

/** By the address of the connection itself: what a caller says of others before it is not asked. */
function from(cidr: string): Principal {
  return create(PrincipalSchema, { identifier: { case: 'directRemoteIp', value: rangeOf(cidr) } });
}

/** Without a length: one address. */
export function rangeOf(cidr: string): CidrRange {
  const [addressPrefix = '', bits = ''] = cidr.split('/');
  const prefixLen = bits === '' ? (addressPrefix.includes(':') ? 128 : 32) : Number(bits);
  return create(CidrRangeSchema, { addressPrefix, prefixLen });
}
