// envoy.filters.http.fault: a share of requests is delayed, answered instead of their endpoint, or answered slowly.

import {
  ByteLimit,
  byteBucket,
  compileHeaders,
  type Gauge,
  matchesHeaders,
  TokenBucket,
} from '../../policy/index.ts';
import type { FaultConfig, ListenerFilterConfig } from '../config/filter-types.ts';
import {
  type Authorizer,
  type Denial,
  type PaceLimit,
  paceResponse,
  type RequestState,
  type Waiter,
} from '../exchange/index.ts';
import { type FilterSample, responseFlags } from '../stats/index.ts';
import { configFor, countSamples, denial, drawn, type HttpFilter, say } from './filter.ts';

/** A caller may ask for no longer delay than this. */
const askedDelayMsMax = 3_600_000;

export class FaultFilter implements HttpFilter, Authorizer, Waiter {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = null;
  private readonly counts = {
    aborts_injected: 0,
    delays_injected: 0,
    faults_overflow: 0,
    response_rl_injected: 0,
  };
  private readonly filter: ListenerFilterConfig;
  private readonly matchers = new WeakMap<FaultConfig, ReturnType<typeof compileHeaders>>();
  /** In this thread; `limit` counts those of all. */
  private active = 0;
  private limit: Gauge | null = null;
  private readonly position: number;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.position = position;
  }

  *samples(): Iterable<FilterSample> {
    yield* countSamples('fault', this.counts);
    yield { name: 'http_fault_active_faults', value: this.active, type: 'gauge' };
  }

  authorize(request: RequestState): 'allow' | 'wait' | Denial {
    const config = configFor(request, this.filter, 'fault');
    if (request.waiter === this) {
      request.waiter = null;
      this.endDelay(request);
    } else {
      if (config === null || !this.concerns(request, config)) return 'allow';
      if (this.running(request) >= config.activeMax) {
        this.counts.faults_overflow += 1;
        return 'allow';
      }
      const rate = rateOf(request, config);
      if (rate > 0) this.slow(request, config, rate);
      const delayMs = delayOf(request, config);
      if (delayMs > 0) {
        this.note(request, config);
        return this.delay(request, delayMs);
      }
    }
    const refusal = config === null ? null : abortOf(request, config);
    if (refusal === null) return 'allow';
    if (config !== null) this.note(request, config);
    this.counts.aborts_injected += 1;
    return refusal;
  }

  onAbandoned(request: RequestState): void {
    this.endDelay(request);
  }

  private note(request: RequestState, { notes }: FaultConfig): void {
    if (notes !== undefined) say(request, this.name, notes);
  }

  /** A fault that lasts until its answer is over. */
  private slow(request: RequestState, config: FaultConfig, kibibytes: number): void {
    const rate = { bytesPerSecond: kibibytes * 1024, intervalMs: config.responseRate!.intervalMs };
    const nowMs = request.context.clock.now();
    const bytes = new ByteLimit(rate, new TokenBucket(byteBucket(rate, 'an interval'), nowMs));
    if (!paceResponse(request, new FaultLimit(bytes, () => this.end()))) return;
    this.note(request, config);
    this.counts.response_rl_injected += 1;
    request.slots[this.position] = 'slow';
    this.begin();
  }

  private begin(): void {
    this.active += 1;
    this.limit?.add(1);
  }

  private endDelay(request: RequestState): void {
    if (request.slots[this.position] !== 'slow') this.end();
  }

  private end(): void {
    this.active -= 1;
    this.limit?.add(-1);
  }

  /** Faults that run in the whole proxy. */
  private running({ context, listener }: RequestState): number {
    this.limit ??= context.counters.createGauge(`fault ${listener.config.name} ${this.position}`);
    return this.limit.value;
  }

  private delay(request: RequestState, delayMs: number): 'wait' {
    const nowMs = request.context.clock.now();
    this.counts.delays_injected += 1;
    // Faults of one request count once.
    if (request.slots[this.position] !== 'slow') this.begin();
    request.waiter = this;
    if (request.flags === responseFlags.none) request.flags = responseFlags.faultDelay;
    request.deadlines.backoffMs = nowMs + delayMs;
    request.deadlines.arm(nowMs);
    return 'wait';
  }

  private concerns(request: RequestState, config: FaultConfig): boolean {
    if (config.cluster !== '' && request.weighted?.cluster !== config.cluster) return false;
    const { nodes } = config;
    if (nodes.length > 0 && !nodes.includes(request.head.getName('x-envoy-downstream-service-node') ?? ''))
      return false;
    if (config.headers.length === 0) return true;
    let matchers = this.matchers.get(config);
    if (matchers === undefined) {
      matchers = compileHeaders(config.headers);
      this.matchers.set(config, matchers);
    }
    return matchesHeaders(matchers, request.head);
  }
}

class FaultLimit implements PaceLimit {
  readonly bytes: ByteLimit;
  readonly onOver: () => void;

  constructor(bytes: ByteLimit, onOver: () => void) {
    this.bytes = bytes;
    this.onOver = onOver;
  }

  onIncoming(): void {}

  onAllowed(): void {}
}

/** KiB a second; 0: as the answer comes. */
function rateOf(request: RequestState, { responseRate }: FaultConfig): number {
  if (responseRate === undefined) return 0;
  const { kibibytes, share } = responseRate;
  const header = 'x-envoy-fault-throughput-response';
  const asked = kibibytes ?? askedNumber(request, header) ?? 0;
  const drawnShare = kibibytes === null ? askedShare(request, header, share) : share;
  return asked > 0 && drawn(drawnShare, request) ? asked : 0;
}

function delayOf(request: RequestState, { delay }: FaultConfig): number {
  if (delay === null) return 0;
  const { fixedMs } = delay;
  const header = 'x-envoy-fault-delay-request';
  const askedMs = fixedMs ?? Math.min(askedNumber(request, header) ?? 0, askedDelayMsMax);
  const share = fixedMs === null ? askedShare(request, header, delay.share) : delay.share;
  return askedMs > 0 && drawn(share, request) ? askedMs : 0;
}

/** null: it is not aborted. */
function abortOf(request: RequestState, { abort }: FaultConfig): Denial | null {
  if (abort === null) return null;
  const header = 'x-envoy-fault-abort-request';
  const asked = abort.status ?? askedNumber(request, header);
  const askedGrpc = askedNumber(request, 'x-envoy-fault-abort-grpc-request');
  const status = asked ?? (askedGrpc === null ? 0 : 200);
  const grpcStatus = abort.status === null && asked === null ? askedGrpc : abort.grpcStatus;
  if (status < 200 || status > 599) return null;
  const share = abort.status === null ? askedShare(request, header, abort.share) : abort.share;
  if (!drawn(share, request)) return null;
  const refusal = denial(status, 'fault filter abort', 'fault_filter_abort', responseFlags.faultAbort);
  return grpcStatus === null ? refusal : { ...refusal, grpcStatus };
}

/** The configured share bounds what a caller may ask for. */
function askedShare(request: RequestState, header: string, share: number): number {
  const asked = askedNumber(request, `${header}-percentage`);
  return asked === null ? share : Math.min(share, asked / 100);
}

function askedNumber(request: RequestState, header: string): number | null {
  const text = request.head.getName(header);
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}
