// Routes as a gRPC client without a proxy reads them (gRFC A28, A31, A44). Clients refuse a whole table for one route
// whose match or action they do not know, and they pass over what they cannot ask of a call; both are decided here, so
// that every client decides alike: what no call can match is left out, what cannot forward fails.

import { create } from '@bufbuild/protobuf';
import {
  type HeaderMatcher,
  type RetryPolicy,
  type Route,
  type RouteAction,
  RouteAction_MaxStreamDurationSchema,
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
  WeightedClusterSchema,
} from '../../xds/api.ts';
import { weftMetadataKey } from '../../xds/index.ts';
import { durationMs } from '../schema/values.ts';
import { hashChannel } from './affinity.ts';
import type { RouteBehaviour } from './effective.ts';
import { durationOf } from './messages.ts';
import { unresolvedCluster } from './route.ts';

/** The host of whatever it is asked for by. */
export function compileGrpcHost({ name, routes }: VirtualHost): VirtualHost {
  return create(VirtualHostSchema, { name, domains: ['*'], routes: routes.flatMap(compileGrpcRoute) });
}

function compileGrpcRoute(route: Route): readonly Route[] {
  const { match, name } = route;
  // A call has no query; every call is a POST.
  if (match === undefined || match.queryParameters.length > 0) return [];
  const headers = match.headers.filter((one) => !isPost(one));
  if (headers.some((one) => one.name === ':method')) return [];
  const action = { case: 'route' as const, value: compileGrpcAction(route) };
  return splitPath(match.pathSpecifier).map((pathSpecifier) =>
    create(RouteSchema, { name, match: create(RouteMatchSchema, { pathSpecifier, headers }), action }),
  );
}

function isPost({ name, headerMatchSpecifier: specifier }: HeaderMatcher): boolean {
  if (name !== ':method' || specifier.case !== 'stringMatch') return false;
  const { matchPattern } = specifier.value;
  return matchPattern.case === 'exact' && matchPattern.value === 'POST';
}

type PathSpecifier = NonNullable<Route['match']>['pathSpecifier'];

/** `path_separated_prefix` is refused by clients: it is the path itself, and the prefix with a slash behind it. */
function splitPath(path: PathSpecifier): readonly PathSpecifier[] {
  if (path.case !== 'pathSeparatedPrefix') return [path];
  return [
    { case: 'path', value: path.value },
    { case: 'prefix', value: `${path.value}/` },
  ];
}

/**
 * A redirect or an answer of the route's own is none that a client could carry out: it has nowhere to go, which is
 * UNAVAILABLE. (grpc-js refuses any other action, and ends itself over `non_forwarding_action`.)
 */
function compileGrpcAction({ action, metadata }: Route): RouteAction {
  if (action.case !== 'route')
    return create(RouteActionSchema, { clusterSpecifier: { case: 'cluster', value: unresolvedCluster } });
  const { clusterSpecifier, hashPolicy, retryPolicy } = action.value;
  const said = metadata?.filterMetadata[weftMetadataKey] as Partial<RouteBehaviour> | undefined;
  const timeout = said?.timeouts?.grpcRequest ?? said?.timeouts?.request;
  const timeoutMs = timeout === undefined ? 0 : durationMs(timeout);
  return create(RouteActionSchema, {
    clusterSpecifier: withNamesAlone(clusterSpecifier),
    hashPolicy: hashPolicy.length === 0 ? [] : [hashChannel()],
    ...(isRepeatable(retryPolicy) ? { retryPolicy } : {}),
    ...(timeoutMs === 0
      ? {}
      : {
          maxStreamDuration: create(RouteAction_MaxStreamDurationSchema, {
            maxStreamDuration: durationOf(timeoutMs),
          }),
        }),
  });
}

/** A name that is there twice would count once in some clients: its weights are one. */
function withNamesAlone(specifier: RouteAction['clusterSpecifier']): RouteAction['clusterSpecifier'] {
  if (specifier.case !== 'weightedClusters') return specifier;
  const weights = new Map<string, number>();
  for (const { name, weight = 0 } of specifier.value.clusters)
    weights.set(name, (weights.get(name) ?? 0) + weight);
  const clusters = [...weights].map(([name, weight]) => ({ name, weight }));
  return { case: 'weightedClusters', value: create(WeightedClusterSchema, { clusters }) };
}

/**
 * Clients repeat every call whose status is named, whatever the policy says of methods: only where a POST may be
 * repeated is that what was meant. Calls that no server saw they repeat anyway. None at all is refused by clients.
 */
function isRepeatable(policy: RetryPolicy | undefined): boolean {
  return policy !== undefined && (policy.numRetries ?? 1) > 0 && policy.retriableRequestHeaders.some(isPost);
}
