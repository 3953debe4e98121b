// For tests: frames in a word each, both ways; a sink that delivers at the end of a turn; hosts that write down what
// they hear; and two codecs wired to each other.

import { type Clock, type MeshError, VirtualClock } from '../../base/index.ts';
import type { Head, RequestHead, ResponseHead } from '../head.ts';
import { linesOf, MemorySink, StoryReceiver } from '../http1/test-sinks.ts';
import { createRequestHead } from '../made-head.ts';
import type {
  ClientHost,
  ClientStream,
  RequestReceiver,
  ResponseReceiver,
  ServerStream,
  TurnSink,
  TurnWriter,
} from '../stream.ts';
import { clientPreface, errorCode, frameHeaderBytes, frameType } from './constants.ts';
import { createFaultCounts } from './counts.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { HpackEncoder } from './hpack/encoder.ts';
import { Http2ClientCodec, Http2ServerCodec, type Http2ServerHost } from './index.ts';
import { defaultHttp2Limits, type Http2Limits } from './limits.ts';
import type { Http2Options } from './link.ts';
import { OutBuffer } from './out-buffer.ts';

export type Lines = readonly (readonly [name: string, value: string])[];

export const getLines: Lines = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':authority', 'a.example'],
  [':path', '/'],
];
export const postLines: Lines = [[':method', 'POST'], ...getLines.slice(1)];

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | readonly number[] = [],
): Uint8Array {
  const out = new OutBuffer();
  out.reserve(frameHeaderBytes + payload.length);
  out.frameHeader(payload.length, type, flags, stream);
  out.bytes.set(payload, out.length);
  return out.bytes.slice(0, out.length + payload.length);
}

export function headers(stream: number, lines: Lines, flags = 5): Uint8Array {
  return frame(frameType.headers, flags, stream, block(lines));
}

/** A field block that leans on no table. */
export function block(lines: Lines): Uint8Array {
  const out = new OutBuffer();
  const encoder = new HpackEncoder();
  encoder.setTableBytesMax(0);
  for (const [name, value] of lines) {
    out.reserve(name.length + value.length + 16);
    out.bytes[out.length++] = 0;
    for (const text of [name, value]) {
      // An integer with a prefix of seven bits.
      if (text.length < 127) out.bytes[out.length++] = text.length;
      else {
        out.bytes[out.length++] = 127;
        for (let rest = text.length - 127; ; rest >>= 7) {
          out.bytes[out.length++] = rest >= 128 ? (rest & 127) | 128 : rest;
          if (rest < 128) break;
        }
      }
      out.text(text);
    }
  }
  return out.bytes.slice(0, out.length);
}

export function data(stream: number, text: string, flags = 0): Uint8Array {
  return frame(frameType.data, flags, stream, Buffer.from(text, 'latin1'));
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Uint8Array {
  return frame(
    frameType.settings,
    0,
    0,
    pairs.flatMap(([id, value]) => [id >> 8, id & 255, ...uint32Bytes(value)]),
  );
}

export function uint32Bytes(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

export function windowUpdate(stream: number, count: number): Uint8Array {
  return frame(frameType.windowUpdate, 0, stream, uint32Bytes(count));
}

export function reset(stream: number, code: number = errorCode.cancel): Uint8Array {
  return frame(frameType.rstStream, 0, stream, uint32Bytes(code));
}

export function ping(flags = 0): Uint8Array {
  return frame(frameType.ping, flags, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
}

export const preface = Uint8Array.from(Buffer.from(clientPreface, 'latin1'));
export const hello = concat(preface, settings());

const typeNames = Object.keys(frameType);
const codeNames = Object.keys(errorCode);

/** Frames as a reader sees them, a line each: "headers 1 end [:status: 200]", "goaway 0 protocolError". */
export class FrameLog {
  readonly lines: string[] = [];
  private rest: Uint8Array = new Uint8Array(0);
  private readonly decoder = new HpackDecoder(4096);

  take(bytes: Uint8Array): void {
    this.rest = concat(this.rest, bytes);
    while (this.rest.length >= frameHeaderBytes) {
      const view = Buffer.from(this.rest);
      const length = view.readUIntBE(0, 3);
      if (view.length < frameHeaderBytes + length) return;
      const payload = view.subarray(frameHeaderBytes, frameHeaderBytes + length);
      this.lines.push(this.describe(view[3]!, view[4]!, view.readUInt32BE(5), payload));
      this.rest = this.rest.slice(frameHeaderBytes + length);
    }
  }

  private describe(type: number, flags: number, stream: number, payload: Buffer): string {
    const name = `${typeNames[type]} ${stream}`;
    const end = (flags & 1) !== 0 ? ' end' : '';
    if (type === frameType.headers) {
      const fields: string[] = [];
      this.decoder.decode(payload, 0, payload.length, {
        onField: (field) => fields.push(`${field.name}: ${field.value}`),
      });
      return `${name}${end} [${fields.join(', ')}]`;
    }
    if (type === frameType.data) return `${name}${end} ${payload.toString('latin1')}`;
    if (type === frameType.rstStream) return `${name} ${codeNames[payload.readUInt32BE(0)]}`;
    if (type === frameType.goaway)
      return `goaway ${payload.readUInt32BE(0)} ${codeNames[payload.readUInt32BE(4)]}`;
    if (type === frameType.windowUpdate) return `${name} ${payload.readUInt32BE(0)}`;
    return (flags & 1) !== 0 ? `${name} ack` : name;
  }
}

export class TurnMemorySink extends MemorySink implements TurnSink {
  writes = 0;
  /** Where written bytes go; null: they only stay in `text`. */
  onBytes: ((bytes: Uint8Array) => void) | null = null;
  private writer: TurnWriter | null = null;

  flushLater(writer: TurnWriter): void {
    this.writer = writer;
  }

  override write(bytes: Uint8Array, start: number, end: number): boolean {
    this.writes++;
    this.onBytes?.(concat(bytes.subarray(start, end)));
    return this.onBytes === null ? super.write(bytes, start, end) : this.writable;
  }

  send(bytes: Uint8Array, start: number, end: number): boolean {
    return this.write(bytes, start, end);
  }

  turn(): boolean {
    const { writer } = this;
    this.writer = null;
    writer?.onTurnEnd();
    return writer !== null;
  }
}

export function options(limits: Partial<Http2Limits> = {}, clock: Clock = new VirtualClock()): Http2Options {
  return {
    limits: { ...defaultHttp2Limits, ...limits },
    clock,
    counts: createFaultCounts(),
    extraSettings: [],
    keepaliveMs: 0,
    keepaliveTimeoutMs: 0,
    idlePingMs: 0,
    stallMs: 0,
    extendedConnect: false,
  };
}

type Answer = (stream: ServerStream, head: RequestHead, endStream: boolean) => RequestReceiver | null;

export class TestServerHost implements Http2ServerHost {
  readonly events: string[] = [];
  readonly streams: ServerStream[] = [];
  readonly heads: RequestHead[] = [];
  answer: Answer;

  constructor(answer: Answer = () => null) {
    this.answer = answer;
  }

  onHeadStart(): void {}

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    this.streams.push(stream);
    this.heads.push(head);
    const label = this.streams.length;
    const target = `${head.method} ${head.scheme}|${head.authority}|${head.path}`;
    this.events.push(`${label} request ${target} [${linesOf(head).join(', ')}]${endStream ? ' end' : ''}`);
    return this.answer(stream, head, endStream) ?? new StoryReceiver(storyOf(this.events, label));
  }

  onIdle(): void {
    this.events.push('idle');
  }

  onProtocolError(error: MeshError): void {
    this.events.push(`refused: ${error.message}`);
  }

  onEnding(): void {
    this.events.push('ending');
  }

  onStreamOver(): void {}

  onHeadRefused(): void {}
}

export class TestClientHost implements ClientHost {
  readonly events: string[] = [];

  onStreamDone(reusable: boolean): void {
    this.events.push(reusable ? 'done reusable' : 'done');
  }

  onRetired(): void {
    this.events.push('retired');
  }

  onCapacity(): void {
    this.events.push('capacity');
  }
}

/** A story in a shared list: neighbouring body events of one stream are joined. */
function storyOf(events: string[], label: number | string) {
  const body = `${label} body `;
  const addBody = (text: string) => {
    const last = events.length - 1;
    if (events[last]?.startsWith(body)) events[last] += text;
    else events.push(body + text);
  };
  return { events, add: (event: string) => void events.push(`${label} ${event}`), addBody };
}

/** A server under test: raw frames in, described frames and events out. */
export class ServerBench {
  readonly sink = new TurnMemorySink();
  readonly log = new FrameLog();
  readonly host: TestServerHost;
  readonly options: Http2Options;
  readonly codec: Http2ServerCodec;

  constructor(chosen: Http2Options = options(), answer?: Answer) {
    this.options = chosen;
    this.host = new TestServerHost(answer);
    this.sink.onBytes = (bytes) => this.log.take(bytes);
    this.codec = new Http2ServerCodec(this.sink, this.host, chosen);
    this.sink.turn();
  }

  /** One turn: bytes in, frames out. */
  feed(...parts: readonly Uint8Array[]): this {
    this.codec.receive(concat(...parts));
    this.sink.turn();
    return this;
  }

  /** Frames written since the last call, without the greeting. */
  take(): string[] {
    this.sink.turn();
    return this.log.lines
      .splice(0)
      .filter(
        (line) => line !== 'settings 0' && line !== 'settings 0 ack' && line !== 'windowUpdate 0 983041',
      );
  }
}

/** A client under test: what a server says in, frames and events out. */
export class ClientBench {
  readonly sink = new TurnMemorySink();
  readonly host = new TestClientHost();
  readonly options: Http2Options;
  readonly codec: Http2ClientCodec;
  readonly written: Uint8Array[] = [];

  constructor(chosen: Http2Options = options()) {
    this.options = chosen;
    this.sink.onBytes = (bytes) => this.written.push(bytes);
    this.codec = new Http2ClientCodec(this.sink, this.host, chosen);
    this.sink.turn();
  }

  get(label: string, endStream = true, method = 'GET'): ClientStream {
    return this.codec.start(createRequestHead(method, 'a.example', '/', []), endStream, this.receiver(label));
  }

  receiver(label: string): ResponseReceiver {
    return new StoryReceiver(storyOf(this.host.events, label));
  }

  feed(...parts: readonly Uint8Array[]): this {
    this.codec.receive(concat(...parts));
    this.sink.turn();
    return this;
  }

  /** Frames written since the last call, without preface and greeting. */
  take(): string[] {
    this.sink.turn();
    const log = new FrameLog();
    const bytes = concat(...this.written.splice(0));
    const greeted = Buffer.from(bytes).toString('latin1').startsWith(clientPreface);
    log.take(greeted ? bytes.slice(clientPreface.length) : bytes);
    return log.lines.filter(
      (line) => line !== 'settings 0' && line !== 'settings 0 ack' && line !== 'windowUpdate 0 983041',
    );
  }
}

/** A client and a server codec, wired: `run` turns both until nothing moves. `cut` splits what travels. */
export class Pair {
  readonly clientHost = new TestClientHost();
  readonly serverHost: TestServerHost;
  readonly client: Http2ClientCodec;
  readonly server: Http2ServerCodec;
  private readonly clientSink = new TurnMemorySink();
  private readonly serverSink = new TurnMemorySink();
  private readonly toServer: Uint8Array[] = [];
  private readonly toClient: Uint8Array[] = [];
  private readonly cut: (bytes: Uint8Array) => readonly Uint8Array[];

  constructor(
    answer: Answer,
    chosen: { server?: Http2Options; client?: Http2Options } = {},
    cut: (bytes: Uint8Array) => readonly Uint8Array[] = (bytes) => [bytes],
  ) {
    this.serverHost = new TestServerHost(answer);
    this.cut = cut;
    this.clientSink.onBytes = (bytes) => this.toServer.push(bytes);
    this.serverSink.onBytes = (bytes) => this.toClient.push(bytes);
    this.client = new Http2ClientCodec(this.clientSink, this.clientHost, chosen.client ?? options());
    this.server = new Http2ServerCodec(this.serverSink, this.serverHost, chosen.server ?? options());
  }

  receiver(label: string): ResponseReceiver {
    return new StoryReceiver(storyOf(this.clientHost.events, label));
  }

  run(): void {
    for (let moved = true; moved; ) {
      moved = this.clientSink.turn();
      moved = this.serverSink.turn() || moved;
      for (const bytes of this.toServer.splice(0))
        for (const piece of this.cut(bytes)) this.server.receive(piece);
      for (const bytes of this.toClient.splice(0))
        for (const piece of this.cut(bytes)) this.client.receive(piece);
    }
  }
}

/** Keeps a body and its end. */
export class Collector implements RequestReceiver, ResponseReceiver {
  private readonly pieces: Uint8Array[] = [];
  head: ResponseHead | null = null;
  trailers: Head | null = null;
  ended = false;
  error: MeshError | null = null;
  writable = 0;
  private readonly onDone: (() => void) | null;

  constructor(onDone: (() => void) | null = null) {
    this.onDone = onDone;
  }

  get body(): Uint8Array {
    return concat(...this.pieces);
  }

  onInformational(): void {}

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.head = head;
    if (endStream) this.onEnd(null);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    this.pieces.push(Uint8Array.prototype.slice.call(bytes, start, end));
  }

  onEnd(trailers: Head | null): void {
    this.trailers = trailers;
    this.ended = true;
    this.onDone?.();
  }

  onReset(error: MeshError): void {
    this.error = error;
  }

  onWritable(): void {
    this.writable++;
  }
}
