// The server's gRPC end: AggregatedDiscoveryService on @grpc/grpc-js, loaded when it starts to listen. Messages stay bytes here.

import type { Server, ServerDuplexStream } from '@grpc/grpc-js';
import { MeshError } from '../../base/index.ts';
import { type Address, ListenError } from '../../net/index.ts';
import { requestBytesMax } from '../limits.ts';
import type { AdsServer } from '../server/ads-server.ts';
import type { AdsStream, AdsStreamHandler, AdsVariant } from '../types.ts';
import { adsPaths } from './grpc-protocol.ts';

export interface ServeGrpcAdsOptions {
  readonly server: AdsServer;
  /** Port 0 takes a free one. */
  readonly address: Address;
  /** A ping goes to a silent client after this; default 30,000. */
  readonly keepaliveMs?: number;
  /** A client that does not answer it is dropped after this; default 10,000. */
  readonly keepaliveTimeoutMs?: number;
  /** Streams of one connection; default 64 (an Envoy opens one, a test client many). */
  readonly streamsPerConnectionMax?: number;
}

export interface GrpcAdsListener {
  /** As bound. */
  readonly address: Address;
  /** Ends all streams and stops listening; connections that still linger after `graceMs` are cut. */
  close(graceMs: number): Promise<void>;
}

/** Rejects with a ListenError when the address cannot be bound. */
export async function serveGrpcAds(options: ServeGrpcAdsOptions): Promise<GrpcAdsListener> {
  const grpc = await import('@grpc/grpc-js');
  // What goes wrong is returned or thrown here; a library's own lines on standard error would be noise.
  grpc.setLogVerbosity(grpc.logVerbosity.NONE);
  const listener = new grpc.Server({
    'grpc.max_receive_message_length': requestBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': options.streamsPerConnectionMax ?? 64,
    'grpc.keepalive_time_ms': options.keepaliveMs ?? 30_000,
    'grpc.keepalive_timeout_ms': options.keepaliveTimeoutMs ?? 10_000,
  });
  const method = (variant: AdsVariant) => ({
    path: adsPaths[variant],
    requestStream: true as const,
    responseStream: true as const,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  });
  listener.addService(
    { streamAggregatedResources: method('sotw'), deltaAggregatedResources: method('delta') },
    {
      streamAggregatedResources: (call: Call) => serveCall(options.server, 'sotw', call, grpc.status),
      deltaAggregatedResources: (call: Call) => serveCall(options.server, 'delta', call, grpc.status),
    },
  );
  const address = await bind(listener, options.address, grpc.ServerCredentials.createInsecure());
  return { address, close: (graceMs) => closeListener(listener, options.server, graceMs) };
}

type Call = ServerDuplexStream<Buffer, Buffer>;
type Statuses = Readonly<Record<'INVALID_ARGUMENT' | 'UNAVAILABLE', number>>;

function identity(bytes: Buffer): Buffer {
  return bytes;
}

function serveCall(server: AdsServer, variant: AdsVariant, call: Call, statuses: Statuses): void {
  const stream = new ServedCall(call, statuses);
  const handler = server.accept(variant, stream, call.getPeer().replace(/:\d+$/, ''));
  stream.handler = handler;
  call.on('data', (message: Buffer) => handler.onMessage(message));
  call.on('drain', () => handler.onWritable());
  call.on('cancelled', () =>
    stream.finish(new MeshError('cancelled', 'downstream', 'yes', 'the client left')),
  );
  call.on('error', (error: Error) =>
    stream.finish(new MeshError('peer-reset', 'downstream', 'yes', error.message, error)),
  );
  call.on('end', () => {
    stream.finish(null);
    call.end();
  });
}

class ServedCall implements AdsStream {
  handler: AdsStreamHandler | null = null;
  private readonly call: Call;
  private readonly statuses: Statuses;
  private finished = false;

  constructor(call: Call, statuses: Statuses) {
    this.call = call;
    this.statuses = statuses;
  }

  send(message: Uint8Array): boolean {
    if (this.finished) return true;
    return this.call.write(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
  }

  close(error: MeshError | null): void {
    if (this.finished) return;
    this.finished = true;
    if (error === null) this.call.end();
    else {
      const { INVALID_ARGUMENT, UNAVAILABLE } = this.statuses;
      const code = error.source === 'downstream' ? INVALID_ARGUMENT : UNAVAILABLE;
      this.call.emit('error', { code, details: error.message });
    }
  }

  finish(error: MeshError | null): void {
    if (this.finished) return;
    this.finished = true;
    this.handler?.onClose(error);
  }
}

type Credentials = ReturnType<typeof import('@grpc/grpc-js').ServerCredentials.createInsecure>;

function bind(listener: Server, address: Address, credentials: Credentials): Promise<Address> {
  const target = address.kind === 'unix' ? `unix:${address.path}` : formatTarget(address.host, address.port);
  return new Promise((resolve, reject) => {
    listener.bindAsync(target, credentials, (error, port) => {
      if (error !== null) {
        const code = /EADDRINUSE|in use/i.test(error.message) ? 'in-use' : 'failed';
        reject(new ListenError(code, `xDS cannot listen on ${target}: ${error.message}`));
      } else resolve(address.kind === 'unix' ? address : { ...address, port });
    });
  });
}

function formatTarget(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function closeListener(listener: Server, server: AdsServer, graceMs: number): Promise<void> {
  server.closeStreams();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      listener.forceShutdown();
      resolve();
    }, graceMs);
    listener.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
