// Streams of gRPC that carry messages as fast as the proxy passes them on, sent by this process: each stream carries
// so many and is followed by another one.

import type { MeshError } from '../../src/base/index.ts';
import {
  type Address,
  createBunNetwork,
  createClientOptions,
  createSystemClock,
  Http2ClientSocket,
  type Network,
  type Socket,
} from '../../src/net/index.ts';
import type { Http2ClientCodec } from '../../src/wire/http2/index.ts';
import {
  type ClientStream,
  createRequestHead,
  type Head,
  type ResponseHead,
  type ResponseReceiver,
} from '../../src/wire/index.ts';
import { MessageSender, MessageTally, sendMessage } from '../peers/message-sender.ts';
import type { Saturation } from './request.ts';
import type { Running } from './running.ts';

/** Of a client's messages, of a server's, of either's by turns. */
export type StreamKind = 'Up' | 'Down' | 'Both';

export interface MessageLoad {
  readonly kind: StreamKind;
  readonly connections: number;
  /** At once on each connection. */
  readonly streams: number;
  /** Of one stream. */
  readonly messages: number;
}

const windowBytes = 1024 * 1024;
const endTimeoutMs = 5000;

/** `requests` are messages: those that came back, and a client's when their stream ended well. */
export async function saturateMessages(
  { place }: Running,
  seconds: number,
  load: MessageLoad,
): Promise<Saturation> {
  const run: LoadRun = { load, messages: 0, failed: 0, over: false };
  const address = { kind: 'ip', host: '127.0.0.1', port: place.listener } as const;
  const network = createBunNetwork();
  const begun = performance.now();
  const clients = Array.from({ length: load.connections }, () => new MessageClient(network, address, run));
  await Bun.sleep(seconds * 1000);
  // What runs ends in order: a hundred resets at once are a flood to the endpoints.
  run.over = true;
  const running = () => clients.reduce((sum, client) => sum + client.running, 0);
  const deadline = performance.now() + endTimeoutMs;
  while (running() > 0 && performance.now() < deadline) await Bun.sleep(5);
  const tookMs = performance.now() - begun;
  run.failed += running();
  for (const { socket } of clients) socket.end();
  return { requests: run.messages, seconds: tookMs / 1000, failed: run.failed };
}

interface LoadRun {
  readonly load: MessageLoad;
  messages: number;
  failed: number;
  /** No stream begins, and those with messages by turns end. */
  over: boolean;
}

class MessageClient extends Http2ClientSocket {
  private readonly run: LoadRun;
  running = 0;

  constructor(network: Network, address: Address, run: LoadRun) {
    const { streams } = run.load;
    const limits = {
      concurrentStreamsMax: streams,
      streamWindowBytes: windowBytes,
      connectionWindowBytes: windowBytes * streams,
    };
    super(network, address, createClientOptions(createSystemClock(), limits));
    this.run = run;
  }

  /** The proxy said how many streams it takes, or takes one again. */
  override onCapacity(): void {
    const { codec, run } = this;
    if (codec === null) return;
    while (!run.over && this.running < run.load.streams && codec.capacity > 0) {
      this.running += 1;
      new MessageStream(codec, run);
    }
  }

  override onStreamDone(): void {
    this.running -= 1;
    this.onCapacity();
  }

  override onClose(socket: Socket, error: MeshError | null): void {
    if (!this.run.over) this.run.failed += 1;
    super.onClose(socket, error);
  }
}

class MessageStream implements ResponseReceiver {
  private readonly run: LoadRun;
  private readonly stream: ClientStream;
  private readonly received = new MessageTally();
  /** What a client's stream sends, at once. */
  private readonly sender: MessageSender;

  constructor(codec: Http2ClientCodec, run: LoadRun) {
    this.run = run;
    const { kind, messages } = run.load;
    this.stream = codec.start(
      createRequestHead('POST', 'ledger', `/bank.Ledger/${kind}`, fieldsOf(messages)),
      false,
      this,
    );
    this.sender = new MessageSender(this.stream, kind === 'Up' ? messages : 1, () => {
      if (kind !== 'Both') this.stream.sendEnd(null);
    });
    this.sender.send();
  }

  onInformational(): void {}

  onResponse(_head: ResponseHead, endStream: boolean): void {
    if (endStream) this.run.failed += 1;
  }

  onBody(_bytes: Uint8Array, start: number, end: number): void {
    const { kind, messages } = this.run.load;
    const fresh = this.received.add(end - start);
    if (kind !== 'Up') this.run.messages += fresh;
    if (kind !== 'Both' || fresh === 0) return;
    if (this.received.count >= messages || this.run.over) this.stream.sendEnd(null);
    else sendMessage(this.stream);
  }

  onEnd(trailers: Head | null): void {
    const { kind, messages } = this.run.load;
    const wanted = kind === 'Up' || this.run.over ? 1 : messages;
    const whole = this.received.count >= wanted;
    if (!whole || trailers?.getName('grpc-status') !== '0') this.run.failed += 1;
    else if (kind === 'Up') this.run.messages += messages;
  }

  onReset(): void {
    this.run.failed += 1;
  }

  onWritable(): void {
    this.sender.send();
  }
}

function fieldsOf(messages: number): readonly (readonly [string, string])[] {
  return [
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
    ['x-messages', `${messages}`],
  ];
}
