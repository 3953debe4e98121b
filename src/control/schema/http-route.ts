// The supported part of HTTPRoute (gateway.networking.k8s.io/v1), with the rules that its CRD checks. Fields that are
// not supported are refused by their path, and unknown ones too: in a directory there is no API server that would
// object to `timeout` where `timeouts` was meant.

import { z } from 'zod';
import { portableRegexFault } from '../../policy/index.ts';
import {
  absolutePath,
  asWritten,
  findRepeated,
  firstOfEachName,
  type HttpRouteFilter,
  httpFilter,
  lower,
  routeBackend,
} from './http-filters.ts';
import { parentRefs } from './parent-ref.ts';
import {
  checkRules,
  type FieldValues,
  faultyRuleOf,
  literalHead,
  readableItems,
  salvage,
} from './route-rules.ts';
import {
  durationMs,
  headerName,
  headerValue,
  hostname,
  integer,
  listOf,
  notYet,
  partOf,
  sectionName,
  timeout,
} from './values.ts';

/** As the CRD has it. */
const matchedPath = absolutePath.regex(
  /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/,
  "must be of letters, digits, -/._~!$&'()*+,;=:@ and %XX",
);

const pathMatch = z
  .strictObject({
    type: z
      .enum(['Exact', 'PathPrefix', 'RegularExpression'], {
        error: 'must be Exact, PathPrefix or RegularExpression',
      })
      .default('PathPrefix'),
    value: z.string().default('/'),
  })
  .superRefine((match, context) => {
    const message =
      match.type === 'RegularExpression'
        ? portableRegexFault(match.value)
        : (matchedPath.safeParse(match.value).error?.issues[0]?.message ?? null);
    if (message !== null) context.addIssue({ code: 'custom', path: ['value'], message });
  });

function valueMatch(value: z.ZodString) {
  return z
    .strictObject({
      type: z
        .enum(['Exact', 'RegularExpression'], { error: 'must be Exact or RegularExpression' })
        .default('Exact'),
      name: headerName,
      value,
    })
    .superRefine((match, context) => {
      const message = match.type === 'RegularExpression' ? portableRegexFault(match.value) : null;
      if (message !== null) context.addIssue({ code: 'custom', path: ['value'], message });
    });
}

const headerMatch = valueMatch(headerValue);
const queryMatch = valueMatch(
  z.string().min(1, 'must not be empty').max(1024, 'must be at most 1024 characters'),
);

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;

const routeMatch = z.strictObject({
  path: pathMatch.prefault({}),
  headers: listOf(headerMatch, 16).transform(firstOfEachName(lower)),
  queryParams: listOf(queryMatch, 16).transform(firstOfEachName(asWritten)),
  method: z.enum(methods, { error: `must be one of ${methods.join(', ')}` }).optional(),
});

const routeRule = z
  .strictObject({
    name: sectionName.optional(),
    matches: listOf(routeMatch, 64),
    filters: listOf(httpFilter, 16),
    backendRefs: listOf(routeBackend, 16),
    timeouts: z.strictObject({ request: timeout.optional(), backendRequest: timeout.optional() }).optional(),
    retry: z
      .strictObject({
        codes: listOf(integer(400, 599), 32),
        attempts: integer(0, 16).optional(),
        backoff: timeout.optional(),
      })
      .optional(),
    sessionPersistence: notYet,
  })
  .transform((rule) => ({ ...rule, unreadable: false }))
  .superRefine((rule, context) => {
    for (const [path, message] of ruleFaults(rule)) context.addIssue({ code: 'custom', path, message });
  });

interface RuleShape {
  readonly matches: readonly { readonly path: { readonly type: string } }[];
  readonly filters: readonly HttpRouteFilter[];
  readonly backendRefs: readonly unknown[];
  readonly timeouts?:
    | { readonly request?: string | undefined; readonly backendRequest?: string | undefined }
    | undefined;
}

/** What the CRD's CEL rules say of one rule. */
function* ruleFaults(rule: RuleShape): Generator<[(string | number)[], string]> {
  const seen = new Set(rule.filters.map(({ type }) => type));
  for (const index of findRepeated(rule.filters))
    yield [['filters', index], `${rule.filters[index]?.type} must not be there twice`];
  for (const [index, filter] of rule.filters.entries()) {
    if (!isPrefixEdit(filter)) continue;
    // Without matches the CRD's default holds, which is the prefix /.
    const [first = { path: { type: 'PathPrefix' } }] = rule.matches;
    if (rule.matches.length > 1 || first.path.type !== 'PathPrefix')
      yield [['filters', index], 'ReplacePrefixMatch needs exactly one match, of type PathPrefix'];
  }
  if (seen.has('RequestRedirect') && seen.has('URLRewrite'))
    yield [['filters'], 'must not have both RequestRedirect and URLRewrite'];
  if (seen.has('RequestRedirect') && rule.backendRefs.length > 0)
    yield [['backendRefs'], 'must be empty beside a RequestRedirect'];
  const { request, backendRequest } = rule.timeouts ?? {};
  if (request !== undefined && backendRequest !== undefined && durationMs(request) > 0)
    if (durationMs(backendRequest) > durationMs(request))
      yield [['timeouts', 'backendRequest'], 'must not be longer than timeouts.request'];
}

function isPrefixEdit(filter: HttpRouteFilter): boolean {
  if (filter.type === 'URLRewrite') return filter.urlRewrite.path?.type === 'ReplacePrefixMatch';
  if (filter.type === 'RequestRedirect') return filter.requestRedirect.path?.type === 'ReplacePrefixMatch';
  return false;
}

/** By what of it can be read, and how its path begins. What would take every request stands for none. */
function widenMatch(given: FieldValues): z.input<typeof routeMatch> | null {
  const path = pathMatch.safeParse(given['path'] ?? {});
  const head = path.success ? '' : headOf(given['path']);
  if (!path.success && head.length < 2) return null;
  const wider = {
    path: path.success ? path.data : { type: 'RegularExpression' as const, value: `${head}.*` },
    headers: readableItems(headerMatch, given['headers']),
    queryParams: readableItems(queryMatch, given['queryParams']),
    method: methods.find((method) => method === given['method']),
  };
  const isAny = wider.path.type === 'PathPrefix' && wider.path.value === '/';
  const isBare = wider.headers.length + wider.queryParams.length === 0 && wider.method === undefined;
  return isAny && isBare ? null : wider;
}

function headOf(path: unknown): string {
  const { type, value } = (path ?? {}) as { readonly type?: unknown; readonly value?: unknown };
  return type === 'RegularExpression' && typeof value === 'string' ? literalHead(value) : '';
}

const faultyRule = faultyRuleOf(routeMatch, widenMatch);

export const httpRouteSpec = z
  .strictObject({
    parentRefs,
    hostnames: listOf(hostname, 16),
    // The CRD's own default: one rule that matches everything.
    rules: z
      .array(partOf(routeRule, faultyRule), { error: 'must be a list of rules' })
      .min(1, 'must have a rule')
      .max(16, 'must have at most 16 rules')
      .prefault([{}]),
    useDefaultGateways: notYet,
  })
  .superRefine(({ rules }, context) => checkRules(rules, context));

/**
 * A route that cannot be read as a whole still says whose it is: its parents answer 500 where no other route of theirs
 * matches.
 */
export function salvageRoute(value: unknown): HttpRouteSpec | null {
  return salvage(value, faultyRule) as HttpRouteSpec | null;
}

export const httpRouteRule = routeRule;

export type HttpRouteSpec = z.output<typeof httpRouteSpec>;
export type HttpRouteRule = HttpRouteSpec['rules'][number];
export type HttpRouteMatch = z.output<typeof routeMatch>;
