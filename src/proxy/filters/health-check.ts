// envoy.filters.http.health_check without pass-through: answers the checks of a load balancer itself, 503 while health
// is made to fail.

import { type CompiledHeader, compileHeaders, matchesHeaders } from '../../policy/index.ts';
import type { ListenerFilterConfig } from '../config/filter-types.ts';
import type { Authorizer, Denial, RequestState } from '../exchange/index.ts';
import { responseFlags } from '../stats/index.ts';
import { denial, type HttpFilter } from './filter.ts';

const healthy = denial(200, '', 'health_check_ok');
const failing = denial(503, '', 'health_check_failed', responseFlags.healthFailed);

export class HealthCheckFilter implements HttpFilter, Authorizer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  readonly counts = { ok: 0, failed: 0 };
  private readonly disabled: boolean;
  private readonly headers: readonly CompiledHeader[];

  constructor(filter: ListenerFilterConfig) {
    this.name = filter.name;
    this.disabled = filter.disabled;
    this.headers = filter.config.kind === 'health-check' ? compileHeaders(filter.config.headers) : [];
  }

  authorize(request: RequestState): 'allow' | Denial {
    if (this.disabled || !matchesHeaders(this.headers, request.head)) return 'allow';
    if (request.context.health.failed) {
      this.counts.failed += 1;
      return failing;
    }
    this.counts.ok += 1;
    return healthy;
  }
}
