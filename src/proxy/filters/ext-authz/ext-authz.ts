// envoy.filters.http.ext_authz: another service says whether a request may go on, and what is to be changed about it.
// While it is asked the request waits, its body held within a bound.

import { AccessMetadata } from '../../../policy/index.ts';
import type { ResponseHead } from '../../../wire/index.ts';
import type { ExtAuthzConfig, ListenerFilterConfig } from '../../config/filter-types.ts';
import type { Answerer, Authorizer, Denial, RequestState } from '../../exchange/index.ts';
import { type FilterSample, responseFlags } from '../../stats/index.ts';
import { denial, drawn, type HttpFilter, saidTo } from '../filter.ts';
import { Check, type CheckOwner, type Outcome } from './check.ts';
import { GrpcAuthzService } from './grpc-service.ts';
import { HttpAuthzService } from './http-service.ts';
import { applyToResponse, MutationJudge } from './mutations.ts';
import type { AuthzService } from './verdict.ts';

export class ExtAuthzFilter implements HttpFilter, Authorizer, Answerer, CheckOwner {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  readonly config: ExtAuthzConfig;
  readonly service: AuthzService;
  readonly judge: MutationJudge | null;
  private readonly counts = {
    ok: 0,
    denied: 0,
    error: 0,
    disabled: 0,
    failure_mode_allowed: 0,
    invalid: 0,
    ignored_dynamic_metadata: 0,
  };
  /** By the name of the cluster that a request would have gone to. */
  private readonly charged = new Map<string, { ok: number; denied: number; error: number }>();
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  private readonly enabledBy: AccessMetadata | null;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
    const config = filter.config as ExtAuthzConfig;
    this.config = config;
    this.enabledBy = config.enabledBy === null ? null : new AccessMetadata(config.enabledBy);
    this.judge = config.mutationRules === null ? null : new MutationJudge(config.mutationRules);
    const { service } = config;
    this.service =
      service.kind === 'http' ? new HttpAuthzService(config, service) : new GrpcAuthzService(config, service);
  }

  *samples(): Iterable<FilterSample> {
    const { statPrefix } = this.config;
    const labels = statPrefix === '' ? {} : { envoy_ext_authz_prefix: statPrefix };
    for (const [name, value] of Object.entries(this.counts))
      yield { name: `http_ext_authz_${name}`, value, labels };
    for (const [cluster, counts] of this.charged)
      for (const [name, value] of Object.entries(counts))
        yield {
          name: `cluster_ext_authz_${name}`,
          value,
          labels: { ...labels, envoy_cluster_name: cluster },
        };
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    const check = request.slots[this.position];
    if (check instanceof Check) return check.goOn();
    const said = saidTo(request, this.filter);
    if (said?.kind === 'disabled' || (said === null && this.filter.disabled)) return 'allow';
    const { body, deniesUnchecked, enabledShare } = this.config;
    const enabled = this.enabledBy === null || this.enabledBy.matches((name) => request.metadata?.get(name));
    if (!enabled || !drawn(enabledShare, request)) {
      this.counts.disabled += 1;
      return deniesUnchecked ? this.errorDenial() : 'allow';
    }
    const override = said?.kind === 'ext-authz-override' ? said : null;
    const shown = override?.body === undefined ? body : override.body;
    const begun = new Check(this, request, shown, override?.extensions ?? {});
    request.slots[this.position] = begun;
    return begun.goOn();
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    const check = request.slots[this.position];
    if (check instanceof Check) applyToResponse(head, check.response);
    return null;
  }

  errorDenial(): Denial {
    return denial(this.config.errorStatus, '', 'ext_authz_error', responseFlags.denied);
  }

  count(request: RequestState, outcome: Outcome): void {
    this.counts[outcome] += 1;
    const cluster = request.weighted?.cluster;
    const charges = outcome === 'ok' || outcome === 'denied' || outcome === 'error';
    if (!charges || cluster === undefined || !this.config.chargesCluster) return;
    let counts = this.charged.get(cluster);
    if (counts === undefined) {
      counts = { ok: 0, denied: 0, error: 0 };
      this.charged.set(cluster, counts);
    }
    counts[outcome] += 1;
  }
}
