// One unary call of gRPC of the proxy's own to one of its clusters (gRPC's PROTOCOL-HTTP2 document): a filter that asks
// a service, an exporter that hands over what it gathered. It goes the way of every request of ours (cluster-call.ts);
// its deadline is told to the server, and it ends with who asked.

import type { MeshError } from '../../base/index.ts';
import { createRequestHead, type Head, type ResponseHead } from '../../wire/index.ts';
import { type CallOwner, ClusterCall } from './cluster-call.ts';
import type { ExchangeContext } from './context.ts';
import { grpcStatusFor, grpcStatusOf, grpcUnsaid } from './grpc.ts';

/** A service behind a cluster, as envoy.config.core.v3.GrpcService says it. */
export interface GrpcTarget {
  readonly cluster: string;
  /** `:authority`; never empty. */
  readonly authority: string;
  /** 0: no deadline. */
  readonly timeoutMs: number;
  /** Fields that every call carries; names in lower case. */
  readonly metadata: readonly (readonly [name: string, value: string])[];
}

export interface GrpcCallOwner {
  /** An answer without a message will do; absent: it would be a failure. */
  readonly takesNothing?: boolean;
  /** `message` is the owner's. */
  onGrpcAnswered(message: Uint8Array): void;
  /** `status` as grpc-status has it, never 0. */
  onGrpcFailed(status: number, reason: string): void;
}

export class GrpcCall implements CallOwner {
  private readonly call: ClusterCall;
  private readonly owner: GrpcCallOwner;

  /** `method`: `package.Service/Method`. */
  constructor(
    context: ExchangeContext,
    target: GrpcTarget,
    method: string,
    message: Uint8Array,
    owner: GrpcCallOwner,
  ) {
    this.owner = owner;
    const { authority, cluster, metadata, timeoutMs } = target;
    const fields: (readonly [name: string, value: string])[] = [
      ['te', 'trailers'],
      ['content-type', 'application/grpc'],
      ...(timeoutMs > 0 ? [['grpc-timeout', formatTimeout(timeoutMs)] as const] : []),
      ...metadata,
    ];
    this.call = new ClusterCall(context, {
      cluster,
      head: createRequestHead('POST', authority, `/${method}`, fields),
      body: frame(message),
      timeoutMs,
      owner: this,
      multiplexed: true,
    });
  }

  /** The owner may hear of the outcome before this returns. */
  start(): void {
    this.call.start();
  }

  /** {@link start} has returned: what is told now is told later. */
  get started(): boolean {
    return this.call.started;
  }

  cancel(): void {
    this.call.cancel();
  }

  onCallAnswered(head: ResponseHead, body: Uint8Array, trailers: Head | null): void {
    const said = trailers ?? head;
    const status = grpcStatusOf(said);
    if (head.status !== 200) this.fail(grpcStatusFor(head.status, null), `HTTP status ${head.status}`);
    else if (status === grpcUnsaid) this.fail(2, 'the answer has no grpc-status');
    else if (status !== 0) this.fail(status, said.getName('grpc-message') ?? '');
    else this.take(body);
  }

  onCallFailed(error: MeshError): void {
    const status = error.code === 'request-timeout' ? deadlineExceeded : unavailable;
    this.fail(status, error.message);
  }

  private take(body: Uint8Array): void {
    if (body.length === 0 && this.owner.takesNothing === true) {
      this.owner.onGrpcAnswered(body);
      return;
    }
    // Nothing was offered, so nothing may be compressed; a unary answer is one message.
    const whole =
      body.length >= prefixBytes &&
      body[0] === 0 &&
      new DataView(body.buffer, body.byteOffset).getUint32(1) === body.length - prefixBytes;
    if (whole) this.owner.onGrpcAnswered(body.subarray(prefixBytes));
    else this.fail(13, 'the answer is not one message');
  }

  private fail(status: number, reason: string): void {
    this.owner.onGrpcFailed(status, reason);
  }
}

const deadlineExceeded = 4;
const unavailable = 14;
/** A flag, and the length of the message. */
const prefixBytes = 5;

function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(prefixBytes + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, prefixBytes);
  return framed;
}

/** At most eight digits and a unit. */
function formatTimeout(ms: number): string {
  const whole = Math.max(Math.ceil(ms), 1);
  return whole < 100_000_000 ? `${whole}m` : `${Math.ceil(whole / 1000)}S`;
}
