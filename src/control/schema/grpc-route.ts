// The supported part of GRPCRoute (gateway.networking.k8s.io/v1), with the rules that its CRD checks. Unlike an
// HTTPRoute it may come without rules: then every gRPC request matches, and there is nowhere to send it.

import { z } from 'zod';
import { portableRegexFault } from '../../policy/index.ts';
import { findRepeated, firstOfEachName, grpcFilter, lower, routeBackend } from './http-filters.ts';
import { parentRefs } from './parent-ref.ts';
import { checkRules, type FieldValues, faultyRuleOf, readableItems, salvage } from './route-rules.ts';
import { headerName, headerValue, hostname, listOf, notYet, partOf, sectionName } from './values.ts';

const typeError = 'must be Exact or RegularExpression';
const matchType = z.enum(['Exact', 'RegularExpression'], { error: typeError }).default('Exact');
const text = z.string({ error: 'must be a name' }).max(1024, 'must be at most 1024 characters');

const servicePattern = /^\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$/i;
const methodPattern = /^[A-Za-z_][A-Za-z_0-9]*$/;

const methodMatch = z
  .strictObject({ type: matchType, service: text.optional(), method: text.optional() })
  .superRefine((match, context) => {
    const { type, service, method } = match;
    const tell = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (service === undefined && method === undefined) tell('service', 'must be there where method is not');
    if (type === 'RegularExpression') {
      const fault = portableRegexFault(grpcPattern(match));
      if (fault !== null) tell(service ? 'service' : 'method', fault);
      return;
    }
    if (service !== undefined && !servicePattern.test(service))
      tell('service', 'must be a name of a gRPC service');
    if (method !== undefined && !methodPattern.test(method))
      tell('method', 'must be a name of a gRPC method');
  });

/** Of a service or a method that is not said any will do. */
const anySegment = '[^/]+';

/** The path of such calls as one pattern: gRPC puts service and method in it (`/service/method`). */
export function grpcPattern({
  service,
  method,
}: {
  readonly service?: string | undefined;
  readonly method?: string | undefined;
}): string {
  const part = (pattern: string | undefined) => (pattern ? `(?:${pattern})` : anySegment);
  return `/${part(service)}/${part(method)}`;
}

const headerMatch = z
  .strictObject({ type: matchType, name: headerName, value: headerValue })
  .superRefine(({ type, value }, context) => {
    const message = type === 'RegularExpression' ? portableRegexFault(value) : null;
    if (message !== null) context.addIssue({ code: 'custom', path: ['value'], message });
  });

const grpcMatch = z.strictObject({
  method: methodMatch.optional(),
  headers: listOf(headerMatch, 16).transform(firstOfEachName(lower)),
});

const grpcRule = z
  .strictObject({
    name: sectionName.optional(),
    matches: listOf(grpcMatch, 64),
    filters: listOf(grpcFilter, 16),
    backendRefs: listOf(routeBackend, 16),
    sessionPersistence: notYet,
  })
  .transform((rule) => ({ ...rule, unreadable: false }))
  .superRefine(({ filters }, context) => {
    for (const index of findRepeated(filters))
      context.addIssue({
        code: 'custom',
        path: ['filters', index],
        message: `${filters[index]?.type} must not be there twice`,
      });
  });

/** By the method, where that can be read. */
function widenMatch(given: FieldValues): z.input<typeof grpcMatch> | null {
  const method = methodMatch.safeParse(given['method']);
  return method.success
    ? { method: method.data, headers: readableItems(headerMatch, given['headers']) }
    : null;
}

const faultyRule = faultyRuleOf(grpcMatch, widenMatch);

export const grpcRouteSpec = z
  .strictObject({
    parentRefs,
    hostnames: listOf(hostname, 16),
    rules: z
      .array(partOf(grpcRule, faultyRule), { error: 'must be a list of rules' })
      .max(16, 'must have at most 16 rules')
      .nullish()
      .transform((rules) => rules ?? []),
    useDefaultGateways: notYet,
  })
  .superRefine(({ rules }, context) => checkRules(rules, context));

/** A route that cannot be read as a whole still says whose it is: its parents refuse what no other route matches. */
export function salvageGrpcRoute(value: unknown): GrpcRouteSpec | null {
  return salvage(value, faultyRule) as GrpcRouteSpec | null;
}

export const grpcRouteRule = grpcRule;

export type GrpcRouteSpec = z.output<typeof grpcRouteSpec>;
export type GrpcRouteRule = GrpcRouteSpec['rules'][number];
export type GrpcRouteMatch = z.output<typeof grpcMatch>;
