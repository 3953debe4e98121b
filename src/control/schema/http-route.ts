// The supported part of HTTPRoute (gateway.networking.k8s.io/v1), with the rules that its CRD checks. Fields that are not supported are refused
// by their path, and unknown ones too: in a directory there is no API server that would object to `timeout` where `timeouts` was meant.

import { z } from 'zod';
import { compileRegex } from '../../policy/index.ts';
import {
  durationMs,
  headerName,
  headerValue,
  hostname,
  integer,
  listOf,
  notYet,
  objectName,
  portNumber,
  timeout,
} from './values.ts';

export const parentRef = z.strictObject({
  group: z.string().default('gateway.networking.k8s.io'),
  kind: z.string().default('Gateway'),
  namespace: objectName.optional(),
  name: objectName,
  sectionName: z.string().min(1).optional(),
  port: portNumber.optional(),
});

/** What Weft's proxy can match, which is nearly all of RE2; Envoy runs the whole of it. */
function regexFault(text: string): string | null {
  const regex = compileRegex(text);
  return regex.ok ? null : regex.error;
}

const absolutePath = z
  .string()
  .max(1024, 'must be at most 1024 characters')
  .regex(/^\//, 'must begin with /')
  .refine((path) => !/\/\/|\/\.\.?(\/|$)|%2f|%2F|#|\?/.test(path), {
    error: 'must not contain //, /./, /../, %2f, # or ?',
  });

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
        ? regexFault(match.value)
        : (absolutePath.safeParse(match.value).error?.issues[0]?.message ?? null);
    if (message !== null) context.addIssue({ code: 'custom', path: ['value'], message });
  });

const valueMatch = z
  .strictObject({
    type: z
      .enum(['Exact', 'RegularExpression'], { error: 'must be Exact or RegularExpression' })
      .default('Exact'),
    name: headerName,
    value: z.string().min(1, 'must not be empty').max(4096, 'must be at most 4096 characters'),
  })
  .superRefine((match, context) => {
    const message = match.type === 'RegularExpression' ? regexFault(match.value) : null;
    if (message !== null) context.addIssue({ code: 'custom', path: ['value'], message });
  });

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;

const routeMatch = z.strictObject({
  path: pathMatch.prefault({}),
  headers: listOf(valueMatch, 16),
  queryParams: listOf(valueMatch, 16),
  method: z.enum(methods, { error: `must be one of ${methods.join(', ')}` }).optional(),
});

/** Envoy refuses to touch it, and a route that changes it by stealth would be misread. */
const editableName = headerName.refine((name) => name.toLowerCase() !== 'host', {
  error: 'must not be host; a URLRewrite changes it',
});

const headerEdits = z.strictObject({
  set: listOf(z.strictObject({ name: editableName, value: headerValue }), 16),
  add: listOf(z.strictObject({ name: editableName, value: headerValue }), 16),
  remove: listOf(editableName, 16),
});

const pathEdit = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('ReplaceFullPath'), replaceFullPath: absolutePath }),
    z.strictObject({
      type: z.literal('ReplacePrefixMatch'),
      replacePrefixMatch: z.union([absolutePath, z.literal('')]),
    }),
  ],
  { error: 'must be ReplaceFullPath or ReplacePrefixMatch' },
);

const filterTypes = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite'];
const laterFilterTypes = new Set(['RequestMirror', 'CORS', 'ExternalAuth', 'ExtensionRef']);

const filterTypeError = (issue: { readonly input?: unknown }): string => {
  const input = issue.input;
  const type = typeof input === 'object' && input !== null && 'type' in input ? String(input.type) : '';
  return laterFilterTypes.has(type)
    ? `${type} is not supported yet by this version`
    : `must be ${filterTypes.join(', ')}`;
};

const headerFilters = [
  z.strictObject({ type: z.literal('RequestHeaderModifier'), requestHeaderModifier: headerEdits }),
  z.strictObject({ type: z.literal('ResponseHeaderModifier'), responseHeaderModifier: headerEdits }),
] as const;

const redirectStatus = [301, 302, 303, 307, 308] as const;

const routeFilter = z.discriminatedUnion(
  'type',
  [
    ...headerFilters,
    z.strictObject({
      type: z.literal('RequestRedirect'),
      requestRedirect: z.strictObject({
        scheme: z.enum(['http', 'https'], { error: 'must be http or https' }).optional(),
        hostname: hostname.optional(),
        path: pathEdit.optional(),
        port: portNumber.optional(),
        statusCode: z
          .union(
            redirectStatus.map((code) => z.literal(code)),
            { error: 'must be 301, 302, 303, 307 or 308' },
          )
          .default(302),
      }),
    }),
    z.strictObject({
      type: z.literal('URLRewrite'),
      urlRewrite: z.strictObject({ hostname: hostname.optional(), path: pathEdit.optional() }),
    }),
  ],
  { error: filterTypeError },
);

const backendRef = z.strictObject({
  group: z.string().default(''),
  kind: z.string().default('Service'),
  name: objectName,
  namespace: objectName.optional(),
  port: portNumber.optional(),
  weight: integer(0, 1_000_000).default(1),
  filters: listOf(
    z.discriminatedUnion('type', [...headerFilters], {
      error:
        'must be RequestHeaderModifier or ResponseHeaderModifier (others are not supported at a backend)',
    }),
    16,
  ),
});

const routeRule = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a lower-case name')
      .optional(),
    matches: listOf(routeMatch, 64),
    filters: listOf(routeFilter, 16),
    backendRefs: listOf(backendRef, 16),
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
  .superRefine((rule, context) => {
    for (const [path, message] of ruleFaults(rule)) context.addIssue({ code: 'custom', path, message });
  });

interface RuleShape {
  readonly matches: readonly { readonly path: { readonly type: string } }[];
  readonly filters: readonly z.output<typeof routeFilter>[];
  readonly backendRefs: readonly unknown[];
  readonly timeouts?:
    | { readonly request?: string | undefined; readonly backendRequest?: string | undefined }
    | undefined;
}

/** What the CRD's CEL rules say of one rule. */
function* ruleFaults(rule: RuleShape): Generator<[(string | number)[], string]> {
  const seen = new Set<string>();
  for (const [index, filter] of rule.filters.entries()) {
    if (seen.has(filter.type)) yield [['filters', index], `${filter.type} must not be there twice`];
    seen.add(filter.type);
    if (!isPrefixEdit(filter)) continue;
    if (rule.matches.length !== 1 || rule.matches[0]?.path.type !== 'PathPrefix')
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

function isPrefixEdit(filter: z.output<typeof routeFilter>): boolean {
  if (filter.type === 'URLRewrite') return filter.urlRewrite.path?.type === 'ReplacePrefixMatch';
  if (filter.type === 'RequestRedirect') return filter.requestRedirect.path?.type === 'ReplacePrefixMatch';
  return false;
}

export const httpRouteSpec = z.strictObject({
  parentRefs: listOf(parentRef, 32),
  hostnames: listOf(hostname, 16),
  // The CRD's own default: one rule that matches everything.
  rules: z
    .array(routeRule, { error: 'must be a list of rules' })
    .min(1, 'must have a rule')
    .max(16, 'must have at most 16 rules')
    .prefault([{}]),
  useDefaultGateways: notYet,
});

export type HttpRouteSpec = z.output<typeof httpRouteSpec>;
export type HttpRouteRule = z.output<typeof routeRule>;
export type HttpRouteMatch = z.output<typeof routeMatch>;
export type HttpRouteFilter = z.output<typeof routeFilter>;
export type HttpBackendRef = z.output<typeof backendRef>;
export type HttpHeaderEdits = z.output<typeof headerEdits>;
export type HttpPathEdit = z.output<typeof pathEdit>;
export type ParentRef = z.output<typeof parentRef>;
