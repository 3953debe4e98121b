// Copies of requests for other clusters (Envoy's request_mirror_policies, Gateway API's RequestMirror). The copy must
// not be felt: it leaves when its request is complete and on its way, keeps of a body only what its bounds allow, has
// the limits of its own cluster, is never tried again, and its answer is thrown away. What stands in its way ends the
// copy.

import { type Clock, MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Hash64, MirrorPolicy } from '../../policy/index.ts';
import {
  type ClientStream,
  createRequestHead,
  type Head,
  type RequestHead,
  type ResponseHead,
} from '../../wire/index.ts';
import { proxyLimits } from '../limits.ts';
import type { Cluster, Endpoint, EndpointRequest, UpstreamConnection } from '../upstream/index.ts';
import { Attempt, type AttemptOwner, statusClass } from './attempt.ts';
import { BodyBuffer } from './body-buffer.ts';
import type { ExchangeContext } from './context.ts';
import { copyFields } from './copy-head.ts';
import { firstValue } from './first-value.ts';
import { versionFor } from './grpc.ts';
import type { RequestCopies, RequestState } from './request-state.ts';

/** The copies of one request, until it is complete. */
class Mirrors implements RequestCopies {
  private readonly copies: readonly Copy[];
  private readonly body: BodyBuffer;
  private readonly bytesMax: number;
  /** Nothing more is kept: the request ended too early, or its body is too long. */
  private dropped = false;

  constructor(context: ExchangeContext, copies: readonly Copy[], bytesMax: number) {
    this.copies = copies;
    this.body = new BodyBuffer(context.replay);
    this.bytesMax = bytesMax;
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.dropped) return;
    if (this.body.canKeep(end - start, this.bytesMax)) this.body.append(bytes, start, end);
    else this.drop();
  }

  /** The request is complete: its copies leave. Trailers are not copied. */
  send(): void {
    if (this.dropped) return;
    this.dropped = true;
    const body = this.body.copy(this.body.length);
    this.body.release();
    for (const copy of this.copies) copy.send(body);
  }

  /** The request ended before it was complete, or there is no room for its body. */
  drop(): void {
    if (this.dropped) return;
    this.dropped = true;
    this.body.release();
    for (const { cluster } of this.copies) cluster.stats.mirrorsDropped += 1;
  }
}

/** null: none of the policies takes this request. Called when the head is as the endpoint will see it. */
export function openMirrors(request: RequestState, policies: readonly MirrorPolicy[]): RequestCopies | null {
  const { context, listener, route } = request;
  const copies: Copy[] = [];
  for (const policy of policies) {
    if (policy.share < 1 && context.random.float() >= policy.share) continue;
    const cluster = context.clusters.get(nameOf(policy, request.head));
    if (cluster === undefined) listener.stats.mirrorsLost += 1;
    else copies.push(new Copy(context, cluster, copyHead(request.head, policy), timeoutOf(request)));
  }
  if (copies.length === 0) return null;
  const mirrors = new Mirrors(context, copies, route?.bufferBytesMax ?? listener.http.bufferBytesMax);
  // Filters may have held it back.
  const { body } = request;
  for (const part of body.parts()) mirrors.onBody(part, 0, part.length);
  return mirrors;
}

function nameOf({ cluster, clusterHeader }: MirrorPolicy, head: RequestHead): string {
  return clusterHeader === '' ? cluster : (firstValue(head, clusterHeader) ?? '');
}

/** The route's, as for the request itself; where nothing limits that, a copy still has an end. */
function timeoutOf({ route }: RequestState): number {
  return route?.timeouts.requestMs || proxyLimits.mirrorMs;
}

/** Its length is that of what was kept. */
function copyHead(head: RequestHead, policy: MirrorPolicy): RequestHead {
  const fields = copyFields(head).filter(([name]) => name !== 'content-length');
  return createRequestHead(head.method, mirrorAuthority(head.authority, policy), head.path, fields);
}

/** `a:80` is `a-shadow:80` at the mirror, so that whoever answers can tell copies. */
export function mirrorAuthority(authority: string, policy: MirrorPolicy): string {
  if (!policy.suffixed) return authority;
  const colon = authority.lastIndexOf(':');
  const end = colon < 0 || authority.endsWith(']') ? authority.length : colon;
  return `${authority.slice(0, end)}-shadow${authority.slice(end)}`;
}

/** One copy on its way: an attempt without a client. */
class Copy implements AttemptOwner, EndpointRequest, TimerHandler {
  readonly clock: Clock;
  readonly cluster: Cluster;
  readonly inbound = false;
  readonly upgrade = '';
  readonly tried: readonly Endpoint[] = [];
  readonly hash: Hash64 | null = null;
  nowMs = 0;
  private readonly head: RequestHead;
  private readonly timeoutMs: number;
  private readonly timer = new Timer(this, 0);
  private readonly attempt = new Attempt(this);
  private body: Uint8Array = nothing;
  private sentBytes = 0;
  private status = 0;
  private over = false;

  constructor(context: ExchangeContext, cluster: Cluster, head: RequestHead, timeoutMs: number) {
    this.clock = context.clock;
    this.cluster = cluster;
    this.head = head;
    this.timeoutMs = timeoutMs;
  }

  send(body: Uint8Array): void {
    const { attempt, cluster, clock, head } = this;
    const { breaker, stats } = cluster;
    stats.requests += 1;
    if (!breaker.tryRequest()) {
      stats.requestOverflow += 1;
      stats.mirrorsDropped += 1;
      return;
    }
    stats.active += 1;
    stats.mirrored += 1;
    this.nowMs = clock.now();
    this.body = body;
    if (body.length > 0) head.add('content-length', `${body.length}`);
    const endpoint = cluster.pick(this);
    if (endpoint === null) {
      stats.noEndpoint += 1;
      this.settle();
      return;
    }
    clock.arm(this.timer, this.timeoutMs);
    if (
      !attempt.begin(
        cluster,
        endpoint,
        endpoint.poolFor(versionFor(head, cluster.config), false, null, head),
        false,
        this.nowMs,
      )
    )
      this.settle();
  }

  sendRequest(connection: UpstreamConnection, attempt: Attempt): ClientStream {
    const stream = connection.start(this.head, this.body.length === 0, attempt);
    if (this.body.length > 0) this.sendBody(stream);
    return stream;
  }

  /** A copy has no place of its own to go to. */
  destination(): null {
    return null;
  }

  criteria(): null {
    return null;
  }

  notes(): null {
    return null;
  }

  onAttemptInformational(): void {}

  onAttemptHead(_attempt: Attempt, head: ResponseHead, endStream: boolean): void {
    this.status = head.status;
    this.cluster.stats.upstreamAnswers.count(head.status);
    if (endStream) this.settle();
  }

  onAttemptBody(): void {}

  onAttemptEnd(_attempt: Attempt, _trailers: Head | null): void {
    this.settle();
  }

  onAttemptFailed(): void {
    this.settle();
  }

  onAttemptWritable(): void {
    if (this.sentBytes < this.body.length && this.attempt.stream !== null) this.sendBody(this.attempt.stream);
  }

  /** It took as long as its request may. */
  onTimer(_kind: number, nowMs: number): void {
    this.cluster.stats.requestTimeouts += 1;
    this.attempt.timeOut(new MeshError('request-timeout', 'upstream', 'no', 'the copy took too long'), nowMs);
    this.settle();
  }

  /** In pieces, so that a slow mirror makes the kernel's queue its own and no other. */
  private sendBody(stream: ClientStream): void {
    while (this.sentBytes < this.body.length) {
      const end = Math.min(this.sentBytes + proxyLimits.mirrorPieceBytes, this.body.length);
      const writable = stream.sendBody(this.body, this.sentBytes, end);
      this.cluster.stats.bytesSent += end - this.sentBytes;
      this.sentBytes = end;
      if (!writable && end < this.body.length) return;
    }
    stream.sendEnd(null);
  }

  private settle(): void {
    if (this.over) return;
    this.over = true;
    const { cluster } = this;
    this.clock.cancel(this.timer);
    this.body = nothing;
    cluster.breaker.releaseRequest();
    cluster.stats.active -= 1;
    cluster.stats.responses[statusClass(this.status)]! += 1;
  }
}

const nothing = new Uint8Array(0);
