// A request of the proxy's own to one of its clusters: a check that a filter asks for, keys that it fetches. It goes
// the way of every request, through the cluster's limits, balancer, pools and books, once; its answer is kept as a
// whole, up to a bound.

import { type Clock, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { ClientStream, Head, RequestHead, ResponseHead } from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';
import type { Cluster, Endpoint, UpstreamConnection } from '../upstream/index.ts';
import { Attempt, type AttemptOwner, statusClass } from './attempt.ts';
import type { ExchangeContext } from './context.ts';

export interface CallOptions {
  readonly cluster: string;
  readonly head: RequestHead;
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly owner: CallOwner;
  /** HTTP/2 where the cluster speaks what its clients do. */
  readonly multiplexed?: boolean;
}

export interface CallOwner {
  /** `body` is the owner's. */
  onCallAnswered(head: ResponseHead, body: Uint8Array, trailers: Head | null): void;
  /** No answer, no whole one, or one that is too long. */
  onCallFailed(error: MeshError): void;
}

export class ClusterCall implements AttemptOwner, TimerHandler {
  readonly clock: Clock;
  readonly inbound = false;
  readonly upgrade = '';
  /** For balancers. */
  readonly tried: Endpoint[] = [];
  readonly hash = null;
  nowMs: number;
  private readonly context: ExchangeContext;
  private readonly options: CallOptions;
  private readonly timer = new Timer(this, 0);
  private readonly attempt = new Attempt(this);
  /** Set while its books are open. */
  private cluster: Cluster | null = null;
  private answer: ResponseHead | null = null;
  private readonly pieces: Uint8Array[] = [];
  private length = 0;
  private over = false;
  /** {@link start} has returned: what is told now is told later. */
  started = false;

  constructor(context: ExchangeContext, options: CallOptions) {
    this.context = context;
    this.options = options;
    this.clock = context.clock;
    this.nowMs = context.clock.now();
  }

  /** The owner may hear of the outcome before this returns. */
  start(): void {
    this.begin();
    this.started = true;
  }

  private begin(): void {
    const { cluster: name, timeoutMs } = this.options;
    const cluster = this.context.clusters.get(name);
    if (cluster === undefined) {
      this.fail('no-cluster', `no such cluster: ${name}`);
      return;
    }
    cluster.stats.requests += 1;
    if (!cluster.breaker.tryRequest()) {
      cluster.stats.requestOverflow += 1;
      this.fail('overflow', 'the cluster has as many requests as it may');
      return;
    }
    cluster.stats.active += 1;
    this.cluster = cluster;
    if (timeoutMs > 0) this.clock.arm(this.timer, timeoutMs);
    const endpoint = cluster.pick(this);
    if (endpoint === null) {
      cluster.stats.noEndpoint += 1;
      this.fail('no-endpoint', 'no healthy endpoint');
      return;
    }
    this.tried.push(endpoint);
    if (!this.attempt.begin(cluster, endpoint, this.poolOf(endpoint), false, this.nowMs))
      this.fail('overflow', 'too many wait for a connection');
  }

  private poolOf(endpoint: Endpoint): ReturnType<Endpoint['poolFor']> {
    const { head, multiplexed } = this.options;
    return endpoint.poolFor(multiplexed === true ? 2 : 1, false, null, head);
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    if (this.over) return;
    this.attempt.cancel(this.clock.now());
    this.settle(0);
  }

  /** It comes from nowhere that could be where it goes. */
  destination(): null {
    return null;
  }

  criteria(): null {
    return null;
  }

  notes(): null {
    return null;
  }

  sendRequest(connection: UpstreamConnection, attempt: Attempt): ClientStream {
    const { body, head } = this.options;
    const stream = connection.start(head, body.length === 0, attempt);
    if (body.length === 0) return stream;
    stream.sendBody(body, 0, body.length);
    stream.sendEnd(null);
    return stream;
  }

  onAttemptInformational(): void {}

  onAttemptHead(_attempt: Attempt, head: ResponseHead, endStream: boolean): void {
    this.answer = head;
    this.cluster?.stats.upstreamAnswers.count(head.status);
    if (endStream) this.finish(null);
  }

  onAttemptBody(attempt: Attempt, bytes: Uint8Array, start: number, end: number): void {
    if (this.over) return;
    this.length += end - start;
    if (this.length > proxyLimits.callAnswerBytesMax) {
      attempt.cancel(this.clock.now());
      this.fail('too-large', `an answer of more than ${proxyLimits.callAnswerBytesMax} bytes`);
    } else this.pieces.push(bytes.slice(start, end));
  }

  onAttemptEnd(_attempt: Attempt, trailers: Head | null): void {
    this.finish(trailers);
  }

  onAttemptFailed(_attempt: Attempt, error: MeshError): void {
    this.settle(0);
    this.options.owner.onCallFailed(error);
  }

  onAttemptWritable(): void {}

  onTimer(_kind: number, nowMs: number): void {
    if (this.over) return;
    const error = new MeshError('request-timeout', 'upstream', 'no', 'no answer in time');
    if (this.cluster !== null) this.cluster.stats.requestTimeouts += 1;
    this.attempt.timeOut(error, nowMs);
    this.settle(0);
    this.options.owner.onCallFailed(error);
  }

  private finish(trailers: Head | null): void {
    const head = this.answer;
    if (head === null || this.over) return;
    this.settle(head.status);
    this.options.owner.onCallAnswered(head, Buffer.concat(this.pieces), trailers);
  }

  private fail(code: MeshError['code'], message: string): void {
    this.settle(0);
    this.options.owner.onCallFailed(new MeshError(code, 'upstream', 'no', message));
  }

  private settle(status: number): void {
    if (this.over) return;
    this.over = true;
    this.clock.cancel(this.timer);
    const { cluster } = this;
    if (cluster === null) return;
    cluster.breaker.releaseRequest();
    cluster.stats.active -= 1;
    cluster.stats.responses[statusClass(status)]! += 1;
    cluster.stats.bytesReceived += this.length;
  }
}
