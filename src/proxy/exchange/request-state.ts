// What is known of one request: read by all that prepares, answers, retries, settles and logs; moved from phase to
// phase by the machine in exchange.ts. Reused by the next request of its exchange, so a request allocates none of this.

import { assert } from '../../base/index.ts';
import type { Address } from '../../net/index.ts';
import type { FilterState } from '../../observe/index.ts';
import {
  type Criteria,
  type Hash64,
  mergeCriteria,
  type RedirectHistory,
  type RetryLimit,
  type RetryPolicy,
  type Route,
  type RouteTable,
  type SubsetRequest,
  type WeightedCluster,
} from '../../policy/index.ts';
import type { Head, RequestHead, ResponseHead, ServerStream } from '../../wire/index.ts';
import type { AccessLogger } from '../access-logger.ts';
import type { HttpOptions, ListenerConfig } from '../config/types.ts';
import { proxyLimits } from '../limits.ts';
import {
  type ListenerStats,
  type Phase,
  type ResponseFlag,
  responseFlags,
  type Tallies,
  type Tally,
  type TrafficStats,
} from '../stats/index.ts';
import {
  type Cluster,
  type Endpoint,
  type HostNotes,
  type Lane,
  parseDestination,
  type UpstreamConnection,
  type WantedHost,
} from '../upstream/index.ts';
import { absentHead, absentOwner, absentStream } from './absent-request.ts';
import type { Attempt } from './attempt.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { BodyPace, PacedBody } from './body-pace.ts';
import { type BodyTransform, chainTransforms } from './body-transform.ts';
import type { CallerWishes } from './caller-wishes.ts';
import type { ExchangeContext } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import type { Detected } from './detect-origin.ts';
import { firstValue } from './first-value.ts';
import { grpcUnsaid } from './grpc.ts';
import type { ExchangeOwner } from './owner.ts';
import type { PeriodicLog } from './periodic-log.ts';
import { RequestNotes } from './request-notes.ts';

/**
 * idle -> authorizing (a check was asked and has not answered) -> connecting (an attempt waits for its connection) ->
 * forwarding (request sent, no answer yet) -> relaying (answer's head passed on) -> idle. backing-off: between two
 * attempts. From every state but idle a failure, a timeout or a leaving client ends in idle.
 */
export type ExchangeState = 'idle' | 'authorizing' | 'connecting' | 'forwarding' | 'backing-off' | 'relaying';

/** The listener through which requests came, as of now: a configuration may change it between two of them. */
export interface ExchangeListener {
  readonly config: ListenerConfig;
  readonly http: HttpOptions;
  readonly routes: RouteTable;
  /** null: nothing is logged. */
  readonly accessLogs: readonly AccessLogger[] | null;
  readonly stats: ListenerStats;
  readonly traffic: TrafficStats;
  readonly tallies: Tallies;
  /** null: no request is traced. */
  readonly tracer: RequestTracer | null;
  /** null: nobody is asked, and nobody looks. */
  readonly filterSteps: FilterSteps | null;
  /** What upgrades pass instead, by protocol in lower case; null: none of them does. */
  readonly upgradeSteps: ReadonlyMap<string, FilterSteps> | null;
  /** Who says to be calling, as a label of bounded variety. */
  peerOf(head: RequestHead): string;
}

/** A listener's filters, as its requests pass them. */
export interface FilterSteps {
  /** Who must agree before a request goes on, in this order. */
  readonly authorizers: readonly Authorizer[];
  /** In the order of the chain; an answer passes them from the end. */
  readonly answerers: readonly Answerer[];
}

/** The answer to a request that does not go on. */
export interface Denial {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly flag: ResponseFlag;
  /** For the log; '' where nothing more is to be said. */
  readonly details: string;
  /** Beside those that every answer of ours has. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** What a caller of gRPC is told; absent: what the status comes to. */
  readonly grpcStatus?: number;
}

/**
 * One entry of phase authorize. Who says `wait` is asked again after {@link RequestState.machine} was told to proceed,
 * and finds itself in {@link RequestState.waiter} then.
 */
export interface Authorizer {
  authorize(request: RequestState): 'allow' | 'wait' | Denial;
}

/** Who looks at every answer before it is sent, our own too. */
export interface Answerer {
  /** `endStream`: it has no body. A denial is sent instead of an endpoint's answer; it is not asked about our own. */
  onAnswer(request: RequestState, head: ResponseHead, endStream: boolean): Denial | null;
}

/** An authorizer that is waited for. */
export interface Waiter {
  /** The request ended meanwhile: nobody is to proceed. */
  onAbandoned(request: RequestState): void;
  /** More of the body is held ({@link RequestState.body}). */
  onHeldBody?(request: RequestState): void;
  /** The request is here as a whole. */
  onHeldEnd?(request: RequestState): void;
}

/** Makes spans of a listener's requests. */
export interface RequestTracer {
  /** The request has its route, if there is one. */
  begin(request: RequestState): RequestSpan;
}

/** The span of a request. */
export interface RequestSpan {
  readonly id: string;
  /** It is collected. */
  readonly traced: boolean;
  /** Every answer, our own too. */
  onAnswer(head: ResponseHead): void;
  end(request: RequestState, nowMs: number): void;
}

/** Copies of a request for other clusters (mirror.ts). */
export interface RequestCopies {
  onBody(bytes: Uint8Array, start: number, end: number): void;
  /** The request is complete: they leave. */
  send(): void;
  /** It never will be. */
  drop(): void;
}

/** What moves a request. */
export interface RequestMachine {
  proceed(): void;
  /** What goes on where a body is paced. */
  pacedBody(side: 'request' | 'response'): PacedBody;
}

export class RequestState implements SubsetRequest<Endpoint> {
  state: ExchangeState = 'idle';
  /** Where it is, or was when it failed. */
  phase: Phase = 'match';
  readonly context: ExchangeContext;
  /** Of the last request, where none runs. */
  owner: ExchangeOwner = absentOwner;
  readonly listener: ExchangeListener;
  readonly deadlines: Deadlines;
  readonly machine: RequestMachine;
  stream: ServerStream = absentStream;
  head: RequestHead = absentHead;
  route: Route | null = null;
  weighted: WeightedCluster | null = null;
  /** Whose route it is. */
  virtualHost = '';
  /** Its virtual cluster; '' where its virtual host has none. */
  virtualCluster = '';
  /** What it is counted in besides its cluster's books; null: nothing. */
  tallies: readonly Tally[] | null = null;
  /** Set when the cluster's limit let the request in: its books are open. */
  cluster: Cluster | null = null;
  /** The cluster's limits that it counts under; set with it. */
  lane: Lane | null = null;
  retry: RetryPolicy | null = null;
  /** What an internal caller says of it; null: nothing, or nobody who may. */
  wishes: CallerWishes | null = null;
  /** Its copies, until it is complete; null: none. */
  mirrors: RequestCopies | null = null;
  /** Where answers have sent it; null: nowhere. */
  redirects: RedirectHistory | null = null;
  method = '';
  /** What it asks to become, as {@link RequestHead.upgrade}; '' for an ordinary request. */
  upgrade = '';
  /** It may become that: counted as an upgrade until it is over. */
  upgradeAdmitted = false;
  /** Both ends agreed: bodies are bytes, each half ends by itself. */
  tunnelOpen = false;
  /** The endpoint's half of the tunnel is over. */
  answerEnded = false;
  /** Who calls, on inbound listeners; '' where nobody said. */
  peer = '';
  requestId = '';
  traceId: string | null = null;
  startedMs = 0;
  startedWallMs = 0;
  /** Attempts begun, the current one included. */
  attempts = 0;
  /** The last one was begun because another took too long. */
  afterTimeout = false;
  /** Those of them that their server did not look at. */
  requeues = 0;
  readonly tried: Endpoint[] = [];
  /** Its host is an endpoint's by now. */
  hostReplaced = false;
  /** For balancers: what the route's hash policies found, and the moment of the choice. */
  hash: Hash64 | null = null;
  /** A cookie for the client, made for the hash; '' for none. */
  setCookie = '';
  nowMs = 0;
  /** The endpoint that its first attempt is for; null: any. */
  wanted: WantedHost | null = null;
  /** For a cluster that goes by names of hosts; null: none asked. */
  private hostNotes: RequestNotes | null = null;
  /** Of the listener as it was when the request came: a configuration may change it meanwhile. */
  steps: FilterSteps | null = null;
  /** Authorizers that have agreed. */
  authorized = 0;
  /** What filters remember of this request, by their position in the chain. */
  readonly slots: unknown[] = [];
  /** What filters say of the request to each other and to logs, by their names; null: nothing. */
  metadata: Map<string, Readonly<Record<string, unknown>>> | null = null;
  /** What they keep for formats, by Envoy's names; null: nothing. */
  filterState: Map<string, FilterState> | null = null;
  /** Bodies pass through these on their way; null: as they are. */
  requestTransform: BodyTransform | null = null;
  responseTransform: BodyTransform | null = null;
  /** Bodies pass no faster than these let them; null: as they come. */
  requestPace: BodyPace | null = null;
  responsePace: BodyPace | null = null;
  /** Bytes of the body that are taken while the request does not go on. */
  heldBytesMax: number = proxyLimits.heldBodyBytesMax;
  /** null: its listener traces nothing. */
  span: RequestSpan | null = null;
  /** The authorizer that said `wait`; null: nobody is waited for. */
  waiter: Waiter | null = null;
  /** The endpoint of the last attempt; null: none was made. */
  endpoint: Endpoint | null = null;
  /** Something of some attempt reached an endpoint: a property of the request, whatever became of its last attempt. */
  sent = false;
  /** Where the running retry was taken from. */
  retrying: RetryLimit | null = null;
  /** A proxy above makes this request again; here it is not. */
  retriedAbove = false;
  readonly body: BodyBuffer;
  /** Bytes of the body that are kept for another attempt. */
  replayBytesMax = 0;
  requestEnded = false;
  /** Clock times, for formats: the request's end, its head sent, the answer's head; -1: not yet. */
  requestEndedMs = -1;
  forwardedMs = -1;
  answeredMs = -1;
  settledMs = -1;
  /** The connection that carries it, or the last one that did; null: none yet. */
  upstream: UpstreamConnection | null = null;
  /** Why the last attempt got no connection; '' where it did. */
  upstreamFailure = '';
  /** The answer, ours or an endpoint's; null: none yet. Readable until the stream ends. */
  responseHead: ResponseHead | null = null;
  responseTrailers: Head | null = null;
  /** Runs while lines are due before the end; null: none ever were. */
  periodic: PeriodicLog | null = null;
  /** The client, where it is found out otherwise than by x-forwarded-for. */
  detected: Detected | null = null;
  /** The listener's rules about heads let it in no further; null: they do. */
  rejection: Denial | null = null;
  requestTrailers: Head | null = null;
  /** The client was asked to wait with its body. */
  paused = false;
  bytesReceived = 0;
  bytesSent = 0;
  /** Status passed on or answered; 0: none. */
  status = 0;
  /** grpc-status of the answer; -1: none was said. */
  grpcStatus = grpcUnsaid;
  /** For the whole answer; 0: no limit. Set with the cluster. */
  requestMs = 0;
  /** What a proxy before this one says of that; -1: nothing, or nobody who is believed. */
  expectedMs = -1;
  /** When a gRPC caller will have given up; 0: it did not say. */
  callerMs = 0;
  /** Envoy's response flags, joined by commas. */
  flags: string = responseFlags.none;
  /** For the log: why the proxy itself answered; '' where nothing more is to be said. */
  details = '';
  /** 100 was answered by us: an endpoint's own would be a second one. */
  continued = false;
  /** The proxy ended it, not the application: it counts as failed in its phase. */
  failed = false;

  constructor(
    context: ExchangeContext,
    listener: ExchangeListener,
    deadlines: Deadlines,
    machine: RequestMachine,
  ) {
    this.context = context;
    this.body = new BodyBuffer(context.replay);
    this.listener = listener;
    this.deadlines = deadlines;
    this.machine = machine;
  }

  get inbound(): boolean {
    return this.listener.config.direction === 'inbound';
  }

  /** For routes that ask (MatchFacts). */
  get clientCertificate(): 'none' | 'shown' | 'valid' {
    const { secure } = this.owner;
    if (secure === null || secure.peer === null) return 'none';
    return secure.verified ? 'valid' : 'shown';
  }

  saidBy(filter: string): Readonly<Record<string, unknown>> | undefined {
    return this.metadata?.get(filter);
  }

  /** The client has sent all of it, passed on or not. */
  get received(): boolean {
    return this.requestEnded || this.requestPace?.ended === true;
  }

  /** All that an answer waits for is here: times for it begin. What is to become a tunnel has no body before. */
  get complete(): boolean {
    return this.requestEnded || this.upgrade !== '';
  }

  /** The body passes through this too; what is held of it already does now. */
  transformRequest(transform: BodyTransform): void {
    const { body } = this;
    this.requestTransform =
      this.requestTransform === null ? transform : chainTransforms(this.requestTransform, transform);
    if (body.length === 0) return;
    const held = body.copy(body.length);
    body.reset();
    const made = transform.write(held, 0, held.length);
    body.append(made, 0, made.length);
    if (!this.requestEnded) return;
    const rest = transform.end(null);
    body.append(rest, 0, rest.length);
    transform.close();
    this.requestTransform = null;
  }

  /** The answer's body passes through this too, behind what it passes through already. */
  transformResponse(transform: BodyTransform): void {
    this.responseTransform =
      this.responseTransform === null ? transform : chainTransforms(this.responseTransform, transform);
  }

  /** For clusters that go where their clients were going. What the field says and is no address counts for nothing. */
  destination(header: string | null): Address | null {
    const said = header === null ? null : firstValue(this.head, header);
    return (said === null ? null : parseDestination(said)) ?? this.owner.restored;
  }

  notes(): HostNotes {
    this.hostNotes ??= new RequestNotes(this);
    return this.hostNotes;
  }

  /** What filters say of the subset wins over what the route does. */
  criteria(): Criteria | null {
    const routed = this.weighted?.criteria ?? null;
    const said = this.metadata?.get('envoy.lb');
    return said === undefined ? routed : mergeCriteria(routed, said);
  }

  /** Whose answer it is, where that is not the attempt begun last. */
  follow({ connection, endpoint, startedMs }: Attempt): void {
    this.endpoint = endpoint;
    this.upstream = connection;
    this.forwardedMs = startedMs;
    this.deadlines.backoffMs = Number.POSITIVE_INFINITY;
  }

  /** The same request with another head, which an answer sent elsewhere: here as a whole, and of the same caller. */
  restart(head: RequestHead): void {
    const { callerMs, deadlines, detected, expectedMs, peer, redirects, requestId } = this;
    const { requestTrailers, retriedAbove, traceId, wishes } = this;
    const { endMs } = deadlines;
    this.reset(this.stream, head, true);
    deadlines.endMs = endMs;
    deadlines.arm(this.startedMs);
    Object.assign(this, { callerMs, detected, expectedMs, peer, redirects, requestId });
    Object.assign(this, { requestTrailers, retriedAbove, traceId, wishes });
  }

  /** Keeps nothing of the last request alive. */
  forget(): void {
    this.clear();
    this.owner = absentOwner;
    this.stream = absentStream;
    this.head = absentHead;
    this.steps = null;
  }

  reset(stream: ServerStream, head: RequestHead, endStream: boolean): void {
    const { clock } = this.context;
    this.clear();
    this.stream = stream;
    this.head = head;
    this.requestEnded = endStream;
    this.startedMs = clock.now();
    this.requestEndedMs = endStream ? this.startedMs : -1;
    this.forwardedMs = -1;
    this.answeredMs = -1;
    this.settledMs = -1;
    this.upstreamFailure = '';
    this.startedWallMs = this.listener.accessLogs === null ? 0 : clock.wall();
    this.deadlines.reset(this.startedMs);
    this.phase = 'match';
    this.virtualHost = '';
    this.mirrors = null;
    this.method = head.method;
    this.upgrade = head.upgrade;
    this.upgradeAdmitted = false;
    this.tunnelOpen = false;
    this.answerEnded = false;
    this.peer = '';
    this.attempts = 0;
    this.afterTimeout = false;
    this.requeues = 0;
    this.hostReplaced = false;
    this.hash = null;
    this.setCookie = '';
    this.steps = this.listener.filterSteps;
    this.authorized = 0;
    this.heldBytesMax = proxyLimits.heldBodyBytesMax;
    this.waiter = null;
    this.sent = false;
    this.retriedAbove = false;
    this.paused = false;
    this.bytesReceived = 0;
    this.bytesSent = 0;
    this.status = 0;
    this.grpcStatus = grpcUnsaid;
    this.requestMs = 0;
    this.expectedMs = -1;
    this.callerMs = 0;
    this.flags = responseFlags.none;
    this.details = '';
    this.continued = false;
    this.failed = false;
    this.virtualCluster = '';
  }

  private clear(): void {
    this.route = null;
    this.weighted = null;
    this.cluster = null;
    this.lane = null;
    this.retry = null;
    this.wishes = null;
    this.redirects = null;
    this.tried.length = 0;
    this.wanted = null;
    this.hostNotes = null;
    if (this.slots.length > 0) this.slots.length = 0;
    this.metadata = null;
    this.filterState = null;
    this.span = null;
    this.endpoint = null;
    this.retrying = null;
    this.upstream = null;
    this.responseHead = null;
    this.responseTrailers = null;
    this.requestTrailers = null;
    this.detected = null;
    this.rejection = null;
    this.tallies = null;
  }
}

/** The cluster of a request that has passed its limit. */
export function clusterOf(request: RequestState): Cluster {
  const { cluster } = request;
  assert(cluster !== null, 'a request that is forwarded has a cluster');
  return cluster;
}

/** What the two sides of a proxy have in common of one request: its trace where there is one, else its id. */
export function traceKey(request: RequestState): string {
  return request.traceId ?? request.requestId;
}
