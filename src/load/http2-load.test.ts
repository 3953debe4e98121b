import { describe, expect, test } from 'bun:test';
import { VirtualClock, Xoshiro128 } from '../base/index.ts';
import {
  type Address,
  createMemoryNetwork,
  type Network,
  type Socket,
  type SocketHandler,
} from '../net/index.ts';
import {
  createFaultCounts,
  defaultHttp2Limits,
  Http2ServerCodec,
  type Http2ServerHost,
} from '../wire/http2/index.ts';
import {
  createResponseHead,
  type RequestHead,
  type RequestReceiver,
  type ServerStream,
} from '../wire/index.ts';
import { createFixedRequests, type FixedRequest } from './fixed-requests.ts';
import { formatReport } from './format-report.ts';
import { createClockPacer } from './pacer.ts';
import { startLoad } from './run-load.ts';
import type { LoadOptions, LoadReport } from './types.ts';

const address: Address = { kind: 'ip', host: '127.0.0.1', port: 8080 };
const get: FixedRequest = {
  target: 0,
  method: 'GET',
  authority: 'ledger',
  path: '/',
  headers: [],
  body: null,
  call: null,
  weight: 1,
  secure: false,
  idempotencyKey: false,
  expects: (status) => status < 400,
};
const call: FixedRequest = {
  ...get,
  method: 'POST',
  body: new Uint8Array(5),
  call: { deadlineMs: 0, messageBytes: [5], messageIntervalMs: 0 },
};

type Answer = (stream: ServerStream, connection: Connection) => void;

class Connection implements SocketHandler, Http2ServerHost {
  readonly codec: Http2ServerCodec;
  running = 0;
  private readonly answer: Answer;

  constructor(socket: Socket, clock: VirtualClock, streams: number, answer: Answer) {
    this.answer = answer;
    this.codec = new Http2ServerCodec(socket, this, {
      limits: { ...defaultHttp2Limits, concurrentStreamsMax: streams },
      clock,
      counts: createFaultCounts(),
      extraSettings: [],
      keepaliveMs: 0,
      keepaliveTimeoutMs: 0,
      idlePingMs: 0,
      stallMs: 0,
      extendedConnect: false,
    });
  }

  onRequest(stream: ServerStream, _head: RequestHead, endStream: boolean): RequestReceiver {
    this.running += 1;
    if (endStream) this.answer(stream, this);
    return { onBody() {}, onEnd: () => this.answer(stream, this), onReset() {}, onWritable() {} };
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

  onClose(): void {
    this.codec.closed(null);
  }

  onStreamOver(): void {
    this.running -= 1;
  }

  onOpen(): void {}
  onHeadStart(): void {}
  onIdle(): void {}
  onProtocolError(): void {}
  onHeadRefused(): void {}
  onEnding(): void {}
}

interface Played {
  readonly report: LoadReport;
  readonly accepted: number;
  /** Requests at once on one connection, at most. */
  readonly together: number;
}

async function play(
  answer: Answer,
  requests: FixedRequest,
  changes: Partial<LoadOptions> = {},
  streams = 100,
): Promise<Played> {
  const clock = new VirtualClock();
  const random = new Xoshiro128(1n);
  const network: Network = createMemoryNetwork({ clock, random });
  let [accepted, together] = [0, 0];
  network.listen({
    address,
    accept: (socket) => {
      accepted += 1;
      return new Connection(socket, clock, streams, (stream, connection) => {
        together = Math.max(together, connection.running);
        answer(stream, connection);
      });
    },
  });
  const run = startLoad({
    clock,
    random,
    network,
    pacer: createClockPacer(clock),
    targets: [address],
    maker: createFixedRequests([requests], 'run', random),
    ratePerSecond: 100,
    arrivals: 'constant',
    durationMs: 5000,
    warmupMs: 0,
    connections: 2,
    streams: 10,
    timeoutMs: 2000,
    observer: null,
    intervalMs: 1000,
    ...changes,
  });
  let report: LoadReport | null = null;
  void run.done.then((done) => {
    report = done;
  });
  for (let second = 0; report === null && second < 60; second++) {
    clock.advanceBy(1000);
    await Promise.resolve();
  }
  return { report: await run.done, accepted, together };
}

const ok: Answer = (stream) => stream.sendResponse(createResponseHead(200, []), true);
const grpc =
  (status: string): Answer =>
  (stream) => {
    stream.sendResponse(createResponseHead(200, [['content-type', 'application/grpc']]), false);
    stream.sendEnd(createResponseHead(200, [['grpc-status', status]]));
  };

describe('over HTTP/2', () => {
  test('requests share few connections', async () => {
    const { report, accepted } = await play(ok, get);
    expect([report.succeeded, report.failed, accepted, report.streams]).toEqual([500, 0, 2, 10]);
  });

  test('a server that takes fewer streams is not sent more; the others wait', async () => {
    let waiting: ServerStream[] = [];
    const { report, together } = await play(
      (stream) => {
        waiting.push(stream);
        if (waiting.length < 6) return;
        for (const one of waiting) ok(one, null as never);
        waiting = [];
      },
      get,
      { ratePerSecond: 1000, connections: 1, durationMs: 600 },
      6,
    );
    expect(together).toBe(6);
    expect(report.succeeded).toBeGreaterThanOrEqual(594);
  });

  test('one that is not answered in time ends alone', async () => {
    let first = true;
    const { report, accepted } = await play((stream, connection) => {
      if (first) first = false;
      else ok(stream, connection);
    }, get);
    expect([report.succeeded, report.failures, accepted]).toEqual([499, { timeout: 1 }, 2]);
  });

  test('after GOAWAY another connection goes on', async () => {
    let count = 0;
    const { report, accepted } = await play((stream, connection) => {
      ok(stream, connection);
      if (++count % 100 === 0) connection.codec.drain();
    }, get);
    expect(report.succeeded).toBeGreaterThanOrEqual(495);
    expect(accepted).toBeGreaterThan(4);
  });

  /** None: nobody listens. */
  async function failuresOf(server: SocketHandler | null) {
    const clock = new VirtualClock();
    const random = new Xoshiro128(1n);
    const network = createMemoryNetwork({ clock, random });
    if (server !== null) network.listen({ address, accept: () => server });
    const run = startLoad({
      clock,
      random,
      network,
      pacer: createClockPacer(clock),
      targets: [address],
      maker: createFixedRequests([get], 'run', random),
      ratePerSecond: 10,
      arrivals: 'constant',
      durationMs: 1000,
      warmupMs: 0,
      connections: 1,
      streams: 4,
      timeoutMs: 500,
      observer: null,
      intervalMs: 1000,
    });
    for (let second = 0; second < 10; second++) {
      clock.advanceBy(1000);
      await Promise.resolve();
    }
    return await run.done;
  }

  test('nobody listens', async () => {
    expect((await failuresOf(null)).failures).toEqual({ 'connect-refused': 10 });
  });

  /** What it answers whatever comes, and ends. */
  const answering = (answer: Buffer): SocketHandler => ({
    onOpen() {},
    onData(socket) {
      socket.write(answer, 0, answer.length);
      socket.end();
    },
    onDrain() {},
    onEnd() {},
    onClose() {},
  });

  test('a server that ends the connection at once', async () => {
    expect((await failuresOf(answering(Buffer.alloc(0)))).failures).toEqual({ 'peer-closed': 10 });
  });

  test('a server of HTTP/1 is told of', async () => {
    const answer = Buffer.from('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');
    const report = await failuresOf(answering(answer));
    expect(report.failures).toEqual({ 'not-http2': 10 });
    expect(formatReport(report)).toContain('not-http2: a server answered HTTP/1');
  });
});

describe('gRPC', () => {
  test('messages of a stream leave one by one, and those that come back are counted', async () => {
    const message = new Uint8Array([0, 0, 0, 0, 1, 7]);
    const body = new Uint8Array([...message, ...message, ...message]);
    const paced = { ...call, body, call: { deadlineMs: 0, messageBytes: [6, 6, 6], messageIntervalMs: 40 } };
    const echo: Answer = (stream) => {
      stream.sendResponse(createResponseHead(200, [['content-type', 'application/grpc']]), false);
      // Two messages in pieces that end anywhere.
      for (const piece of [
        message.subarray(0, 3),
        message.subarray(3),
        message.subarray(0, 5),
        message.subarray(5),
      ])
        stream.sendBody(piece, 0, piece.length);
      stream.sendEnd(createResponseHead(200, [['grpc-status', '0']]));
    };
    const { report } = await play(echo, paced, { ratePerSecond: 5, durationMs: 1000 });
    expect([report.grpcStatuses, report.messagesReceived]).toEqual([{ OK: 5 }, 10]);
    expect(report.serviceMs?.p50).toBeGreaterThanOrEqual(80);
  });

  test('a deadline ends a call on its own', async () => {
    const hurried = { ...call, call: { deadlineMs: 150, messageBytes: [5], messageIntervalMs: 0 } };
    const { report, accepted } = await play(() => {}, hurried, { durationMs: 1000 });
    expect([report.failures, report.grpcStatuses]).toEqual([
      { 'grpc-status-4': 100 },
      { DEADLINE_EXCEEDED: 100 },
    ]);
    expect(accepted).toBe(2);
    expect(report.elapsedMs).toBeWithin(1_100, 1_200);
  });

  test('grpc-status 0 is a success', async () => {
    expect((await play(grpc('0'), call)).report.succeeded).toBe(500);
  });

  test('another is a failure, whatever the HTTP status', async () => {
    expect((await play(grpc('5'), call)).report.failures).toEqual({ 'grpc-status-5': 500 });
  });

  test('an answer without one is a failure', async () => {
    expect((await play(ok, call)).report.failures).toEqual({ 'grpc-status-none': 500 });
  });
});
