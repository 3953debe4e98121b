// The admin interface: a small HTTP server over our own codec and the Network seam, so that a simulated proxy has one
// too.

import { type MeshError, Timer, type TimerHandler } from '../../base/index.ts';
import type { Address, Listener, Network, Socket, SocketHandler } from '../../net/index.ts';
import { defaultHttp1Limits, type Http1Limits, Http1ServerCodec } from '../../wire/http1/index.ts';
import {
  createResponseHead,
  type RequestHead,
  type RequestReceiver,
  type ServerHost,
  type ServerStream,
} from '../../wire/index.ts';
import type { AdminContext } from './context.ts';
import { adminLimits } from './limits.ts';
import { type AdminReply, text } from './reply.ts';
import { type AdminPage, answer } from './routes.ts';

export class AdminServer {
  readonly context: AdminContext;
  readonly pages: readonly AdminPage[];
  readonly connections = new Set<AdminConnection>();
  private readonly listener: Listener;

  /** Binds at once; throws net's ListenError when it cannot. */
  constructor(context: AdminContext, network: Network, address: Address, pages: readonly AdminPage[]) {
    this.context = context;
    this.pages = pages;
    this.listener = network.listen({ address, accept: (socket) => this.accept(socket) });
  }

  /** As bound. */
  get address(): Address {
    return this.listener.address;
  }

  close(): void {
    this.listener.close();
    for (const connection of this.connections) connection.close();
  }

  private accept(socket: Socket): SocketHandler {
    return new AdminConnection(this, socket);
  }
}

const codecLimits: Http1Limits = {
  ...defaultHttp1Limits,
  headBytesMax: adminLimits.headBytesMax,
  bodyBytesMax: adminLimits.bodyBytesMax,
};

/** What a page needs of a head, which is its codec's. */
interface Asked {
  readonly method: string;
  readonly path: string;
  readonly crossOrigin: boolean;
}

const timerKind = { idle: 0, slice: 1 } as const;

class AdminConnection implements SocketHandler, ServerHost, TimerHandler, RequestReceiver {
  private readonly server: AdminServer;
  private readonly socket: Socket;
  private readonly codec: Http1ServerCodec;
  private readonly timer = new Timer(this, timerKind.idle);
  private readonly sliceTimer = new Timer(this, timerKind.slice);
  private stream: ServerStream | null = null;
  private slices: Iterator<string, void> | null = null;

  constructor(server: AdminServer, socket: Socket) {
    this.server = server;
    this.socket = socket;
    this.codec = new Http1ServerCodec(socket, this, codecLimits);
  }

  onOpen(socket: Socket): void {
    if (this.server.connections.size >= adminLimits.connectionsMax) {
      socket.reset();
      return;
    }
    this.server.connections.add(this);
    this.awaitRequest();
  }

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
    this.codec.closed(error);
    this.server.context.clock.cancel(this.timer);
    this.server.context.clock.cancel(this.sliceTimer);
    this.server.connections.delete(this);
  }

  onHeadStart(): void {}

  onRequest(stream: ServerStream, head: RequestHead, _endStream: boolean): RequestReceiver {
    this.stream = stream;
    const { method, path } = head;
    const asked: Asked = { method, path, crossOrigin: head.findName('origin') >= 0 };
    const { collect } = this.server.context;
    // A probe wants to know of this moment, and must not wait for anybody.
    if (collect === null || path === '/ready' || (method === 'POST' && path !== '/reset_counters'))
      this.reply(asked);
    else void collect().then(() => this.stream === stream && this.reply(asked));
    return this;
  }

  private reply(asked: Asked): void {
    const { status, contentType, body } = this.answer(asked);
    const bodyless = asked.method === 'HEAD';
    const fields: (readonly [string, string])[] = [
      ['content-type', contentType],
      ['cache-control', 'no-cache, max-age=0'],
      ['x-content-type-options', 'nosniff'],
    ];
    if (typeof body === 'string') {
      const bytes = Buffer.from(body);
      fields.push(['content-length', `${bytes.length}`]);
      this.sendHead(status, fields, bodyless || bytes.length === 0);
      this.send(bytes);
      this.finish();
    } else {
      this.sendHead(status, fields, bodyless);
      this.slices = body;
      this.sendSlice();
    }
  }

  onIdle(): void {
    this.awaitRequest();
  }

  onProtocolError(): void {}

  // The body of a request, if any, has no meaning.
  onBody(): void {}

  onReset(): void {
    this.stream = null;
    this.slices = null;
  }

  onWritable(): void {
    this.sendSlice();
  }

  onTimer(kind: number): void {
    if (kind === timerKind.slice) this.sendSlice();
    else if (this.codec.idle) this.codec.drain();
    else this.socket.reset();
  }

  close(): void {
    this.codec.drain();
  }

  private sendHead(status: number, fields: readonly (readonly [string, string])[], bodyless: boolean): void {
    this.stream?.sendResponse(createResponseHead(status, fields), bodyless);
    if (bodyless) this.stream = null;
  }

  private send(bytes: Uint8Array): boolean {
    return this.stream?.sendBody(bytes, 0, bytes.length) ?? true;
  }

  private finish(): void {
    const { stream } = this;
    this.stream = null;
    this.slices = null;
    stream?.sendEnd(null);
  }

  /**
   * One slice now, the next one after whatever else waits for its turn; a client that does not read holds the rest
   * back.
   */
  private sendSlice(): void {
    if (this.slices === null || this.stream === null) return;
    const next = this.slices.next();
    if (next.done === true) this.finish();
    else if (this.send(Buffer.from(next.value))) this.server.context.clock.arm(this.sliceTimer, 0);
  }

  private answer({ method, path, crossOrigin }: Asked): AdminReply {
    const { pages, context } = this.server;
    try {
      return answer(pages, context, method, path, crossOrigin);
    } catch (error) {
      // A page that fails is a bug, but not one that may take the data path down.
      context.log.write('error', 'admin page failed', { path, error: String(error) });
      return text('internal error\n', 500);
    }
  }

  private awaitRequest(): void {
    this.server.context.clock.arm(this.timer, adminLimits.idleMs);
  }
}
