// Micro-bench of the HTTP/1 codecs: a typical request and response of ten header fields each, parsed and written again,
// by phase. Usage: `npm run bench -- http1`.

import { memoryUsage } from 'bun:jsc';
import {
  bodyLength,
  bodyNone,
  defaultHttp1Limits,
  encodeRequestHead,
  encodeResponseHead,
  HeadReader,
  Http1ClientCodec,
  Http1ServerCodec,
  ReceivedRequestHead,
  ReceivedResponseHead,
} from '../../src/wire/http1/index.ts';
import {
  type ByteSink,
  type ClientStream,
  headerId,
  type RequestHead,
  type RequestReceiver,
  type ResponseHead,
  type ResponseReceiver,
  type ServerStream,
} from '../../src/wire/index.ts';

const requestText = [
  'GET /api/v1/accounts/4711/transactions?limit=50&after=2024 HTTP/1.1',
  'Host: ledger.bank.svc.cluster.local:8080',
  'User-Agent: bank-payments/2.7 (linux; x64)',
  'Accept: application/json',
  'Accept-Encoding: gzip, deflate, br',
  'Content-Type: application/json',
  'X-Request-Id: 6f1f8b0e-6d0a-4f0e-9a59-0f0b6c1d2e3f',
  'Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'X-Account-Id: 4711',
  'Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwYXltZW50cyJ9.c2lnbmF0dXJl',
  'Cache-Control: no-cache',
  '',
  '',
].join('\r\n');

const responseText = [
  'HTTP/1.1 200 OK',
  'Server: ledger/1.4',
  'Date: Tue, 15 Nov 1994 08:12:31 GMT',
  'Content-Type: application/json; charset=utf-8',
  'Content-Length: 64',
  'Cache-Control: no-store',
  'ETag: "33a64df551425fcc55e4d42a148795d9f25f89d4"',
  'Vary: Accept-Encoding',
  'X-Request-Id: 6f1f8b0e-6d0a-4f0e-9a59-0f0b6c1d2e3f',
  'X-Content-Type-Options: nosniff',
  'X-Frame-Options: DENY',
  '',
  'x'.repeat(64),
].join('\r\n');

const gatherBytes = 64 * 1024;
const requestBytes = Buffer.from(requestText, 'latin1');
const responseBytes = Buffer.from(responseText, 'latin1');
const responseHeadBytes = responseBytes.subarray(0, responseBytes.length - 64);

/** What Bun's types leave out: the plain copy behind `buffer.write(text, at, 'latin1')`. */
interface Latin1Target {
  latin1Write(text: string, at: number, length: number): number;
}

/** Gathers what is written in one buffer, as a socket does before its system call. */
class GatheringSink implements ByteSink {
  queuedBytes = 0;
  private readonly buffer = Buffer.alloc(gatherBytes) as Buffer & Latin1Target;

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.makeRoom(end - start);
    this.queuedBytes += (bytes as Buffer).copy(this.buffer, this.queuedBytes, start, end);
    return true;
  }

  writeLatin1(text: string): boolean {
    this.makeRoom(text.length);
    this.queuedBytes += this.buffer.latin1Write(text, this.queuedBytes, text.length);
    return true;
  }

  private makeRoom(count: number): void {
    if (this.queuedBytes + count > gatherBytes) this.queuedBytes = 0;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  reset(): void {}
}

/** One proxied hop over both codecs: what the exchange does with them and nothing else. */
class Hop implements RequestReceiver, ResponseReceiver {
  readonly server: Http1ServerCodec;
  readonly client: Http1ClientCodec;
  private downstream: ServerStream | null = null;
  private upstream: ClientStream | null = null;

  constructor() {
    this.server = new Http1ServerCodec(new GatheringSink(), this, defaultHttp1Limits);
    this.client = new Http1ClientCodec(new GatheringSink(), this, defaultHttp1Limits);
  }

  onHeadStart(): void {}
  onIdle(): void {}
  onProtocolError(): void {}
  onStreamDone(): void {}
  onCapacity(): void {}

  onRetired(): void {}
  onInformational(): void {}
  onReset(): void {}
  onWritable(): void {}

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): RequestReceiver {
    this.downstream = stream;
    head.add('x-envoy-attempt-count', '1');
    head.add('x-weft-peer', 'bank/payments');
    this.upstream = this.client.start(head, endStream, this);
    return this;
  }

  onResponse(head: ResponseHead, endStream: boolean): void {
    head.add('x-envoy-upstream-service-time', '3');
    this.downstream?.sendResponse(head, endStream);
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    this.downstream?.sendBody(bytes, start, end);
  }

  onEnd(): void {
    this.downstream?.sendEnd(null);
    this.upstream = null;
  }

  get busy(): boolean {
    return this.upstream !== null;
  }
}

interface Phase {
  readonly name: string;
  readonly run: () => number;
}

function createReadRequest(): ReceivedRequestHead {
  const head = new ReceivedRequestHead();
  new HeadReader('request', head, defaultHttp1Limits).read(requestBytes, 0, requestBytes.length);
  return head;
}

function createReadResponse(): ReceivedResponseHead {
  const head = new ReceivedResponseHead();
  new HeadReader('response', head, defaultHttp1Limits).read(responseBytes, 0, responseBytes.length);
  return head;
}

function createPhases(): readonly Phase[] {
  const request = new ReceivedRequestHead();
  const requestReader = new HeadReader('request', request, defaultHttp1Limits);
  const response = new ReceivedResponseHead();
  const responseReader = new HeadReader('response', response, defaultHttp1Limits);
  const readRequest = (): number => {
    request.reset();
    requestReader.restart();
    return requestReader.read(requestBytes, 0, requestBytes.length);
  };
  const readResponse = (): number => {
    response.reset();
    responseReader.restart();
    return responseReader.read(responseHeadBytes, 0, responseHeadBytes.length);
  };
  readRequest();
  readResponse();
  const encodedRequest = createReadRequest();
  const encodedResponse = createReadResponse();
  const sink = new GatheringSink();
  const addTwo = (head: RequestHead): void => {
    head.add('x-envoy-attempt-count', '1');
    head.add('x-weft-peer', 'bank/payments');
  };
  const hop = new Hop();
  return [
    { name: 'parse request', run: readRequest },
    {
      name: 'parse request, 3 lookups',
      run: () =>
        readRequest() + (request.path.length + request.authority.length + request.find(headerId.traceparent)),
    },
    {
      name: 'encode request, kept',
      run: () => {
        encodeRequestHead(sink, encodedRequest, bodyNone);
        return sink.queuedBytes;
      },
    },
    {
      name: 'parse + encode request, 2 added',
      run: () => {
        const after = readRequest();
        addTwo(request);
        encodeRequestHead(sink, request, bodyNone);
        return after + sink.queuedBytes;
      },
    },
    { name: 'parse response', run: readResponse },
    {
      name: 'encode response, kept',
      run: () => {
        encodeResponseHead(sink, encodedResponse, bodyLength, true, '');
        return sink.queuedBytes;
      },
    },
    {
      name: 'hop: both codecs, 3 added, body',
      run: () => {
        hop.server.receive(requestBytes);
        hop.client.receive(responseBytes);
        return hop.busy ? 1 : 0;
      },
    },
  ];
}

const callsPerSlice = 200;

/**
 * Slices of all phases take turns, so that a busy machine slows them alike; the lowest of them are the code, the rest
 * is company.
 */
function measure(phases: readonly Phase[], seconds: number): void {
  const slices = phases.map((): number[] => []);
  for (const phase of phases) for (let index = 0; index < 100_000; index++) checksum += phase.run();
  const until = Bun.nanoseconds() + seconds * 1e9;
  while (Bun.nanoseconds() < until) {
    for (let index = 0; index < phases.length; index++) slices[index]!.push(timeSlice(phases[index]!));
  }
  console.log(`${'phase'.padEnd(34)}     p5    p50   fresh memory`);
  for (let index = 0; index < phases.length; index++) {
    const sorted = slices[index]!.sort((left, right) => left - right);
    const at = (share: number) => sorted[Math.floor(sorted.length * share)]!.toFixed(0).padStart(6);
    const memory = `${freshBytes(phases[index]!).toFixed(0).padStart(5)} B`;
    console.log(`${phases[index]!.name.padEnd(34)} ${at(0.05)} ${at(0.5)} ns ${memory}`);
  }
}

let checksum = 0;

function timeSlice(phase: Phase): number {
  const started = Bun.nanoseconds();
  for (let index = 0; index < callsPerSlice; index++) checksum += phase.run();
  return (Bun.nanoseconds() - started) / callsPerSlice;
}

/**
 * Growth of the process a call, right after a collection: what the allocator took, an upper estimate. Median of several
 * tries.
 */
function freshBytes(phase: Phase): number {
  const calls = 5_000;
  const tries: number[] = [];
  for (let index = 0; index < 7; index++) {
    Bun.gc(true);
    const before = memoryUsage().current;
    for (let call = 0; call < calls; call++) checksum += phase.run();
    tries.push(Math.max(0, memoryUsage().current - before) / calls);
  }
  return tries.sort((left, right) => left - right)[3]!;
}

export function benchHttp1(quick: boolean): void {
  console.log(
    `request ${requestBytes.length} B, response head ${responseHeadBytes.length} B, 10 fields each`,
  );
  measure(createPhases(), quick ? 0.2 : 3);
  console.log(`checksum ${checksum % 1000}`);
}
