// The server's gRPC end, on our own HTTP/2 over the Network seam: the discovery services and health. Connections are
// counted by peer, have an age, and end when nobody uses them.

import {
  type Clock,
  type Log,
  MeshError,
  type Random,
  silentLog,
  Timer,
  type TimerHandler,
} from '../../base/index.ts';
import {
  type Address,
  formatAddress,
  ListenError,
  type Listener,
  type Network,
  type Socket,
  type SocketHandler,
  type TlsServer,
} from '../../net/index.ts';
import {
  createFaultCounts,
  defaultHttp2Limits,
  type Http2Options,
  Http2ServerCodec,
  type Http2ServerHost,
} from '../../wire/http2/index.ts';
import type { RequestHead, RequestReceiver, ServerStream } from '../../wire/index.ts';
import type { CallerProof } from '../caller.ts';
import {
  connectionsMax,
  connectionsPerPeerMax,
  firstRequestWaitMs,
  pingGapMs,
  unprovenCallsMax,
  unprovenConnectionsMax,
} from '../limits.ts';
import type { AdsServer } from '../server/ads-server.ts';
import type { LoadReports } from '../server/load-reports.ts';
import { findClientStatus } from './client-status.ts';
import { type CallHost, type GrpcCall, type Proof, serveCall } from './grpc-calls.ts';
import type { Decompress } from './grpc-framing.ts';
import { HealthService, type StartCall } from './health.ts';
import { findReflection } from './reflection.ts';

export interface ServeGrpcAdsOptions {
  readonly server: AdsServer;
  readonly network: Network;
  readonly clock: Clock;
  readonly log?: Log;
  /** Spreads the ages of connections; without it all live equally long. */
  readonly random?: Random;
  /** Port 0 takes a free one. */
  readonly address: Address;
  /**
   * TLS, asked for each connection, so that a new certificate holds for the next one and touches no other; null: there
   * is none yet, and nobody is let in. Without it connections are plain.
   */
  readonly tls?: () => TlsServer | null;
  /** Who must be known before a stream of discovery begins; without it everybody is believed. */
  readonly proof?: CallerProof;
  /** Takes in how clients' requests went (LRS); without it they are told that there is no such service. */
  readonly loads?: LoadReports;
  /** Opens gzip; without it compressed requests are refused. */
  readonly gunzip?: Decompress;
  /** What the health service says; default: always. */
  readonly healthy?: () => boolean;
  /** A ping goes to a silent client after this; default 30,000. */
  readonly keepaliveMs?: number;
  /** A client that does not answer it is dropped after this; default 10,000. */
  readonly keepaliveTimeoutMs?: number;
  /** PINGs closer together are too many (limits.ts); 0: none are. */
  readonly pingGapMs?: number;
  /** A client that takes nothing of what waits for it for so long is dropped; default 60,000. */
  readonly stallMs?: number;
  /** A connection is asked to go after this, give or take a tenth; default 30 minutes. */
  readonly connectionAgeMs?: number;
  /** Streams of one connection; default 1,024. */
  readonly streamsPerConnectionMax?: number;
}

export interface GrpcAdsListener {
  /** As bound. */
  readonly address: Address;
  readonly connectionCount: number;
  /** Ends all streams and stops listening; connections that still linger after `graceMs` are cut. */
  close(graceMs: number): Promise<void>;
}

/** Throws a ListenError when the address cannot be bound. */
export function serveGrpcAds(options: ServeGrpcAdsOptions): GrpcAdsListener {
  return new GrpcServer(options);
}

const connectionAgeMs = 30 * 60_000;
/** After it was asked to go, a client gets this long to open another connection before its streams end. */
const ageGraceMs = 1_000;
/** A connection without a stream. */
const connectionIdleMs = 5 * 60_000;
/** After our last word, a peer gets this long to close. */
const lingerMs = 1_000;

interface PeerAccount {
  connections: number;
  /** Of them on which nobody has proven anything yet. */
  unproven: number;
  /** Of messages that have not come whole. */
  partialBytes: number;
}

class GrpcServer implements GrpcAdsListener, TimerHandler {
  readonly options: ServeGrpcAdsOptions;
  readonly http2: Http2Options;
  readonly log: Log;
  readonly health: HealthService;
  readonly connections = new Set<GrpcConnection>();
  /** Those on which nobody has proven who he is, or asked for anything where that need not be, the oldest first. */
  readonly unproven = new Set<GrpcConnection>();
  private readonly peers = new Map<string, PeerAccount>();
  private readonly listener: Listener;
  private readonly closeTimer = new Timer(this, 0);
  private onClosed: (() => void) | null = null;

  constructor(options: ServeGrpcAdsOptions) {
    this.options = options;
    this.log = options.log ?? silentLog;
    this.health = new HealthService(options.clock, options.healthy ?? (() => true));
    this.http2 = {
      limits: {
        ...defaultHttp2Limits,
        concurrentStreamsMax: options.streamsPerConnectionMax ?? 1_024,
        pingGapMs: options.pingGapMs ?? pingGapMs,
      },
      clock: options.clock,
      counts: createFaultCounts(),
      extraSettings: [],
      extendedConnect: false,
      keepaliveMs: options.keepaliveMs ?? 30_000,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs ?? 10_000,
      idlePingMs: 0,
      stallMs: options.stallMs ?? 60_000,
    };
    this.listener = listen(options, (socket) => this.accept(socket));
  }

  get address(): Address {
    return this.listener.address;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  close(graceMs: number): Promise<void> {
    this.listener.close();
    this.health.leave();
    this.options.server.closeStreams();
    return new Promise((resolve) => {
      this.onClosed = resolve;
      for (const connection of [...this.connections]) connection.finish('the control plane is going away');
      if (this.connections.size === 0) this.closed();
      else this.options.clock.arm(this.closeTimer, graceMs);
    });
  }

  onTimer(): void {
    for (const connection of [...this.connections]) connection.cut();
    this.closed();
  }

  private closed(): void {
    this.options.clock.cancel(this.closeTimer);
    const done = this.onClosed;
    this.onClosed = null;
    done?.();
  }

  private accept(socket: Socket): SocketHandler {
    const peer = socket.remote.kind === 'ip' ? socket.remote.host : '';
    const account = this.peers.get(peer) ?? {
      connections: 0,
      unproven: 0,
      partialBytes: 0,
    };
    const refused = this.connections.size >= connectionsMax || account.connections >= connectionsPerPeerMax;
    if (refused) {
      this.log.write('warn', 'xds connection refused', { peer, connections: account.connections });
      socket.reset();
      return silentHandler;
    }
    this.peers.set(peer, account);
    account.connections += 1;
    account.unproven += 1;
    const connection = new GrpcConnection(this, socket, peer, account);
    this.connections.add(connection);
    this.unproven.add(connection);
    if (this.unproven.size > unprovenConnectionsMax) this.findSuperfluous()?.cut();
    return connection;
  }

  /** The oldest of the peer that has most: who opens many takes from himself. */
  private findSuperfluous(): GrpcConnection | null {
    let found: GrpcConnection | null = null;
    for (const connection of this.unproven)
      if (connection.account.unproven > (found?.account.unproven ?? 0)) found = connection;
    return found;
  }

  proven(connection: GrpcConnection): void {
    if (this.unproven.delete(connection)) connection.account.unproven -= 1;
  }

  gone(connection: GrpcConnection): void {
    if (!this.connections.delete(connection)) return;
    this.proven(connection);
    connection.account.connections -= 1;
    if (connection.account.connections === 0) this.peers.delete(connection.peer);
    if (this.onClosed !== null && this.connections.size === 0) this.closed();
  }
}

function listen(options: ServeGrpcAdsOptions, accept: (socket: Socket) => SocketHandler): Listener {
  try {
    return options.network.listen({ address: options.address, accept });
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    throw new ListenError(
      error.code,
      `xDS cannot listen on ${formatAddress(options.address)}: ${error.message}`,
    );
  }
}

const silentHandler: SocketHandler = { onOpen() {}, onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

const timerKind = { deadline: 0, age: 1 } as const;

/** States: `silent` (no request yet) -> `serving` -> `leaving` (asked to go) -> gone. */
class GrpcConnection implements SocketHandler, Http2ServerHost, TimerHandler, CallHost {
  readonly peer: string;
  readonly account: PeerAccount;
  readonly clock: Clock;
  readonly ads: AdsServer;
  readonly loads: LoadReports | null;
  readonly gunzip: Decompress | null;
  private readonly server: GrpcServer;
  private readonly socket: Socket;
  private readonly codec: Http2ServerCodec;
  private readonly calls = new Set<GrpcCall>();
  /** To the first request, of a connection that nobody uses, or to the peer's end after ours. */
  private readonly deadline = new Timer(this, timerKind.deadline);
  private readonly age = new Timer(this, timerKind.age);
  private leaving = false;
  private ending = false;

  constructor(server: GrpcServer, socket: Socket, peer: string, account: PeerAccount) {
    this.server = server;
    this.clock = server.options.clock;
    this.ads = server.options.server;
    this.loads = server.options.loads ?? null;
    this.gunzip = server.options.gunzip ?? null;
    this.socket = socket;
    this.peer = peer;
    this.account = account;
    this.codec = new Http2ServerCodec(socket, this, server.http2);
    const { clock, random, connectionAgeMs: ageMs = connectionAgeMs } = server.options;
    clock.arm(this.deadline, firstRequestWaitMs);
    clock.arm(this.age, ageMs * (random === undefined ? 1 : 0.9 + 0.2 * random.float()));
  }

  onOpen(socket: Socket): void {
    const { tls } = this.server.options;
    if (tls === undefined) return;
    const server = tls();
    if (server === null) this.cut();
    else socket.startTlsServer(server, nothing);
  }

  onSecure(): void {}

  onData(_socket: Socket, bytes: Uint8Array): void {
    this.codec.receive(bytes);
  }

  onDrain(): void {
    this.codec.drained();
  }

  onEnd(): void {
    this.codec.receiveEnd();
  }

  onClose(_socket: Socket, error: MeshError | null): void {
    const { clock } = this.server.options;
    clock.cancel(this.deadline);
    clock.cancel(this.age);
    this.codec.closed(error);
    this.server.gone(this);
  }

  onHeadStart(): void {}

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    const { proof, clock } = this.server.options;
    if (proof === undefined) this.becomeProven();
    else if (!this.isProven && this.calls.size >= unprovenCallsMax) {
      this.server.log.write('warn', 'xds connection refused', {
        peer: this.peer,
        reason: 'many calls, no proof',
      });
      this.cut();
      return silentReceiver;
    }
    if (this.isProven) clock.cancel(this.deadline);
    const call = serveCall(this, stream, head, endStream);
    if (call === null) return silentReceiver;
    this.calls.add(call);
    return call;
  }

  prove(head: RequestHead): Proof | null {
    const { proof } = this.server.options;
    if (proof === undefined) return null;
    const { secure } = this.socket;
    const certificate = secure?.verified === true ? secure.peer : null;
    const proven = proof.prove({
      authorization: head.getName('authorization'),
      certificate,
      peer: this.peer,
    });
    if (!(proven instanceof Promise)) {
      if (proven.ok) this.becomeProven();
      return proven;
    }
    return proven.then((result) => {
      if (result.ok) this.becomeProven();
      return result;
    });
  }

  private get isProven(): boolean {
    return !this.server.unproven.has(this);
  }

  /** Gone meanwhile, it is in no list any more. */
  private becomeProven(): void {
    if (this.isProven) return;
    this.server.proven(this);
    this.server.options.clock.cancel(this.deadline);
  }

  findCall(path: string): StartCall | null {
    const { health, options } = this.server;
    return (
      health.find(path) ??
      findClientStatus(path, options.server, options.proof === undefined) ??
      findReflection(path)
    );
  }

  onCallOver(call: GrpcCall): void {
    this.calls.delete(call);
  }

  onStreamOver(): void {}

  onHeadRefused(): void {}

  onIdle(): void {
    if (!this.ending && this.isProven) this.server.options.clock.arm(this.deadline, connectionIdleMs);
  }

  onProtocolError(error: MeshError): void {
    this.server.log.write('warn', 'xds connection broke a rule', { peer: this.peer, reason: error.message });
  }

  onEnding(): void {
    this.ending = true;
    this.server.options.clock.arm(this.deadline, lingerMs);
  }

  onTimer(kind: number): void {
    if (kind === timerKind.age) this.leave();
    else if (this.ending || !this.isProven) this.cut();
    else this.codec.drain();
  }

  /** First it is told, so that it can go elsewhere; then its streams end. */
  private leave(): void {
    if (this.leaving) {
      this.finish('this connection is old enough');
      return;
    }
    this.leaving = true;
    this.codec.drain();
    this.server.options.clock.arm(this.age, ageGraceMs);
  }

  finish(reason: string): void {
    const error = new MeshError('draining', 'internal', 'yes', reason);
    for (const call of [...this.calls]) call.cut(error);
    // Asked twice it does not wait for the peer to have heard.
    this.codec.drain();
    this.codec.drain();
  }

  cut(): void {
    this.socket.reset();
  }
}

const nothing = new Uint8Array(0);
const silentReceiver: RequestReceiver = { onBody() {}, onEnd() {}, onReset() {}, onWritable() {} };
