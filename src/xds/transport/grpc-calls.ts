// One gRPC call of the server: its path decides what answers. Every call ends with `grpc-status`, in trailers or, when
// it fails at once, in its only head.

import { type Clock, MeshError, type Result, Timer, type TimerHandler } from '../../base/index.ts';
import {
  createResponseHead,
  createTrailers,
  type RequestHead,
  type RequestReceiver,
  type ServerStream,
} from '../../wire/index.ts';
import { type CallerRefusal, refusedError, type XdsCaller } from '../caller.ts';
import {
  loadReportBytesMax,
  partialBytesPerPeerMax,
  requestBytesMax,
  serviceRequestBytesMax,
} from '../limits.ts';
import type { AdsServer } from '../server/ads-server.ts';
import type { LoadReports } from '../server/load-reports.ts';
import type { AdsStream } from '../types.ts';
import { type Decompress, FrameError, FrameParser } from './grpc-framing.ts';
import { discoveryMethods, encodeStatusMessage, grpcStatus, statusOf } from './grpc-protocol.ts';
import type { CallHandler, StartCall } from './health.ts';
import { LoadStream, loadReportingPath } from './load-reporting.ts';
import { MessageSender } from './message-sender.ts';

/** What a call needs of its connection. */
export interface CallHost {
  readonly peer: string;
  /** What the peer's streams hold together. */
  readonly account: { partialBytes: number };
  readonly clock: Clock;
  readonly ads: AdsServer;
  /** Null: nobody takes in how clients' requests went. */
  readonly loads: LoadReports | null;
  readonly gunzip: Decompress | null;
  /** Who sends it; null: nobody needs to prove anything here. */
  prove(head: RequestHead): Proof | null;
  /** Of the services beside discovery. */
  findCall(path: string): StartCall | null;
  onCallOver(call: GrpcCall): void;
}

/** What came of looking at who calls, or will. */
export type Proof = Result<XdsCaller, CallerRefusal> | Promise<Result<XdsCaller, CallerRefusal>>;

/** A call that goes on; null: it was answered whole. */
export function serveCall(
  host: CallHost,
  stream: ServerStream,
  head: RequestHead,
  endStream: boolean,
): GrpcCall | null {
  if (head.method !== 'POST' || head.getName('content-type')?.startsWith('application/grpc') !== true) {
    // Not gRPC at all: a plain HTTP answer says so (PROTOCOL-HTTP2.md, "Responses").
    stream.sendResponse(createResponseHead(415, [['content-length', '0']]), true);
    return null;
  }
  const proven = findProven(host, head.path);
  const start = proven === null ? host.findCall(head.path) : null;
  const timeoutMs = parseTimeout(head.getName('grpc-timeout'));
  const encoding = head.getName('grpc-encoding');
  if (proven === null && start === null)
    refuse(stream, grpcStatus.unimplemented, `there is no method ${head.path}`);
  else if (timeoutMs === null) refuse(stream, grpcStatus.invalidArgument, 'grpc-timeout cannot be read');
  else {
    const call = new GrpcCall(host, stream, proven?.bytesMax ?? serviceRequestBytesMax);
    if (encoding === 'gzip') call.acceptGzip();
    if (timeoutMs >= 0) call.setDeadline(timeoutMs);
    if (start !== null) call.serve(start(call));
    else if (proven !== null) serveProven(host, call, proven, head);
    if (endStream) call.onEnd();
    return call;
  }
  return null;
}

/** A method of which nothing reaches the server before it is known who sends it. */
interface ProvenMethod {
  /** Of one message. */
  readonly bytesMax: number;
  begin(call: GrpcCall, caller: XdsCaller | null): CallHandler;
}

function findProven(host: CallHost, path: string): ProvenMethod | null {
  const { ads, loads, peer, clock } = host;
  const discovery = discoveryMethods.get(path);
  if (discovery !== undefined) {
    const { variant, typeUrl } = discovery;
    return {
      bytesMax: requestBytesMax,
      begin: (call, caller) => ads.accept(variant, call, { peer, typeUrl, caller }),
    };
  }
  if (path !== loadReportingPath || loads === null) return null;
  return {
    bytesMax: loadReportBytesMax,
    begin: (stream, caller) => new LoadStream({ loads, clock, stream, peer, caller }),
  };
}

function serveProven(host: CallHost, call: GrpcCall, method: ProvenMethod, head: RequestHead): void {
  const proof = host.prove(head);
  const begin = (caller: XdsCaller | null) => call.serve(method.begin(call, caller));
  const settle = (proven: Result<XdsCaller, CallerRefusal>) => {
    if (proven.ok) begin(proven.value);
    else call.close(refusedError(proven.error));
  };
  if (proof === null) begin(null);
  else if (proof instanceof Promise) call.holdUntil(proof, settle);
  else settle(proof);
}

function refuse(stream: ServerStream, status: number, message: string): void {
  stream.sendResponse(createResponseHead(200, [...grpcHead, ...statusFields(status, message)]), true);
}

const grpcHead: readonly (readonly [string, string])[] = [
  ['content-type', 'application/grpc'],
  ['grpc-accept-encoding', 'identity,gzip'],
];

function statusFields(status: number, message: string): readonly (readonly [string, string])[] {
  const fields: [string, string][] = [['grpc-status', String(status)]];
  if (message !== '') fields.push(['grpc-message', encodeStatusMessage(message)]);
  return fields;
}

const unitMs: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** Milliseconds; -1 without a timeout, null for one that cannot be read. */
function parseTimeout(text: string | null): number | null {
  if (text === null) return -1;
  const [, digits = '', unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text) ?? [];
  return unit === '' ? null : Number(digits) * (unitMs[unit] ?? 0);
}

const nothing = new Uint8Array(0);

export class GrpcCall implements RequestReceiver, AdsStream, TimerHandler {
  readonly host: CallHost;
  private readonly stream: ServerStream;
  private readonly parser: FrameParser;
  private readonly sender: MessageSender;
  private readonly deadline = new Timer(this, 0);
  private handler: CallHandler | null = null;
  /**
   * What came before it is known who sends it, unread and unopened: as much as the stream's window lets in. Null: what
   * comes goes on at once.
   */
  private held: Uint8Array | null = null;
  private heldBytes = 0;
  /** The request ended meanwhile. */
  private heldEnd = false;
  private headSent = false;
  private finished = false;
  private partial = 0;

  /** `bytesMax`: of one message. */
  constructor(host: CallHost, stream: ServerStream, bytesMax: number) {
    this.host = host;
    this.stream = stream;
    this.parser = new FrameParser(bytesMax);
    this.sender = new MessageSender(stream);
  }

  acceptGzip(): void {
    this.parser.decompress = this.host.gunzip;
  }

  setDeadline(ms: number): void {
    this.host.clock.arm(this.deadline, ms);
  }

  serve(handler: CallHandler): void {
    this.handler = handler;
    if (!this.finished) this.sendHead();
  }

  /** The client is asked to wait: what it may still send meanwhile is what its window lets it. */
  holdUntil(
    proof: Promise<Result<XdsCaller, CallerRefusal>>,
    settle: (proven: Result<XdsCaller, CallerRefusal>) => void,
  ): void {
    this.held = nothing;
    this.stream.pause();
    void proof.then((proven) => {
      if (this.finished) return;
      settle(proven);
      this.goOn();
    });
  }

  private goOn(): void {
    const { held, heldBytes } = this;
    this.held = null;
    this.heldBytes = 0;
    if (held !== null && heldBytes > 0) this.onBody(held, 0, heldBytes);
    if (this.finished) return;
    this.stream.resume();
    if (this.heldEnd) this.onEnd();
  }

  private pass(message: Uint8Array): void {
    if (!this.finished) this.handler?.onMessage(message);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    if (this.finished) return;
    if (this.held !== null) this.hold(this.held, bytes.subarray(start, end));
    else if (!this.read(bytes, start, end)) return;
    if (!this.finished && !this.chargePartial())
      this.fail(
        'too-large',
        `unfinished requests of this peer hold more than ${partialBytesPerPeerMax} bytes`,
      );
  }

  /** False: it could not be read, and the call has ended. */
  private read(bytes: Uint8Array, start: number, end: number): boolean {
    try {
      this.parser.push(bytes.subarray(start, end), (message) => this.pass(message));
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.fail('too-large', `the request ${error.message}`);
      return false;
    }
    return true;
  }

  private hold(held: Uint8Array, bytes: Uint8Array): void {
    const needed = this.heldBytes + bytes.length;
    let room = held;
    if (needed > held.length) {
      room = new Uint8Array(Math.max(needed, 2 * held.length));
      room.set(held.subarray(0, this.heldBytes));
      this.held = room;
    }
    room.set(bytes, this.heldBytes);
    this.heldBytes = needed;
  }

  private chargePartial(): boolean {
    const { account } = this.host;
    const held = this.parser.held + this.heldBytes;
    account.partialBytes += held - this.partial;
    this.partial = held;
    return account.partialBytes <= partialBytesPerPeerMax;
  }

  onEnd(): void {
    if (this.finished) return;
    if (this.held !== null) {
      this.heldEnd = true;
      return;
    }
    const { handler } = this;
    if (handler?.onRequestEnd !== undefined) {
      handler.onRequestEnd();
      return;
    }
    this.release();
    handler?.onClose(null);
    this.end(grpcStatus.ok, '');
  }

  onReset(error: MeshError): void {
    if (this.finished) return;
    const { handler } = this;
    this.release();
    handler?.onClose(error);
  }

  onWritable(): void {
    if (this.sender.resume() && !this.finished) this.handler?.onWritable();
  }

  onTimer(): void {
    this.fail('request-timeout', 'the deadline of the call has passed');
  }

  get progress(): number {
    return this.sender.chunks;
  }

  send(message: readonly Uint8Array[]): boolean {
    if (this.finished) return true;
    this.sendHead();
    return this.sender.send(message);
  }

  /** From the handler's side: it hears no more. */
  close(error: MeshError | null): void {
    if (this.finished) return;
    this.release();
    this.end(
      error?.code === 'request-timeout' ? grpcStatus.deadlineExceeded : statusOf(error),
      error?.message ?? '',
    );
  }

  private fail(code: 'too-large' | 'request-timeout', message: string): void {
    this.cut(new MeshError(code, 'downstream', 'no', message));
  }

  /** From the connection's side: the handler hears of it. */
  cut(error: MeshError): void {
    if (this.finished) return;
    const { handler } = this;
    this.close(error);
    handler?.onClose(error);
  }

  private sendHead(): void {
    if (this.headSent) return;
    this.headSent = true;
    this.stream.sendResponse(createResponseHead(200, grpcHead), false);
  }

  private end(status: number, message: string): void {
    if (this.headSent)
      this.sender.whenSent(() => this.stream.sendEnd(createTrailers(statusFields(status, message))));
    else refuse(this.stream, status, message);
  }

  private release(): void {
    this.finished = true;
    this.held = null;
    this.host.account.partialBytes -= this.partial;
    this.partial = 0;
    this.host.clock.cancel(this.deadline);
    this.host.onCallOver(this);
  }
}
