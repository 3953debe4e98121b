// The supported part of HTTPRoute (gateway.networking.k8s.io/v1), with the rules that its CRD checks. Fields that are
// not supported are refused by their path, and unknown ones too: in a directory there is no API server that would
// object to `timeout` where `timeouts` was meant.

import { z } from 'zod';
import {
  authorityFault,
  editedHeaderFault,
  locationPathFault,
  portableRegexFault,
  requestPathFault,
} from '../../policy/index.ts';
import {
  dnsLabel,
  durationMs,
  headerName,
  headerValue,
  hostname,
  integer,
  listOf,
  notYet,
  partOf,
  portNumber,
  preciseHost,
  refGroup,
  refKind,
  refName,
  sectionName,
  timeout,
} from './values.ts';

const parentRef = z.strictObject({
  group: refGroup.default('gateway.networking.k8s.io'),
  kind: refKind.default('Gateway'),
  namespace: dnsLabel.optional(),
  name: refName,
  sectionName: sectionName.optional(),
  port: portNumber.optional(),
});

const parentRefs = listOf(parentRef, 32).superRefine((refs, context) => {
  const seen = new Set<string>();
  for (const [index, { group, kind, namespace, name, sectionName, port }] of refs.entries()) {
    const key = JSON.stringify([group, kind, namespace, name, sectionName, port]);
    if (seen.has(key))
      context.addIssue({ code: 'custom', path: [index], message: 'must not be there twice' });
    seen.add(key);
  }
});

const absolutePath = z
  .string()
  .max(1024, 'must be at most 1024 characters')
  .regex(/^\//, 'must begin with /')
  .refine((path) => !/\/\/|\/\.\.?(\/|$)|%2f|%2F|#|\?/.test(path), {
    error: 'must not contain //, /./, /../, %2f, # or ?',
  });

/** As the CRD has it. */
const matchedPath = absolutePath.regex(
  /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/,
  "must be of letters, digits, -/._~!$&'()*+,;=:@ and %XX",
);

/** A rule shared with the proxies, as a check of the schema library. */
function obeys<T extends z.ZodType<string, string>>(schema: T, judge: (value: string) => string | null) {
  return schema.superRefine((value, context) => {
    const message = judge(value);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });
}

/** Entries of one list whose names are equal: the first counts (Gateway API). */
function firstOfEachName<T extends { readonly name: string }>(
  keyOf: (name: string) => string,
): (list: readonly T[]) => readonly T[] {
  return (list) => {
    const seen = new Set<string>();
    return list.filter(({ name }) => !seen.has(keyOf(name)) && seen.add(keyOf(name)));
  };
}

const lower = (name: string): string => name.toLowerCase();
const asWritten = (name: string): string => name;

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

/** What a modifier may touch: the proxy refuses what frames a message, and Envoy refuses the host. */
const editableName = obeys(headerName, (name) =>
  name.toLowerCase() === 'host' ? 'must not be host; a URLRewrite changes it' : editedHeaderFault(name),
);

const headerLines = listOf(z.strictObject({ name: editableName, value: headerValue }), 16).transform(
  firstOfEachName(lower),
);

const headerEdits = z.strictObject({
  set: headerLines,
  add: headerLines,
  remove: listOf(editableName, 16)
    .refine((names) => new Set(names).size === names.length, { error: 'must not have a name twice' })
    .transform((names) => [...new Set(names.map(lower))]),
});

function pathEdit(judge: (value: string) => string | null) {
  const path = obeys(absolutePath, judge);
  return z.discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('ReplaceFullPath'), replaceFullPath: path }),
      z.strictObject({
        type: z.literal('ReplacePrefixMatch'),
        replacePrefixMatch: z.union([path, z.literal('')]),
      }),
    ],
    { error: 'must be ReplaceFullPath or ReplacePrefixMatch' },
  );
}

const pathRewrite = pathEdit(requestPathFault);
const pathRedirect = pathEdit(locationPathFault);

/** A host to go to, so no wildcard. */
const preciseHostname = obeys(preciseHost, authorityFault);

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
        hostname: preciseHostname.optional(),
        path: pathRedirect.optional(),
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
      urlRewrite: z.strictObject({ hostname: preciseHostname.optional(), path: pathRewrite.optional() }),
    }),
  ],
  { error: filterTypeError },
);

const backendRef = z.strictObject({
  group: refGroup.default(''),
  kind: refKind.default('Service'),
  name: refName,
  namespace: dnsLabel.optional(),
  port: portNumber.optional(),
  weight: integer(0, 1_000_000).default(1),
  filters: listOf(
    z.discriminatedUnion('type', [...headerFilters], {
      error:
        'must be RequestHeaderModifier or ResponseHeaderModifier (others are not supported at a backend)',
    }),
    16,
  ).superRefine((filters, context) => {
    for (const [index, { type }] of filters.entries())
      if (filters.findIndex((one) => one.type === type) < index)
        context.addIssue({ code: 'custom', path: [index], message: `${type} must not be there twice` });
  }),
});

const routeRule = z
  .strictObject({
    name: sectionName.optional(),
    matches: listOf(routeMatch, 64),
    filters: listOf(routeFilter, 16),
    backendRefs: listOf(backendRef, 16),
    timeouts: z.strictObject({ request: timeout.optional(), backendRequest: timeout.optional() }).optional(),
    retry: z
      .strictObject({
        codes: listOf(integer(400, 599), 32),
        attempts: integer(1, 16).optional(),
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

function isPrefixEdit(filter: z.output<typeof routeFilter>): boolean {
  if (filter.type === 'URLRewrite') return filter.urlRewrite.path?.type === 'ReplacePrefixMatch';
  if (filter.type === 'RequestRedirect') return filter.requestRedirect.path?.type === 'ReplacePrefixMatch';
  return false;
}

export const matchesMax = 128;

export const httpRouteSpec = z
  .strictObject({
    parentRefs: parentRefs,
    hostnames: listOf(hostname, 16),
    // The CRD's own default: one rule that matches everything.
    rules: z
      .array(partOf(routeRule, faultyRule), { error: 'must be a list of rules' })
      .min(1, 'must have a rule')
      .max(16, 'must have at most 16 rules')
      .prefault([{}]),
    useDefaultGateways: notYet,
  })
  .superRefine(({ rules }, context) => {
    const names = rules.flatMap(({ name }) => (name === undefined ? [] : [name]));
    if (new Set(names).size < names.length)
      context.addIssue({ code: 'custom', path: ['rules'], message: 'names of rules must be unique' });
    const matches = rules.reduce((sum, rule) => sum + Math.max(1, rule.matches.length), 0);
    if (matches > matchesMax)
      context.addIssue({
        code: 'custom',
        path: ['rules'],
        message: `must have at most ${matchesMax} matches in all`,
      });
  });

/**
 * Of a rule at fault the matches that can be read: their requests are refused, rather than left to a rule that was not
 * meant for them.
 */
function faultyRule(value: unknown): z.output<typeof routeRule> {
  const { name, matches } = (typeof value === 'object' && value !== null ? value : {}) as {
    readonly name?: unknown;
    readonly matches?: unknown;
  };
  const read = (Array.isArray(matches) ? matches : []).flatMap((match) => {
    const parsed = routeMatch.safeParse(match);
    return parsed.success ? [parsed.data] : [];
  });
  return {
    ...(typeof name === 'string' ? { name } : {}),
    matches: read,
    filters: [],
    backendRefs: [],
    unreadable: Array.isArray(matches) && matches.length > 0 && read.length === 0,
  };
}

/**
 * A route that cannot be read as a whole still says whose it is: its parents answer 500 where no other route of theirs
 * matches.
 */
export function salvageRoute(value: unknown): HttpRouteSpec | null {
  const parents = parentRefs.safeParse((value as { readonly parentRefs?: unknown } | undefined)?.parentRefs);
  if (!parents.success) return null;
  const rule = {
    ...faultyRule({}),
    faults: [{ code: 'custom', path: [], message: 'is part of a route at fault' }],
  };
  return {
    parentRefs: parents.data,
    hostnames: [],
    rules: [rule],
    useDefaultGateways: undefined,
  } as HttpRouteSpec;
}

export const httpRouteRule = routeRule;

export type HttpRouteSpec = z.output<typeof httpRouteSpec>;
export type HttpRouteRule = HttpRouteSpec['rules'][number];
export type HttpRouteMatch = z.output<typeof routeMatch>;
export type HttpRouteFilter = z.output<typeof routeFilter>;
export type HttpBackendRef = z.output<typeof backendRef>;
export type HttpHeaderEdits = z.output<typeof headerEdits>;
export type HttpPathEdit = z.output<typeof pathRewrite>;
export type ParentRef = z.output<typeof parentRef>;
