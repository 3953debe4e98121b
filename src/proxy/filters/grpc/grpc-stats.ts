// envoy.filters.http.grpc_stats: calls of gRPC by method: how they ended, and how many messages went either way.

import { type FilterState, Histogram, latencyBoundsSeconds } from '../../../observe/index.ts';
import type { Head, ResponseHead } from '../../../wire/index.ts';
import type { GrpcStatsConfig, ListenerFilterConfig } from '../../config/filter-types.ts';
import {
  type Answerer,
  type Authorizer,
  type BodyTransform,
  grpcStatusOf,
  grpcUnsaid,
  isGrpc,
  type RequestState,
} from '../../exchange/index.ts';
import type { FilterSample } from '../../stats/index.ts';
import { configFor, type HttpFilter } from '../filter.ts';
import { MessageCounter } from './message-counter.ts';

/** Methods with series of their own; names are the callers' to choose, so that there has to be an end. */
const methodsMax = 1000;
const statusMax = 16;

/** Of one method in one cluster. */
class MethodStats {
  readonly statuses = new Array<number>(statusMax + 1).fill(0);
  success = 0;
  failure = 0;
  requestMessages = 0;
  responseMessages = 0;
  /** Null: not asked for, or none has answered. */
  upstreamTimes: Histogram | null = null;
  readonly labels: Readonly<Record<string, string>>;

  constructor(labels: Readonly<Record<string, string>>) {
    this.labels = labels;
  }

  settle(status: number): void {
    if (status <= statusMax) this.statuses[status]! += 1;
    if (status === 0) this.success += 1;
    else this.failure += 1;
  }

  /** From the last of the request to the last of the answer, where an endpoint gave it. */
  time(request: RequestState): void {
    const { requestEndedMs, forwardedMs, answeredMs } = request;
    if (requestEndedMs < 0 || forwardedMs < 0 || answeredMs < 0) return;
    this.upstreamTimes ??= new Histogram(latencyBoundsSeconds);
    this.upstreamTimes.record((request.context.clock.now() - Math.max(requestEndedMs, forwardedMs)) / 1000);
  }
}

/** Under this name its filter state is asked for. */
const stateName = 'envoy.filters.http.grpc_stats';

/** One call, until its books are closed. */
class Call implements FilterState {
  readonly requests = new MessageCounter();
  readonly responses = new MessageCounter();

  plain(): string | null {
    return this.begun ? `${this.requests.messages},${this.responses.messages}` : null;
  }

  /** envoy.extensions.filters.http.grpc_stats.v3.FilterObject; JSON leaves zeros out. */
  fields(): Readonly<Record<string, string>> | null {
    if (!this.begun) return null;
    const fields: Record<string, string> = {};
    const [requests, responses] = [this.requests.messages, this.responses.messages];
    if (requests > 0) fields['request_message_count'] = `${requests}`;
    if (responses > 0) fields['response_message_count'] = `${responses}`;
    return fields;
  }

  private get begun(): boolean {
    return this.requests.messages + this.responses.messages > 0;
  }
}

export class GrpcStatsFilter implements HttpFilter, Authorizer, Answerer {
  readonly name: string;
  readonly authorizer = this;
  readonly answerer = this;
  private readonly filter: ListenerFilterConfig;
  private readonly config: GrpcStatsConfig;
  private readonly position: number;
  private readonly methods = new Map<string, MethodStats>();
  /** Null: all. */
  private readonly listed: ReadonlyMap<string, ReadonlySet<string>> | null;

  constructor(filter: ListenerFilterConfig, position: number) {
    this.name = filter.name;
    this.filter = filter;
    this.config = filter.config as GrpcStatsConfig;
    this.position = position;
    const { methods } = this.config;
    this.listed =
      methods === 'all' ? null : new Map(methods.map((one) => [one.service, new Set(one.methods)]));
  }

  authorize(request: RequestState): 'allow' {
    if (!isGrpc(request.head) || configFor(request, this.filter, 'grpc-stats') === null) return 'allow';
    const call = new Call();
    request.slots[this.position] = call;
    if (this.config.keepsState) {
      request.filterState ??= new Map();
      request.filterState.set(stateName, call);
    }
    if (!request.requestEnded) request.transformRequest(call.requests);
    return 'allow';
  }

  onAnswer(request: RequestState, head: ResponseHead, endStream: boolean): null {
    const call = request.slots[this.position] as Call | undefined;
    if (call === undefined || request.cluster === null) return null;
    const stats = this.find(request.cluster.config.statName, request.head.path);
    if (endStream) {
      stats.settle(statusOf(head));
      stats.requestMessages += call.requests.messages;
      if (this.config.upstreamTimes) stats.time(request);
    } else {
      const timed = this.config.upstreamTimes ? request : null;
      request.transformResponse(new Closing(stats, call, timed));
    }
    return null;
  }

  *samples(): Iterable<FilterSample> {
    for (const stats of this.methods.values()) {
      const { labels } = stats;
      const sample = (name: string, value: number) => ({ name: `cluster_grpc_${name}`, value, labels });
      yield sample('success', stats.success);
      yield sample('failure', stats.failure);
      yield sample('total', stats.success + stats.failure);
      yield sample('request_message_count', stats.requestMessages);
      yield sample('response_message_count', stats.responseMessages);
      for (const [status, count] of stats.statuses.entries()) if (count > 0) yield sample(`${status}`, count);
      const { upstreamTimes } = stats;
      if (upstreamTimes !== null) yield { ...sample('upstream_rq_time', 0), histogram: upstreamTimes };
    }
  }

  private find(cluster: string, path: string): MethodStats {
    const named = this.named(path);
    const key = named === null ? cluster : `${cluster} ${named.service}/${named.method}`;
    const known = this.methods.get(key);
    if (known !== undefined) return known;
    if (named !== null && this.methods.size >= methodsMax) return this.find(cluster, '');
    const own =
      named === null
        ? {}
        : { envoy_grpc_bridge_service: named.service, envoy_grpc_bridge_method: named.method };
    const stats = new MethodStats({ envoy_cluster_name: cluster, ...own });
    this.methods.set(key, stats);
    return stats;
  }

  /** Null: a method without series of its own. */
  private named(path: string): { service: string; method: string } | null {
    const match = /^\/([^/?]+)\/([^/?]+)$/.exec(path);
    const { replacesDots } = this.config;
    if (match === null) return null;
    const [, service = '', method = ''] = match;
    if (this.listed !== null) {
      const listed = this.listed.get(service);
      if (listed === undefined || (listed.size > 0 && !listed.has(method))) return null;
    }
    // Of listed methods Envoy leaves the service as it is.
    return { service: replacesDots && this.listed === null ? service.replaceAll('.', '_') : service, method };
  }
}

/** Counts an answer's messages, and at its end how the call went. */
class Closing implements BodyTransform {
  private readonly stats: MethodStats;
  private readonly call: Call;
  /** Whose time is told; null: nobody's. */
  private readonly timed: RequestState | null;

  constructor(stats: MethodStats, call: Call, timed: RequestState | null) {
    this.stats = stats;
    this.call = call;
    this.timed = timed;
  }

  write(bytes: Uint8Array, start: number, end: number): Uint8Array {
    return this.call.responses.write(bytes, start, end);
  }

  end(trailers: Head | null): Uint8Array {
    this.stats.settle(statusOf(trailers));
    if (trailers !== null && this.timed !== null) this.stats.time(this.timed);
    return this.call.responses.end();
  }

  /** Messages passed whatever became of the call. */
  close(): void {
    this.stats.requestMessages += this.call.requests.messages;
    this.stats.responseMessages += this.call.responses.messages;
  }
}

/** Unknown where nothing was said. */
function statusOf(head: Head | null): number {
  const status = grpcStatusOf(head);
  return status === grpcUnsaid ? 2 : status;
}
