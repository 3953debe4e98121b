// Filters of HTTPRoute and GRPCRoute: header edits, redirects, rewrites, mirrors, CORS.

import { z } from 'zod';
import {
  authorityFault,
  editedHeaderFault,
  locationPathFault,
  requestPathFault,
} from '../../policy/index.ts';
import { backendObject } from './parent-ref.ts';
import { headerName, headerValue, integer, listOf, portNumber, preciseHost } from './values.ts';

export const absolutePath = z
  .string()
  .max(1024, 'must be at most 1024 characters')
  .regex(/^\//, 'must begin with /')
  .refine((path) => !/\/\/|\/\.\.?(\/|$)|%2f|%2F|#|\?/.test(path), {
    error: 'must not contain //, /./, /../, %2f, # or ?',
  });

/** A rule shared with the proxies, as a check of the schema library. */
function obeys<T extends z.ZodType<string, string>>(schema: T, judge: (value: string) => string | null) {
  return schema.superRefine((value, context) => {
    const message = judge(value);
    if (message !== null) context.addIssue({ code: 'custom', message });
  });
}

/** Entries of one list whose names are equal: the first counts (Gateway API). */
export function firstOfEachName<T extends { readonly name: string }>(
  keyOf: (name: string) => string,
): (list: readonly T[]) => readonly T[] {
  return (list) => {
    const seen = new Set<string>();
    return list.filter(({ name }) => !seen.has(keyOf(name)) && seen.add(keyOf(name)));
  };
}

export const lower = (name: string): string => name.toLowerCase();
export const asWritten = (name: string): string => name;

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

/** Numerator and denominator, or a percentage: what share of the requests is copied. */
const requestMirror = z
  .strictObject({
    backendRef: z
      .strictObject(backendObject)
      .refine(({ group, kind, port }) => group !== '' || kind !== 'Service' || port !== undefined, {
        path: ['port'],
        error: 'must be there for a Service',
      }),
    percent: integer(0, 100).optional(),
    fraction: z
      .strictObject({
        numerator: integer(0, 2_147_483_647),
        denominator: integer(1, 2_147_483_647).default(100),
      })
      .refine(({ numerator, denominator }) => numerator <= denominator, {
        path: ['numerator'],
        error: 'must not be above the denominator',
      })
      .optional(),
  })
  .refine(({ percent, fraction }) => percent === undefined || fraction === undefined, {
    path: ['fraction'],
    error: 'must not be there beside percent',
  });

const originPattern = /^\*$|^https?:\/\/(?:(?:\*\.)?(?:[a-zA-Z0-9-]+\.)*[a-zA-Z0-9-]+|\*)(?::[0-9]{1,5})?$/;

function setOf(item: z.ZodString, max: number) {
  return listOf(item, max).refine((all) => new Set(all).size === all.length, {
    error: 'must not have a value twice',
  });
}

/** What stands for all of it stands alone. */
function setOrAll(item: z.ZodString, max: number) {
  return setOf(item, max).refine((all) => all.length < 2 || !all.includes('*'), {
    error: 'must not have others beside *',
  });
}

const methodError = 'must be a method of RFC 9110, or *';

const cors = z.strictObject({
  allowOrigins: setOrAll(
    z
      .string({ error: 'must be an origin, such as https://example.com' })
      .max(253, 'must be at most 253 characters')
      .regex(originPattern, 'must be an origin, such as https://example.com, https://*.example.com or *'),
    64,
  ),
  allowCredentials: z.boolean({ error: 'must be true or false' }).default(false),
  allowMethods: setOrAll(
    z
      .string({ error: methodError })
      .regex(/^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH|\*)$/, methodError),
    9,
  ),
  allowHeaders: setOrAll(headerName, 64),
  exposeHeaders: setOf(headerName, 64),
  maxAge: integer(1, 2_147_483_647).default(5),
});

const headerFilters = [
  z.strictObject({ type: z.literal('RequestHeaderModifier'), requestHeaderModifier: headerEdits }),
  z.strictObject({ type: z.literal('ResponseHeaderModifier'), responseHeaderModifier: headerEdits }),
] as const;

const mirrorFilter = z.strictObject({ type: z.literal('RequestMirror'), requestMirror });

const redirectStatus = [301, 302, 303, 307, 308] as const;

const ownHttpFilters = [
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
  z.strictObject({ type: z.literal('CORS'), cors }),
] as const;

const laterFilterTypes = new Set(['ExternalAuth', 'ExtensionRef']);

/** Tells what there is, or that what was asked for is known and not done. */
function typeError(types: readonly string[]) {
  return (issue: { readonly input?: unknown }): string => {
    const input = issue.input;
    const type = typeof input === 'object' && input !== null && 'type' in input ? String(input.type) : '';
    return laterFilterTypes.has(type)
      ? `${type} is not supported yet by this version`
      : `must be ${types.join(', ')}`;
  };
}

const grpcFilterTypes = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestMirror'];

export const httpFilter = z.discriminatedUnion('type', [...headerFilters, mirrorFilter, ...ownHttpFilters], {
  error: typeError([...grpcFilterTypes, 'RequestRedirect', 'URLRewrite', 'CORS']),
});

export const grpcFilter = z.discriminatedUnion('type', [...headerFilters, mirrorFilter], {
  error: typeError(grpcFilterTypes),
});

/** Of one backend of several. */
export const backendFilters = listOf(
  z.discriminatedUnion('type', [...headerFilters], {
    error: 'must be RequestHeaderModifier or ResponseHeaderModifier (others are not supported at a backend)',
  }),
  16,
).superRefine((filters, context) => {
  for (const index of findRepeated(filters))
    context.addIssue({
      code: 'custom',
      path: [index],
      message: `${filters[index]?.type} must not be there twice`,
    });
});

/** Positions of filters whose type stands before them already; only mirrors may be several. */
export function findRepeated(filters: readonly { readonly type: string }[]): readonly number[] {
  return [...filters.keys()].filter((index) => {
    const type = filters[index]?.type;
    return type !== 'RequestMirror' && filters.findIndex((one) => one.type === type) < index;
  });
}

/** A weighted place that a rule of HTTPRoute or GRPCRoute sends to. */
export const routeBackend = z.strictObject({
  ...backendObject,
  weight: integer(0, 1_000_000).default(1),
  filters: backendFilters,
});

export type HttpRouteFilter = z.output<typeof httpFilter>;
export type CorsSettings = z.output<typeof cors>;
export type MirrorSettings = z.output<typeof requestMirror>;
export type HttpHeaderEdits = z.output<typeof headerEdits>;
export type HttpPathEdit = z.output<typeof pathRewrite>;
export type HttpBackendRef = z.output<typeof routeBackend>;
