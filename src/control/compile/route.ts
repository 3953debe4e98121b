// One match of an HTTPRoute rule as Envoy routes: forward, redirect, or the 500 of a rule with nothing valid behind it.

import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  FractionalPercent_DenominatorType,
  type HeaderValueOption,
  type RedirectAction,
  RedirectAction_RedirectResponseCode,
  RedirectActionSchema,
  type Route,
  type RouteAction,
  RouteAction_ClusterNotFoundResponseCode,
  RouteActionSchema,
  RouteSchema,
} from '../../xds/api.ts';
import type { BackendModel, MirrorModel, PortModel, RuleAction, RuleModel } from '../model/types.ts';
import type { HttpPathEdit } from '../schema/http-filters.ts';
import type { HttpRouteMatch } from '../schema/http-route.ts';
import type { ServicePolicySettings } from '../schema/service-policy.ts';
import { durationMs } from '../schema/values.ts';
import { hashClient } from './affinity.ts';
import { compileCors } from './cors.ts';
import { decideBehaviour, type RouteBehaviour } from './effective.ts';
import {
  compileHeaderLines,
  destinationHeader,
  durationOf,
  removedHeaders,
  setHeader,
  weftMetadata,
} from './messages.ts';
import { compileRetry } from './retry.ts';
import { compileMatch, type PathSpecifier, trimSlash } from './route-match.ts';

/** Never defined: traffic to it is answered 500, the share of a backend that cannot be resolved. */
export const unresolvedCluster = 'unresolved';

/** Where a rule is played. */
export interface RulePlace {
  /** `namespace/name` of the Service that callers ask for; empty: none can be told. */
  readonly service: string;
  /** Of a gateway; null: not at a gateway. */
  readonly listenerPort: number | null;
  /** The one host name of the requests; null: there are several. */
  readonly hostname: string | null;
  /** Requests come over TLS. */
  readonly secure: boolean;
  /** Each client comes from an address of its own. */
  readonly showsClients: boolean;
}

export function compileRule(
  rule: RuleModel,
  policy: ServicePolicySettings,
  place: RulePlace,
): readonly Route[] {
  const shared = {
    name: rule.name,
    requestHeadersToAdd: [...compileHeaderLines(rule.requestEdits), ...destinationOfAll(rule.action)],
    requestHeadersToRemove: removedHeaders(rule.requestEdits),
    responseHeadersToAdd: compileHeaderLines(rule.responseEdits),
    responseHeadersToRemove: removedHeaders(rule.responseEdits),
    ...(rule.cors === null ? {} : { typedPerFilterConfig: compileCors(rule.cors) }),
  };
  return splitPrefixEdit(rule).map(({ match, path, edit }) =>
    create(RouteSchema, {
      ...shared,
      match: compileMatch(match, rule.grpc, path),
      ...compileAction(rule, edit, policy, place),
    }),
  );
}

function compileAction(
  rule: RuleModel,
  edit: PathEdit | null,
  policy: ServicePolicySettings,
  place: RulePlace,
): Pick<MessageInitShape<typeof RouteSchema>, 'action' | 'metadata'> {
  const { action } = rule;
  switch (action.kind) {
    case 'unavailable':
      return {
        action: { case: 'directResponse', value: { status: rule.grpc ? 503 : 500 } },
        metadata: weftMetadata({ service: place.service }),
      };
    case 'redirect':
      return { action: { case: 'redirect', value: compileRedirect(action, edit, place) } };
    case 'forward': {
      const behaviour = decideBehaviour(rule, policy);
      return {
        action: { case: 'route', value: compileForward(rule, action, { edit, behaviour, place }) },
        // Whose errors the share of a backend that cannot be resolved is.
        metadata: weftMetadata(hasHole(action) ? { ...behaviour, service: place.service } : behaviour),
      };
    }
  }
}

function hasHole(action: ForwardAction): boolean {
  return action.backends.some((backend) => backend.port === null);
}

/**
 * The routes of a port that no HTTPRoute is attached to. Where HTTP/2 is spoken, calls of gRPC have one of their own
 * whose times no default cuts; elsewhere Weft's own words say these, and Envoy makes no such calls.
 */
export function compileDefaultRoutes(port: PortModel, showsClients: boolean): readonly Route[] {
  const behaviour = decideBehaviour(null, port.policy);
  const make = (name: 'default' | 'grpc', decided: RouteBehaviour) =>
    defaultRoute(port.id, name, { behaviour: decided, hashes: port.sticky && showsClients });
  if (port.protocol !== 'http2') return [make('default', behaviour)];
  const { request, attempt, grpcRequest = request, grpcAttempt = attempt } = behaviour.timeouts;
  const plain = { ...behaviour, timeouts: { request, attempt } };
  const calls = { ...behaviour, timeouts: { request: grpcRequest, attempt: grpcAttempt } };
  if (request === grpcRequest && attempt === grpcAttempt) return [make('default', plain)];
  return [make('grpc', calls), make('default', plain)];
}

function defaultRoute(
  id: string,
  name: 'default' | 'grpc',
  { behaviour, hashes }: { readonly behaviour: RouteBehaviour; readonly hashes: boolean },
): Route {
  return create(RouteSchema, {
    name,
    match: { pathSpecifier: { case: 'prefix', value: '/' }, ...(name === 'grpc' ? { grpc: {} } : {}) },
    action: {
      case: 'route',
      value: create(RouteActionSchema, {
        clusterSpecifier: { case: 'cluster', value: id },
        ...compileBehaviour(behaviour),
        ...(hashes ? { hashPolicy: [hashClient()] } : {}),
      }),
    },
    metadata: weftMetadata(behaviour),
  });
}

function compileBehaviour({ timeouts, retry }: RouteBehaviour) {
  const retryPolicy = compileRetry(retry, timeouts.attempt);
  return {
    timeout: durationOf(durationMs(timeouts.request)),
    ...(retryPolicy === null ? {} : { retryPolicy }),
  };
}

interface PathEdit {
  readonly kind: 'prefix' | 'full';
  readonly value: string;
}

interface SplitMatch {
  readonly match: HttpRouteMatch;
  readonly path: PathSpecifier | undefined;
  readonly edit: PathEdit | null;
}

/**
 * `/a` replaced by `/` would turn `/a/b` into `//b`, because the prefix ends before the slash. Two routes say it right
 * everywhere: the path `/a` itself becomes `/`, and the prefix `/a/` becomes `/`.
 */
function splitPrefixEdit(rule: RuleModel): readonly SplitMatch[] {
  const edit = pathEditOf(rule);
  const { match } = rule;
  const prefix = trimSlash(match.path.value);
  if (edit?.kind !== 'prefix') return [{ match, path: undefined, edit }];
  const value = trimSlash(edit.value);
  // The prefix `/` matches with its slash, so what replaces it keeps one.
  if (prefix === '') return [{ match, path: undefined, edit: { kind: 'prefix', value: `${value}/` } }];
  if (value !== '') return [{ match, path: undefined, edit: { kind: 'prefix', value } }];
  const root: PathEdit = { kind: 'prefix', value: '/' };
  return [
    { match, path: { case: 'path', value: prefix }, edit: root },
    { match, path: { case: 'prefix', value: `${prefix}/` }, edit: root },
  ];
}

function pathEditOf(rule: RuleModel): PathEdit | null {
  const edit: HttpPathEdit | null = rule.action.kind === 'unavailable' ? null : rule.action.path;
  if (edit === null) return null;
  return edit.type === 'ReplacePrefixMatch'
    ? { kind: 'prefix', value: edit.replacePrefixMatch }
    : { kind: 'full', value: edit.replaceFullPath };
}

type ForwardAction = Extract<RuleAction, { readonly kind: 'forward' }>;
type RedirectRule = Extract<RuleAction, { readonly kind: 'redirect' }>;

function compileForward(
  { grpc, mirrors }: RuleModel,
  action: ForwardAction,
  {
    edit,
    behaviour,
    place,
  }: { readonly edit: PathEdit | null; readonly behaviour: RouteBehaviour; readonly place: RulePlace },
): RouteAction {
  const hashes = place.showsClients && action.backends.some(({ sticky }) => sticky);
  return create(RouteActionSchema, {
    clusterSpecifier: compileBackends(action.backends),
    ...(hasHole(action)
      ? { clusterNotFoundResponseCode: grpc ? SERVICE_UNAVAILABLE : INTERNAL_SERVER_ERROR }
      : {}),
    requestMirrorPolicies: mirrors.map(compileMirror),
    ...(action.hostname === null
      ? {}
      : { hostRewriteSpecifier: { case: 'hostRewriteLiteral' as const, value: action.hostname } }),
    ...compileRewrite(edit),
    ...compileBehaviour(behaviour),
    ...(hashes ? { hashPolicy: [hashClient()] } : {}),
  });
}

/** A gRPC client reads UNAVAILABLE in 503, as GRPCRouteRule.backendRefs wants it. */
const { INTERNAL_SERVER_ERROR, SERVICE_UNAVAILABLE } = RouteAction_ClusterNotFoundResponseCode;

/** Under the authority of its request: a sidecar there would not know another. */
function compileMirror({ port, perMillion }: MirrorModel) {
  return {
    cluster: port,
    disableShadowHostSuffixAppend: true,
    ...(perMillion === 1_000_000
      ? {}
      : {
          runtimeFraction: {
            defaultValue: { numerator: perMillion, denominator: FractionalPercent_DenominatorType.MILLION },
          },
        }),
  };
}

/** The only backend, where nothing but its name is to be said of it: a plain `cluster` will do. */
function soleBackend(backends: readonly BackendModel[]): string | null {
  const [first] = backends;
  const plain = first !== undefined && first.requestEdits === null && first.responseEdits === null;
  return backends.length === 1 && plain ? first.port : null;
}

function destinationOfAll(action: RuleAction): HeaderValueOption[] {
  if (action.kind !== 'forward' || soleBackend(action.backends) === null) return [];
  return action.backends.flatMap(destinationOf);
}

/**
 * Names the Service that was chosen, beside the authority that the client asked for: a sidecar knows its own Services
 * before it hears of the routes that lead to them, so that a caller who has heard first is not refused.
 */
function destinationOf({ port, meshed }: BackendModel): HeaderValueOption[] {
  return port === null || !meshed ? [] : [setHeader(destinationHeader, port)];
}

function compileBackends(backends: readonly BackendModel[]) {
  const sole = soleBackend(backends);
  if (sole !== null) return { case: 'cluster' as const, value: sole };
  const clusters = backends.map((backend) => ({
    name: backend.port ?? unresolvedCluster,
    weight: backend.weight,
    requestHeadersToAdd: [...compileHeaderLines(backend.requestEdits), ...destinationOf(backend)],
    requestHeadersToRemove: removedHeaders(backend.requestEdits),
    responseHeadersToAdd: compileHeaderLines(backend.responseEdits),
    responseHeadersToRemove: removedHeaders(backend.responseEdits),
  }));
  return { case: 'weightedClusters' as const, value: { clusters } };
}

/** Matches any whole path, for `regex_rewrite` (docs/xds.md). */
const wholePath = '^/[^?]*$';

function compileRewrite(edit: PathEdit | null) {
  if (edit === null) return {};
  if (edit.kind === 'prefix') return { prefixRewrite: edit.value };
  // In a substitution a backslash begins a reference to a group.
  const substitution = edit.value.replaceAll('\\', '\\\\');
  return { regexRewrite: { pattern: { regex: wholePath }, substitution } };
}

const wellKnown = { http: 80, https: 443 } as const;

/** Gateway API, HTTPRequestRedirectFilter.port: what is written, else the scheme's own, else the listener's. */
function redirectPort({ port, scheme }: RedirectRule, { listenerPort }: RulePlace): number | null {
  if (port !== null) return port;
  return scheme === null ? listenerPort : wellKnown[scheme];
}

const redirectCodes = {
  301: RedirectAction_RedirectResponseCode.MOVED_PERMANENTLY,
  302: RedirectAction_RedirectResponseCode.FOUND,
  303: RedirectAction_RedirectResponseCode.SEE_OTHER,
  307: RedirectAction_RedirectResponseCode.TEMPORARY_REDIRECT,
  308: RedirectAction_RedirectResponseCode.PERMANENT_REDIRECT,
} as const;

function compileRedirect(action: RedirectRule, edit: PathEdit | null, place: RulePlace): RedirectAction {
  // Envoy keeps the port of the request's host unless it is given one or another host; the requests' own host given
  // anew has none.
  const host = action.hostname ?? (place.listenerPort === null ? null : place.hostname);
  const port = redirectPort(action, place);
  return create(RedirectActionSchema, {
    responseCode: redirectCodes[action.status],
    ...(action.scheme === null
      ? {}
      : { schemeRewriteSpecifier: { case: 'schemeRedirect' as const, value: action.scheme } }),
    ...(host === null ? {} : { hostRedirect: host }),
    ...(port === null ||
    (host !== null && port === wellKnown[action.scheme ?? (place.secure ? 'https' : 'http')])
      ? {}
      : { portRedirect: port }),
    ...(edit === null
      ? {}
      : {
          pathRewriteSpecifier: {
            case: edit.kind === 'prefix' ? ('prefixRewrite' as const) : ('pathRedirect' as const),
            value: edit.value,
          },
        }),
  });
}
