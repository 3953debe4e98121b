// The client's gRPC stream, on node:http2 alone: one bidirectional call needs no more, and a gRPC library would cost every sidecar
// 10 MB beyond it (docs/decisions/0008). http2 is loaded when the first stream opens.

import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { MeshError } from '../../base/index.ts';
import { type Address, formatAddress } from '../../net/index.ts';
import type { AdsStream, AdsStreamHandler, AdsTransport, AdsVariant } from '../types.ts';
import { encodeFrame, FrameParser } from './grpc-framing.ts';
import { adsPaths, describeStatus } from './grpc-protocol.ts';

export interface GrpcAdsOptions {
  /** Of the control plane; names are resolved before. */
  readonly address: Address;
  /** The `:authority` sent; default the address. */
  readonly authority?: string;
  /** TCP connect and HTTP/2 preface; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** A ping is sent this long after the last one; default 30,000. */
  readonly keepaliveMs?: number;
  /** An unanswered ping ends the connection after this; default 10,000. */
  readonly keepaliveTimeoutMs?: number;
}

export function createGrpcAdsTransport(options: GrpcAdsOptions): AdsTransport {
  return new GrpcTransport(options);
}

class GrpcTransport implements AdsTransport {
  private readonly options: GrpcAdsOptions;
  private readonly streams = new Set<GrpcStream>();

  constructor(options: GrpcAdsOptions) {
    this.options = options;
  }

  open(variant: AdsVariant, handler: AdsStreamHandler): AdsStream {
    const stream = new GrpcStream(this.options, handler, () => this.streams.delete(stream));
    this.streams.add(stream);
    void stream.connect(variant);
    return stream;
  }

  close(): void {
    for (const stream of [...this.streams]) stream.fail('cancelled', 'the transport was closed');
  }
}

/** One connection with one call. The session is not shared: an ADS client has one stream at a time. */
class GrpcStream implements AdsStream {
  private readonly options: GrpcAdsOptions;
  private readonly handler: AdsStreamHandler;
  private readonly onGone: () => void;
  private readonly parser = new FrameParser();
  private session: ClientHttp2Session | null = null;
  private call: ClientHttp2Stream | null = null;
  /** Sent before the call was open. */
  private waiting: Uint8Array[] = [];
  private connectTimer: ReturnType<typeof setTimeout> | undefined;
  private keepaliveTimer: ReturnType<typeof setInterval> | undefined;
  private pingTimer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(options: GrpcAdsOptions, handler: AdsStreamHandler, onGone: () => void) {
    this.options = options;
    this.handler = handler;
    this.onGone = onGone;
  }

  async connect(variant: AdsVariant): Promise<void> {
    const [{ connect: connectHttp2 }, { connect: connectSocket }] = await Promise.all([
      import('node:http2'),
      import('node:net'),
    ]);
    if (this.closed) return;
    const { address, connectTimeoutMs = 5_000, keepaliveMs = 30_000 } = this.options;
    const authority =
      this.options.authority ?? (address.kind === 'unix' ? 'localhost' : formatAddress(address));
    const session = connectHttp2(`http://${authority}`, {
      createConnection: () =>
        address.kind === 'unix'
          ? connectSocket(address.path)
          : connectSocket({ host: address.host, port: address.port, noDelay: true }),
    });
    this.session = session;
    this.connectTimer = setTimeout(
      () => this.fail('connect-timeout', `no connection in ${connectTimeoutMs} ms`),
      connectTimeoutMs,
    );
    session.on('connect', () => clearTimeout(this.connectTimer));
    session.on('error', (error: Error) => this.fail('connect-failed', error.message, error));
    session.on('goaway', () => this.fail('draining', 'the server is going away'));
    session.on('close', () => this.fail('peer-closed', 'the connection was closed'));
    this.keepaliveTimer = setInterval(() => this.ping(), keepaliveMs);
    this.openCall(session, variant);
  }

  private openCall(session: ClientHttp2Session, variant: AdsVariant): void {
    const call = session.request(
      {
        ':method': 'POST',
        ':path': adsPaths[variant],
        'content-type': 'application/grpc',
        te: 'trailers',
        'user-agent': 'weft',
      },
      { endStream: false },
    );
    this.call = call;
    call.on('response', (headers) => {
      const status = headers[':status'];
      if (status !== 200) this.fail('protocol', `the server answered with HTTP status ${status}`);
      // A call that fails at once has its status here and no trailers.
      else if (headers['grpc-status'] !== undefined) this.failByStatus(headers);
    });
    call.on('trailers', (trailers) => this.failByStatus(trailers));
    call.on('data', (bytes: Uint8Array) => this.take(bytes));
    call.on('drain', () => {
      if (!this.closed) this.handler.onWritable();
    });
    call.on('error', (error: Error) => this.fail('peer-reset', error.message, error));
    call.on('close', () => this.fail('peer-closed', 'the call was closed'));
    for (const frame of this.waiting) call.write(frame);
    this.waiting = [];
  }

  send(message: Uint8Array): boolean {
    if (this.closed) return true;
    const frame = encodeFrame(message);
    if (this.call === null) {
      this.waiting.push(frame);
      return true;
    }
    return this.call.write(frame);
  }

  close(error: MeshError | null): void {
    if (this.closed) return;
    this.release();
    if (error === null) {
      this.call?.end();
      this.session?.close();
    }
    this.session?.destroy();
  }

  private take(bytes: Uint8Array): void {
    try {
      this.parser.push(bytes, (message) => {
        if (!this.closed) this.handler.onMessage(message);
      });
    } catch (error) {
      if (error instanceof Error && error.name === 'FrameError')
        this.fail('protocol', `a response ${error.message}`);
      else throw error;
    }
  }

  private ping(): void {
    const { session } = this;
    if (session === null || this.closed) return;
    const { keepaliveTimeoutMs = 10_000 } = this.options;
    clearTimeout(this.pingTimer);
    this.pingTimer = setTimeout(
      () => this.fail('idle-timeout', `no answer to a ping in ${keepaliveTimeoutMs} ms`),
      keepaliveTimeoutMs,
    );
    session.ping((error) => {
      if (error === null) clearTimeout(this.pingTimer);
    });
  }

  private failByStatus(headers: Readonly<Record<string, string | string[] | number | undefined>>): void {
    this.fail('peer-closed', describeStatus(headers['grpc-status'], headers['grpc-message']));
  }

  fail(code: MeshError['code'], reason: string, cause: unknown = null): void {
    if (this.closed) return;
    this.release();
    this.session?.destroy();
    const message = `ADS at ${formatAddress(this.options.address)}: ${reason}`;
    this.handler.onClose(new MeshError(code, 'upstream', 'yes', message, cause));
  }

  private release(): void {
    this.closed = true;
    clearTimeout(this.connectTimer);
    clearTimeout(this.pingTimer);
    clearInterval(this.keepaliveTimer);
    this.onGone();
  }
}
