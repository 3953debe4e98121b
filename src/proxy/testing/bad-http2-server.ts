// An HTTP/2 server that misbehaves on purpose. On a connection the first stream is held open, the second one is
// answered badly, and then the first one is answered well, so that what a fault of one stream does to another can be
// told. Connections that come later in the same case are answered well: whoever is sent again finds that out.

import { createServer, type Server, type Socket } from 'node:net';
import {
  codeNames,
  data,
  endHeaders,
  FrameSplitter,
  headers,
  type SeenFrame,
  settings,
  type,
} from '../../testing/http2-frames.ts';

/** Index 8 of the static table: `:status: 200`. */
export const ok = [0x88];

export interface Misbehaviour {
  readonly name: string;
  /** Instead of SETTINGS. */
  readonly greeting?: Buffer;
  /** What is said when the second stream, `bad`, was opened; `held` is the first. */
  readonly say: (bad: number, held: number) => Buffer;
  /** The end of the connection behind it. */
  readonly ends?: 'fin' | 'rst';
}

export class BadHttp2Server {
  /** What the proxy said about the bad stream and the connection, since the case began. */
  readonly heard: string[] = [];
  /** Streams of the case's first connection. */
  readonly streams: number[] = [];
  port = 0;
  private case: Misbehaviour | null = null;
  private first: Socket | null = null;
  private readonly sockets = new Set<Socket>();
  private readonly server: Server = createServer((socket) => this.accept(socket));

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    this.port = (this.server.address() as { port: number }).port;
  }

  begin(next: Misbehaviour): void {
    for (const socket of this.sockets) socket.destroy();
    this.sockets.clear();
    this.heard.length = 0;
    this.streams.length = 0;
    this.first = null;
    this.case = next;
  }

  /** The held stream is answered well. */
  release(): void {
    const [held = 0] = this.streams;
    this.first?.write(answer(held));
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private accept(socket: Socket): void {
    const isFirst = this.first === null;
    if (isFirst) this.first = socket;
    this.sockets.add(socket);
    const frames = new FrameSplitter();
    // Behind the preface.
    let skip = 24;
    socket.write((isFirst ? this.case?.greeting : undefined) ?? settings());
    socket.on('data', (bytes: Buffer) => {
      const from = Math.min(skip, bytes.length);
      skip -= from;
      for (const seen of frames.take(bytes.subarray(from))) {
        if (!isFirst) this.answerWell(socket, seen);
        else this.onFrame(socket, seen);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
    });
  }

  private answerWell(socket: Socket, { kind, stream }: SeenFrame): void {
    if (kind === type.headers) socket.write(answer(stream, 'again'));
  }

  private onFrame(socket: Socket, { kind, stream, payload }: SeenFrame): void {
    if (kind === type.rstStream)
      this.hear(stream === this.streams[1] ? 'reset' : `reset of ${stream}`, payload, 0);
    if (kind === type.goaway) this.hear('goaway', payload, 4);
    if (kind !== type.headers) return;
    this.streams.push(stream);
    if (this.streams.length === 2) this.misbehave(socket);
    else if (this.streams.length > 2) socket.write(answer(stream, 'again'));
  }

  private misbehave(socket: Socket): void {
    const [held = 0, bad = 0] = this.streams;
    const { say, ends } = this.case!;
    socket.write(say(bad, held), () => {
      if (ends === 'fin') socket.end();
      else if (ends === 'rst') socket.resetAndDestroy();
    });
  }

  private hear(what: string, payload: Buffer, at: number): void {
    this.heard.push(`${what}: ${codeNames[payload.readUInt32BE(at)] ?? 'unknown'}`);
  }
}

function answer(stream: number, body = 'fine'): Buffer {
  return Buffer.concat([headers(stream, endHeaders, ok), data(stream, body, 1)]);
}
