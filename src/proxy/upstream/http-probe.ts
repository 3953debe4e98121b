// A check by one request over HTTP/1.1 or HTTP/2, of HTTP's own or of gRPC's health protocol. Its connection is an
// upstream connection outside of every pool: no limit of the cluster counts it.

import { MeshError } from '../../base/index.ts';
import type { Address, Socket } from '../../net/index.ts';
import type { CheckResult } from '../../policy/index.ts';
import { Http1ClientCodec } from '../../wire/http1/index.ts';
import { createFaultCounts, defaultHttp2Limits, Http2ClientCodec } from '../../wire/http2/index.ts';
import type {
  ClientCodec,
  ClientHost,
  ClientStream,
  Head,
  RequestHead,
  ResponseHead,
  ResponseReceiver,
} from '../../wire/index.ts';
import type { ProxyContext } from '../context.ts';
import { http2Options } from '../http2-options.ts';
import { type ConnectionOwner, type ConnectionSettings, UpstreamConnection } from './connection.ts';
import type { Probe, ProbeOwner } from './health-probe.ts';
import type { Dial, DialHandler } from './racing-dial.ts';

/** What is asked, and what an answer means. */
export interface Question {
  readonly http2: boolean;
  readonly body: Uint8Array;
  /** Of the answer's body, as much as is looked at. */
  readonly bodyBytesMax: number;
  /** Made anew for each check. */
  createHead(owner: ProbeOwner): RequestHead;
  judge(head: ResponseHead, body: string, trailers: Head | null): CheckResult;
}

/** The session bounds the time of a check, connecting included; between two checks the peer decides. */
const settings: ConnectionSettings = {
  connectTimeoutMs: 0,
  idleTimeoutMs: 0,
  requestsPerConnectionMax: 0,
  connectionAgeMsMax: 0,
};

const http2Settings = {
  streamsMax: 1,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 65_535,
  tableBytesMax: 4_096,
  floods: defaultHttp2Limits,
  extraSettings: [],
  keepaliveMs: 0,
  keepaliveTimeoutMs: 0,
  keepaliveJitter: 0,
  idlePingMs: 0,
  tunnels: false,
} as const;

export class HttpProbe implements Probe, ConnectionOwner, ResponseReceiver {
  readonly settings = settings;
  private readonly owner: ProbeOwner;
  private readonly question: Question;
  private connection: UpstreamConnection | null = null;
  private stream: ClientStream | null = null;
  private checking = false;
  private answer: ResponseHead | null = null;
  private body = '';

  constructor(owner: ProbeOwner, question: Question) {
    this.owner = owner;
    this.question = question;
  }

  get context(): ProxyContext {
    return this.owner.context;
  }

  get key(): string {
    return this.owner.target.key;
  }

  get address(): Address {
    return this.owner.target.checkAddress;
  }

  begin(): void {
    this.checking = true;
    this.answer = null;
    this.body = '';
    if (this.connection !== null && this.connection.capacity > 0) this.send(this.connection);
    else this.connection = new UpstreamConnection(this);
  }

  giveUp(): void {
    this.checking = false;
    const { connection } = this;
    this.connection = null;
    this.stream = null;
    connection?.reset();
  }

  close(): void {
    this.giveUp();
  }

  dial(handler: DialHandler): Dial | MeshError {
    const options = this.owner.connectOptions();
    return options instanceof MeshError
      ? options
      : this.context.network.connect(this.address, handler, options);
  }

  createCodec(socket: Socket, host: ClientHost): ClientCodec {
    const { codecLimits, context } = this.owner;
    if (!this.question.http2) return new Http1ClientCodec(socket, host, codecLimits);
    const options = http2Options(http2Settings, codecLimits, context, createFaultCounts());
    return new Http2ClientCodec(socket, host, options, socket.secure === null ? 'http' : 'https');
  }

  onConnectionOpen(connection: UpstreamConnection): void {
    if (connection !== this.connection) connection.reset();
    else if (this.checking) this.send(connection);
  }

  onConnectFailed(connection: UpstreamConnection, _error: MeshError): void {
    if (connection === this.connection) this.finish('network');
  }

  onConnectionClosed(connection: UpstreamConnection): void {
    if (connection === this.connection) this.connection = null;
  }

  onSecure(): void {}

  trusts(): boolean {
    return false;
  }

  onCapacity(connection: UpstreamConnection): void {
    // HTTP/2 may open without room, until the server's settings come.
    if (connection === this.connection && this.checking && this.stream === null) this.send(connection);
  }

  onRetired(): void {}

  onSpent(): void {}

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.answer = head;
    if (endStream) this.onEnd(null);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    const room = this.question.bodyBytesMax - this.body.length;
    if (room <= 0) return;
    const count = Math.min(end - start, room);
    this.body += Buffer.from(bytes.buffer, bytes.byteOffset + start, count).toString('latin1');
  }

  onEnd(trailers: Head | null): void {
    const { answer, checking } = this;
    if (!checking || answer === null) return;
    this.finish(this.question.judge(answer, this.body, trailers));
  }

  onReset(_error: MeshError): void {
    this.finish('network');
  }

  onWritable(): void {}

  private send(connection: UpstreamConnection): void {
    if (connection.capacity === 0) return;
    const { body } = this.question;
    this.stream = connection.start(this.question.createHead(this.owner), body.length === 0, this);
    if (body.length === 0) return;
    this.stream.sendBody(body, 0, body.length);
    this.stream.sendEnd(null);
  }

  private finish(result: CheckResult): void {
    if (!this.checking) return;
    this.checking = false;
    this.stream = null;
    if (!this.owner.config.reuseConnection || result === 'network') {
      const { connection } = this;
      this.connection = null;
      if (connection !== null && connection.state !== 'closed') connection.close();
    }
    this.owner.onProbe(result, result === 'network' ? 0 : (this.answer?.status ?? 0));
  }
}
