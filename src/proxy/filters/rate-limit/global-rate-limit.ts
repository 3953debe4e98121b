// envoy.filters.http.ratelimit: a service counts requests, of all proxies together, and says which are too many.

import type { ResponseHead } from '../../../wire/index.ts';
import type {
  GlobalRateLimitConfig,
  GlobalRateLimitOverride,
  ListenerFilterConfig,
} from '../../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  applyEdits,
  type Denial,
  GrpcCall,
  type GrpcCallOwner,
  type RequestState,
  type Waiter,
} from '../../exchange/index.ts';
import { type FilterSample, responseFlags } from '../../stats/index.ts';
import { isSendable } from '../field-lines.ts';
import { denial, drawn, type HttpFilter, saidTo, say } from '../filter.ts';
import { type Descriptor, describeRequest } from './descriptors.ts';
import { encodeQuestion, type LimitAnswer, type LimitStatus, parseAnswer } from './messages.ts';

const method = 'envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
const details = 'request_rate_limited';

type Outcome = 'ok' | 'over_limit' | 'error' | 'failure_mode_allowed';

export class GlobalRateLimitFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  readonly config: GlobalRateLimitConfig;
  private readonly filter: ListenerFilterConfig;
  private readonly position: number;
  /** By the cluster that a request would have gone to. */
  private readonly counts = new Map<string, Record<Outcome, number>>();

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
    this.config = filter.config as GlobalRateLimitConfig;
  }

  *samples(): Iterable<FilterSample> {
    const { statPrefix } = this.config;
    const scope = statPrefix === '' ? 'ratelimit' : `ratelimit_${statPrefix}`;
    for (const [cluster, counts] of this.counts)
      for (const [name, value] of Object.entries(counts))
        yield { name: `cluster_${scope}_${name}`, value, labels: { envoy_cluster_name: cluster } };
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    const asked = request.slots[this.position];
    if (asked instanceof Count) return asked.goOn();
    const said = saidTo(request, this.filter);
    if (said?.kind === 'disabled' || (said === null && this.filter.disabled)) return 'allow';
    const override = said?.kind === 'rate-limit-override' ? said : null;
    const descriptors = this.describe(request, override);
    if (descriptors.length === 0) return 'allow';
    const count = new Count(this, request);
    request.slots[this.position] = count;
    count.ask(override?.domain || this.config.domain, descriptors);
    return count.goOn();
  }

  onAnswer(request: RequestState, head: ResponseHead): null {
    const count = request.slots[this.position];
    if (count instanceof Count) count.onAnswer(head);
    return null;
  }

  count(request: RequestState, outcome: Outcome): void {
    const cluster = request.weighted?.cluster ?? '';
    let counts = this.counts.get(cluster);
    if (counts === undefined) {
      counts = { ok: 0, over_limit: 0, error: 0, failure_mode_allowed: 0 };
      this.counts.set(cluster, counts);
    }
    counts[outcome] += 1;
  }

  /** Envoy counts nothing of a request whose cluster it does not know. */
  private describe(request: RequestState, override: GlobalRateLimitOverride | null): readonly Descriptor[] {
    const { concerns, enabledShare, rules, stage } = this.config;
    if (!drawn(enabledShare, request)) return [];
    const internal = request.head.getName('x-envoy-internal') === 'true';
    if ((concerns === 'internal' && !internal) || (concerns === 'external' && internal)) return [];
    const cluster = request.weighted?.cluster;
    if (cluster === undefined || request.context.clusters.get(cluster) === undefined) return [];
    return describeRequest(request, stage, override?.hostRules ?? 'override', rules);
  }
}

/** One request's question: asking -> done. */
class Count implements GrpcCallOwner, Waiter {
  private state: 'asking' | 'done' = 'asking';
  private outcome: 'allow' | Denial = 'allow';
  private answer: LimitAnswer | null = null;
  private limited = false;
  private call: GrpcCall | null = null;
  private readonly filter: GlobalRateLimitFilter;
  private readonly request: RequestState;

  constructor(filter: GlobalRateLimitFilter, request: RequestState) {
    this.filter = filter;
    this.request = request;
  }

  ask(domain: string, descriptors: readonly Descriptor[]): void {
    const { filter, request } = this;
    const question = encodeQuestion(domain, descriptors);
    this.call = new GrpcCall(request.context, filter.config.target, method, question, this);
    this.call.start();
  }

  goOn(): 'allow' | 'wait' | Denial {
    if (this.state === 'done') return this.outcome;
    this.request.waiter = this;
    return 'wait';
  }

  onAbandoned(): void {
    this.state = 'done';
    this.call?.cancel();
  }

  onGrpcAnswered(message: Uint8Array): void {
    const answer = parseAnswer(message);
    if (answer === null) this.fail();
    else this.take(answer);
    this.finish();
  }

  onGrpcFailed(): void {
    this.fail();
    this.finish();
  }

  onAnswer(head: ResponseHead): void {
    const { answer, filter, limited, outcome, request } = this;
    const { responseEdits, tellsLimited, tellsLimits } = filter.config;
    if (answer !== null) {
      for (const field of answer.responseFields) if (isSendable(field)) head.add(field[0], field[1]);
      if (tellsLimits) tellLimits(head, answer.statuses);
    }
    if (!limited) return;
    if (tellsLimited) head.add('x-envoy-ratelimited', 'true');
    if (responseEdits !== null && outcome !== 'allow') applyEdits(head, responseEdits, request);
  }

  private take(answer: LimitAnswer): void {
    const { filter, request } = this;
    const { enforcedShare, grpcStatus, status } = filter.config;
    this.answer = answer;
    filter.count(request, answer.overLimit ? 'over_limit' : 'ok');
    if (answer.notes !== null) say(request, 'envoy.filters.http.ratelimit', answer.notes);
    this.limited = answer.overLimit;
    if (answer.overLimit && drawn(enforcedShare, request)) {
      const refusal = denial(status, answer.body, details, responseFlags.rateLimited);
      this.outcome = grpcStatus === null ? refusal : { ...refusal, grpcStatus };
    } else {
      for (const field of answer.requestFields) if (isSendable(field)) request.head.add(field[0], field[1]);
    }
  }

  private fail(): void {
    const { filter, request } = this;
    const { errorStatus, failureDeniedShare } = filter.config;
    filter.count(request, 'error');
    if (drawn(failureDeniedShare, request))
      this.outcome = denial(errorStatus, '', 'rate_limiter_error', responseFlags.rateLimitError);
    else filter.count(request, 'failure_mode_allowed');
  }

  private finish(): void {
    const { call, request } = this;
    const waited = this.state === 'asking' && request.state === 'authorizing' && request.waiter === this;
    this.state = 'done';
    if (request.waiter === this) request.waiter = null;
    // The outcome came later than the question, so somebody has to be told.
    if (waited && call?.started === true) request.machine.proceed();
  }
}

/** Seconds of each RateLimitUnit. */
const windows: readonly number[] = [0, 1, 60, 3_600, 86_400, 2_592_000, 31_536_000];

/** draft-ietf-httpapi-ratelimit-headers-03: the limit that is nearest, and all of them as policies. */
function tellLimits(head: ResponseHead, statuses: readonly LimitStatus[]): void {
  const [first, ...rest] = statuses;
  if (first === undefined) return;
  const nearest = rest.reduce((least, each) => (each.remaining < least.remaining ? each : least), first);
  const policies = statuses.map(({ name, requests, unit }) => {
    const window = windows[unit] ?? 0;
    return window === 0 ? '' : `, ${requests};w=${window}${name === '' ? '' : `;name="${name}"`}`;
  });
  const limit = `${nearest.requests}${policies.join('')}`;
  head.add('x-ratelimit-limit', isSendable(['x-ratelimit-limit', limit]) ? limit : `${nearest.requests}`);
  head.add('x-ratelimit-remaining', `${nearest.remaining}`);
  head.add('x-ratelimit-reset', `${nearest.resetSeconds}`);
}
