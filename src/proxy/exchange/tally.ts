// What a request's answers are counted in: its cluster's series, those of the virtual cluster that it belongs to, and
// those of its route's stat_prefix. Matchers are compiled when the first request of a route comes.

import {
  type CompiledHeader,
  compileHeaders,
  matchesHeaders,
  type RouteTally,
  type VirtualCluster,
} from '../../policy/index.ts';
import type { Tallies, Tally } from '../stats/index.ts';
import { isGrpc } from './grpc.ts';
import { clusterOf, type RequestState } from './request-state.ts';

/** Envoy's name of the virtual cluster of what no other one is for. */
const restName = 'other';

const matchers = new WeakMap<VirtualCluster, readonly CompiledHeader[]>();
/** Series by route, for each listener. */
const found = new WeakMap<Tallies, WeakMap<RouteTally, Map<string, readonly Tally[]>>>();

/** Finds its virtual cluster, and opens the books. */
export function openTallies(request: RequestState, tally: RouteTally): void {
  const name = virtualClusterOf(request, tally);
  request.virtualCluster = name;
  request.tallies = seriesOf(request.listener.tallies, tally, name);
}

/** '': its virtual host has none. */
function virtualClusterOf({ head }: RequestState, { virtualClusters }: RouteTally): string {
  if (virtualClusters.length === 0) return '';
  for (const one of virtualClusters) {
    let headers = matchers.get(one);
    if (headers === undefined) {
      headers = compileHeaders(one.headers);
      matchers.set(one, headers);
    }
    if (matchesHeaders(headers, head)) return one.name;
  }
  return restName;
}

function seriesOf(tallies: Tallies, tally: RouteTally, name: string): readonly Tally[] {
  let routes = found.get(tallies);
  if (routes === undefined) {
    routes = new WeakMap();
    found.set(tallies, routes);
  }
  let byName = routes.get(tally);
  if (byName === undefined) {
    byName = new Map();
    routes.set(tally, byName);
  }
  let series = byName.get(name);
  if (series === undefined) {
    const { route, virtualHost } = tally;
    series = [
      ...(name === '' ? [] : [tallies.find('vcluster', virtualHost, name)]),
      ...(route === '' ? [] : [tallies.find('route', virtualHost, route)]),
    ];
    byName.set(name, series);
  }
  return series;
}

/** 0: it is not to be told (Envoy's suppress_grpc_request_failure_code_stats). */
export function codeToTell({ head, listener }: RequestState, status: number): number {
  return listener.http.router.hidesGrpcCodes && isGrpc(head) ? 0 : status;
}

/** An endpoint's, or one in its place. */
export function countAnswer(request: RequestState, status: number, cluster = clusterOf(request)): void {
  const told = codeToTell(request, status);
  cluster.stats.upstreamAnswers.count(told);
  if (request.tallies !== null) for (const { answers } of request.tallies) answers.count(told);
}
