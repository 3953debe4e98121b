// One try at one endpoint: waits for a connection, sends the request, receives the answer and keeps the endpoint's
// books. The exchange decides what an outcome means; an attempt knows nothing of retries. Reused by its exchange unless
// it still reads an unwanted answer.

import { assert, type Clock, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Outcome } from '../../policy/index.ts';
import {
  type ClientStream,
  createResponseHead,
  type Head,
  headerId,
  opensTunnel,
  type ResponseHead,
  type ResponseReceiver,
} from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';
import type {
  ClientEnds,
  Cluster,
  ConnectionWaiter,
  Endpoint,
  Pool,
  UpstreamConnection,
  WaitList,
} from '../upstream/index.ts';
import { grpcStatusOf, grpcUnsaid, isGrpc, isGrpcFailure } from './grpc.ts';
import { RawStream } from './raw-stream.ts';
import { parseRefusal, type Refusal } from './refusal.ts';

/**
 * idle -> waiting (for a connection) -> sent (the head) -> answered (a response head came) -> idle.
 * tunnel: answered by agreeing to a tunnel; ends when both of its halves have, or one breaks.
 * discarding: answered, but the exchange went on without it; ends in idle and is not used again.
 */
export type AttemptState = 'idle' | 'waiting' | 'sent' | 'answered' | 'tunnel' | 'discarding';

/** The exchange, as its attempts see it. */
export interface AttemptOwner {
  readonly clock: Clock;
  /** It answers for an application, which could forge what only a proxy may say. */
  readonly inbound: boolean;
  /** What its request asks to become; '' for an ordinary one. */
  readonly upgrade: string;
  /** Phase forward: the attempt has its connection. */
  sendRequest(connection: UpstreamConnection, attempt: Attempt): ClientStream;
  onAttemptInformational(attempt: Attempt, head: ResponseHead): void;
  onAttemptHead(attempt: Attempt, head: ResponseHead, endStream: boolean, nowMs: number): void;
  onAttemptBody(attempt: Attempt, bytes: Uint8Array, start: number, end: number): void;
  onAttemptEnd(attempt: Attempt, trailers: Head | null): void;
  /** `unsent`: nothing of the attempt reached the endpoint. */
  onAttemptFailed(attempt: Attempt, error: MeshError, unsent: boolean, nowMs: number): void;
  onAttemptWritable(): void;
}

export class Attempt implements ResponseReceiver, ConnectionWaiter, TimerHandler {
  state: AttemptState = 'idle';
  /** Set from begin on; the last ones stay readable after the end. */
  cluster: Cluster | null = null;
  endpoint: Endpoint | null = null;
  /** Among those of its request, from 1. */
  number = 1;
  /** Where it waits, or waited. */
  private pool: Pool | null = null;
  connection: UpstreamConnection | null = null;
  stream: ClientStream | null = null;
  /** Clock time of asking for a connection, then of sending. */
  startedMs = 0;
  /** The connection had carried requests before: the peer may have closed it meanwhile. */
  reused = false;
  /** What a trusted proxy in front of the application said of this answer. */
  refusal: Refusal = 'none';
  /** It also said that what failed was tried again below. */
  retriedBelow = false;
  /** The server said that it has not looked at it. */
  refusedStream = false;
  /** Its answer is one of gRPC, and says how the call went in trailers. */
  answersGrpc = false;
  /** It took longer than it may, and another was begun beside it: what becomes of it is tried again no more. */
  hedged = false;
  /**
   * It was a tunnel, or was to be one: its connection may have something to say when the request is over, so that no
   * other request takes it.
   */
  spent = false;
  nextWaiter: ConnectionWaiter | null = null;
  previousWaiter: ConnectionWaiter | null = null;
  waitingIn: WaitList | null = null;
  /** It wants a connection that has carried nothing yet. */
  freshOnly = false;
  /** Its answer's head had a report of the endpoint's load. */
  private reported = false;
  private readonly exchange: AttemptOwner;
  /** Of a CONNECT that ends here. */
  private raw: RawStream | null = null;
  /** The balancer was told of the start and not yet of the end. */
  private measuring = false;
  /** Clock time of the head of an answer whose outcome is not known before its end. */
  private answeredMs = 0;
  private discardedBytes = 0;
  private discardTimer: Timer | null = null;

  constructor(exchange: AttemptOwner) {
    this.exchange = exchange;
  }

  /** Starts at `endpoint`. False: the queue for connections is full, and the attempt is over. */
  begin(cluster: Cluster, endpoint: Endpoint, pool: Pool, freshOnly: boolean, nowMs: number): boolean {
    assert(this.state === 'idle', 'an attempt begins once');
    this.freshOnly = freshOnly;
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.pool = pool;
    this.startedMs = nowMs;
    this.measuring = true;
    cluster.onAttemptStart(endpoint, nowMs);
    const connection = freshOnly ? null : pool.take(nowMs);
    if (connection !== null) {
      this.send(connection);
      return true;
    }
    this.state = 'waiting';
    if (pool.wait(this)) return true;
    this.cancel(nowMs);
    return false;
  }

  /** Starts as a connection of its own that carries no HTTP. False: the cluster has as many as it may. */
  beginRaw(cluster: Cluster, endpoint: Endpoint, client: ClientEnds, nowMs: number): boolean {
    assert(this.state === 'idle', 'an attempt begins once');
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.startedMs = nowMs;
    this.state = 'waiting';
    this.spent = true;
    this.raw = new RawStream(cluster, endpoint, client, this);
    if (this.raw.dial(nowMs)) return true;
    this.state = 'idle';
    this.raw = null;
    return false;
  }

  /** It is over: what it was about may go. */
  forget(): void {
    this.cluster = null;
    this.endpoint = null;
    this.pool = null;
    this.connection = null;
    this.stream = null;
    this.raw = null;
  }

  onRawOpen(stream: RawStream): void {
    this.stream = stream;
    this.state = 'tunnel';
    this.exchange.onAttemptHead(this, createResponseHead(200, []), false, this.exchange.clock.now());
  }

  onConnection(connection: UpstreamConnection): void {
    this.startedMs = this.exchange.clock.now();
    this.send(connection);
  }

  onConnectionFailed(error: MeshError): void {
    const now = this.exchange.clock.now();
    this.finish('local', now);
    this.state = 'idle';
    this.exchange.onAttemptFailed(this, error, error.retry === 'yes', now);
  }

  onInformational(head: ResponseHead): void {
    if (this.state === 'sent') this.exchange.onAttemptInformational(this, head);
  }

  onResponse(head: ResponseHead, endStream: boolean): void {
    if (this.state !== 'sent') return;
    const now = this.exchange.clock.now();
    const { status } = head;
    const cluster = this.cluster!;
    this.connection!.learnIdleLimit(head);
    if (cluster.checks && head.findName('x-envoy-immediate-health-check-fail') >= 0)
      cluster.onImmediateFailure(this.endpoint!);
    if (cluster.reports !== null) this.reported = cluster.reports.read(this.endpoint!, head);
    cluster.stats.latency.record((now - this.startedMs) / 1000);
    this.refusal = this.believedRefusal(head);
    this.retriedBelow = status >= 500 && this.believed && head.find(headerId['x-weft-gave-up']) >= 0;
    // A refusal is quick whatever its status; it must not make the endpoint look fast and well.
    const grpcFailed = endStream && isGrpcFailure(grpcStatusOf(head));
    const outcome = grpcFailed ? 'failure' : outcomeOf(status, this.refusal);
    this.answersGrpc = !endStream && isGrpc(head);
    if (outcome === 'success' && this.answersGrpc) this.answeredMs = now;
    else this.finish(outcome, now);
    const tunnel = this.upgrade !== '' && opensTunnel(this.upgrade, status);
    if (tunnel) this.spent = true;
    this.state = tunnel ? 'tunnel' : endStream ? 'idle' : 'answered';
    this.exchange.onAttemptHead(this, head, endStream, now);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.state === 'answered' || this.state === 'tunnel') {
      this.exchange.onAttemptBody(this, bytes, start, end);
      return;
    }
    this.discardedBytes += end - start;
    if (this.state === 'discarding' && this.discardedBytes > proxyLimits.discardBytesMax)
      this.stopDiscarding();
  }

  onEnd(trailers: Head | null): void {
    const { state } = this;
    if (state === 'tunnel') {
      this.exchange.onAttemptEnd(this, null);
      return;
    }
    this.state = 'idle';
    if (trailers !== null) this.readTrailers(trailers);
    if (this.measuring) this.finish(grpcOutcome(trailers), this.answeredMs);
    if (state === 'answered') this.exchange.onAttemptEnd(this, trailers);
    else if (this.discardTimer !== null) this.exchange.clock.cancel(this.discardTimer);
  }

  onReset(error: MeshError): void {
    const { state } = this;
    if (state === 'discarding' && this.discardTimer !== null) this.exchange.clock.cancel(this.discardTimer);
    if (state !== 'sent' && state !== 'answered' && state !== 'tunnel') {
      this.state = 'idle';
      // Discarded before it said how it went.
      if (this.measuring) this.finish('failure', this.answeredMs);
      return;
    }
    const now = this.exchange.clock.now();
    const unsent = !this.requireStream().sent;
    // A server that ends a connection in order is no sick one.
    this.refusedStream = unsent && error.retry === 'yes';
    this.finish(this.refusedStream ? 'unreached' : 'gateway', now);
    this.state = 'idle';
    this.exchange.onAttemptFailed(this, error, unsent, now);
  }

  onWritable(): void {
    const { state } = this;
    if (state === 'sent' || state === 'answered' || state === 'tunnel') this.exchange.onAttemptWritable();
  }

  /** For another request: nobody has anything left to tell it. */
  get reusable(): boolean {
    return this.state === 'idle' && !this.spent;
  }

  /** No answer of it has come yet. */
  get awaited(): boolean {
    return this.state === 'waiting' || this.state === 'sent';
  }

  /** Its answer is on its way. */
  get running(): boolean {
    return this.state === 'answered';
  }

  /** Something of it may have reached the endpoint, and no answer came. */
  get sent(): boolean {
    const { state } = this;
    return (state === 'sent' || state === 'answered' || state === 'tunnel') && this.requireStream().sent;
  }

  sendBody(bytes: Uint8Array, start: number, end: number): boolean {
    return this.requireStream().sendBody(bytes, start, end);
  }

  sendEnd(trailers: Head | null): void {
    this.requireStream().sendEnd(trailers);
  }

  /** Both halves of its tunnel are over. */
  endTunnel(): void {
    this.state = 'idle';
  }

  pause(): void {
    this.requireStream().pause();
  }

  resume(): void {
    this.requireStream().resume();
  }

  /** Gives up for a reason that is not the endpoint's: says nothing about it. */
  cancel(nowMs: number): void {
    if (this.state === 'waiting') {
      this.finish('unreached', nowMs);
    } else if (this.measuring) {
      this.measuring = false;
      this.cluster!.onAttemptCancelled(this.endpoint!, nowMs, nowMs - this.startedMs);
    }
    this.stop(new MeshError('cancelled', 'downstream', 'no', 'the client left'));
  }

  /**
   * Gives up because the endpoint took too long: counts against it, unless nothing had reached it. Not connecting has
   * its own timeout.
   */
  timeOut(error: MeshError, nowMs: number): void {
    const waiting = this.state === 'waiting';
    if (this.state === 'sent') this.cluster!.redialer.suspect(this.endpoint!);
    this.finish(waiting ? 'unreached' : 'gateway', nowMs);
    this.stop(error);
  }

  /** It took too long and goes on: that counts against its endpoint, as what becomes of it will. */
  beSlow(nowMs: number): void {
    this.cluster!.onAttemptSlow(this.endpoint!, nowMs);
  }

  /**
   * Reads the rest of an answer that nobody wants, so that its connection can be used again. The exchange takes another
   * attempt.
   */
  discard(): void {
    assert(this.state === 'answered', 'only an answer can be discarded');
    this.state = 'discarding';
    this.discardTimer = new Timer(this, 0);
    this.exchange.clock.arm(this.discardTimer, proxyLimits.discardMs);
    this.requireStream().resume();
  }

  onTimer(): void {
    if (this.state === 'discarding') this.stopDiscarding();
  }

  /** One report an answer, as in Envoy. */
  private readTrailers(trailers: Head): void {
    const { reports } = this.cluster!;
    if (reports !== null && !this.reported) this.reported = reports.read(this.endpoint!, trailers);
  }

  private get upgrade(): string {
    return this.exchange.upgrade;
  }

  private requireStream(): ClientStream {
    assert(this.stream !== null, 'the attempt was sent');
    return this.stream;
  }

  private send(connection: UpstreamConnection): void {
    if (this.upgrade !== '' && !connection.tunnels) {
      this.refuseTunnel(connection);
      return;
    }
    this.connection = connection;
    this.reused = connection.requests > 0;
    this.state = 'sent';
    this.stream = this.exchange.sendRequest(connection, this);
  }

  /** The connection agreed on a version that carries no tunnels; it stays as it is. */
  private refuseTunnel(connection: UpstreamConnection): void {
    const now = this.exchange.clock.now();
    this.finish('unreached', now);
    this.state = 'idle';
    const message = `${connection.name} takes no upgrades`;
    this.exchange.onAttemptFailed(this, new MeshError('protocol', 'upstream', 'no', message), true, now);
  }

  private get believed(): boolean {
    return this.connection?.trusted === true && !this.exchange.inbound;
  }

  /**
   * Only a trusted endpoint's word counts, and only on the caller's side: an application behind an inbound listener can
   * forge it.
   */
  private believedRefusal(head: ResponseHead): Refusal {
    const at = head.find(headerId['x-weft-refused']);
    if (at < 0 || !this.believed) return 'none';
    return parseRefusal(head.valueAt(at));
  }

  private stop(error: MeshError): void {
    const { state } = this;
    this.state = 'idle';
    if (state === 'waiting' && this.raw !== null) this.raw.stop();
    else if (state === 'waiting') this.pool!.stopWaiting(this);
    else if (state !== 'idle') this.requireStream().reset(error);
  }

  private stopDiscarding(): void {
    this.state = 'idle';
    if (this.discardTimer !== null) this.exchange.clock.cancel(this.discardTimer);
    if (this.measuring) this.finish('failure', this.answeredMs);
    this.requireStream().reset(new MeshError('cancelled', 'internal', 'no', 'the answer is not needed'));
  }

  private finish(outcome: Outcome, nowMs: number): void {
    if (!this.measuring) return;
    this.measuring = false;
    this.cluster!.onAttemptFinish(this.endpoint!, nowMs, nowMs - this.startedMs, outcome);
  }
}

function outcomeOf(status: number, refusal: Refusal): Outcome {
  if (refusal !== 'none' || (status >= 502 && status <= 504)) return 'gateway';
  return status >= 500 ? 'failure' : 'success';
}

/** A call that ended without a word on how it went did not go well. */
function grpcOutcome(trailers: Head | null): Outcome {
  const status = grpcStatusOf(trailers);
  return status === grpcUnsaid || isGrpcFailure(status) ? 'failure' : 'success';
}

/** 1 to 5; 0 for no status. */
export function statusClass(status: number): number {
  return status >= 100 && status < 600 ? (status / 100) | 0 : 0;
}
