// envoy.filters.http.health_check: answers the checks of a load balancer, itself or out of the application's last
// answer, and 503 while health is made to fail.

import { type CompiledHeader, compileHeaders, matchesHeaders } from '../../policy/index.ts';
import type { ResponseHead } from '../../wire/index.ts';
import type { HealthCheckConfig, ListenerFilterConfig } from '../config/filter-types.ts';
import type { Answerer, Authorizer, Denial, RequestState } from '../exchange/index.ts';
import { responseFlags } from '../stats/index.ts';
import { denial, type HttpFilter } from './filter.ts';

const clusterField = 'x-envoy-upstream-healthchecked-cluster';
const failing = denial(503, '', 'health_check_failed', responseFlags.healthFailed);
const clusterDown = denial(503, '', 'health_check_failed_cluster_unhealthy', responseFlags.healthFailed);

export class HealthCheckFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly position: number;
  private readonly disabled: boolean;
  private readonly config: HealthCheckConfig;
  private readonly headers: readonly CompiledHeader[];
  /** The application's last answer to a check, until when it holds; 0: there is none. */
  private cached = { status: 0, untilMs: 0 };

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.position = position;
    this.disabled = filter.disabled;
    this.config = filter.config as HealthCheckConfig;
    this.headers = compileHeaders(this.config.headers);
  }

  samples() {
    return [];
  }

  authorize(request: RequestState): 'allow' | Denial {
    if (this.disabled || !matchesHeaders(this.headers, request.head)) return 'allow';
    request.slots[this.position] = true;
    if (request.context.health.failed) return failing;
    if (!this.config.passThrough) return this.clustersFault(request) ?? denial(200, '', 'health_check_ok');
    const { status, untilMs } = this.cached;
    if (status === 0 || request.startedMs >= untilMs) return 'allow';
    return denial(status, '', 'health_check_cached');
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    if (request.slots[this.position] !== true) return null;
    const { cacheMs, passThrough } = this.config;
    if (passThrough && cacheMs > 0 && request.endpoint !== null)
      this.cached = { status: head.status, untilMs: request.context.clock.now() + cacheMs };
    head.removeName(clusterField);
    head.add(clusterField, request.context.serviceCluster);
    return null;
  }

  /** A cluster with too few endpoints that may be chosen makes the whole of this proxy unfit. */
  private clustersFault(request: RequestState): Denial | null {
    for (const { cluster: name, percent } of this.config.minHealthy) {
      const cluster = request.context.clusters.get(name);
      if (cluster === undefined) return clusterDown;
      const total = cluster.endpoints.length;
      if (total === 0 ? percent > 0 : cluster.candidateCount * 100 < percent * total) return clusterDown;
      if (cluster.panicking && percent > 0) return clusterDown;
    }
    return null;
  }
}
