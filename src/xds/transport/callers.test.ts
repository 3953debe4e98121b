// Who may begin a stream, on real sockets: what is asked before anything of it reaches the server of discovery.

import { afterEach, expect, test } from 'bun:test';
import { gzipSync } from 'node:zlib';
import { fail, type MeshError, ok, type Result, silentLog } from '../../base/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../../net/index.ts';
import { until } from '../../testing/until.ts';
import type { CallerProof, CallerRefusal, ShownCredentials, XdsCaller } from '../caller.ts';
import { encodeDeltaRequest } from '../discovery/encode.ts';
import { parseDeltaResponse } from '../discovery/parse.ts';
import { unprovenCallsMax, unprovenConnectionsMax } from '../limits.ts';
import { AdsServer } from '../server/ads-server.ts';
import { createSnapshot } from '../snapshot/create-snapshot.ts';
import { clusterOf, TestSource, testNode } from '../testing/resources.ts';
import { type AdsStreamHandler, typeUrls, type XdsNode } from '../types.ts';
import { createGrpcAdsTransport } from './grpc-client.ts';
import { encodeFrame } from './grpc-framing.ts';
import { type GrpcAdsListener, serveGrpcAds } from './grpc-server.ts';

type Proven = Result<XdsCaller, CallerRefusal>;

class Collector implements AdsStreamHandler {
  readonly messages: Uint8Array[] = [];
  closedBy: MeshError | null | undefined = undefined;
  onMessage(message: Uint8Array): void {
    this.messages.push(message);
  }
  onWritable(): void {}
  onClose(error: MeshError | null): void {
    this.closedBy = error;
  }
}

/** Says who it is when the test does. */
class Proof implements CallerProof {
  readonly shown: ShownCredentials[] = [];
  readonly open: ((proven: Proven) => void)[] = [];
  known: Proven | null = null;

  prove(shown: ShownCredentials): Proven | Promise<Proven> {
    this.shown.push(shown);
    return this.known ?? new Promise((resolve) => this.open.push(resolve));
  }
}

class Caller implements XdsCaller {
  readonly name = 'web-1.shop';
  labels: Record<string, string> = { app: 'web' };
  refusal: CallerRefusal | null = null;
  subjectOf(): string {
    return 'shop/Pod/web-1';
  }
  introduce(node: XdsNode): Result<XdsNode, CallerRefusal> {
    if (this.refusal !== null) return fail(this.refusal);
    return ok({ ...node, metadata: { labels: this.labels } });
  }
}

const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';
const firstRequest = encodeDeltaRequest({
  typeUrl: typeUrls.cluster,
  nonce: '',
  node: testNode,
  error: null,
  subscribe: ['*'],
  unsubscribe: [],
  initialVersions: new Map(),
});

const system = { network: createBunNetwork(), clock: createSystemClock() };
const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function serve(proof: CallerProof, decompress = gunzip) {
  const nodes: XdsNode[] = [];
  const source = new TestSource();
  source.set(createSnapshot([clusterOf('a')]));
  const snapshotFor = (node: XdsNode) => {
    nodes.push(node);
    return source;
  };
  const server = new AdsServer({ clock: system.clock, log: silentLog, snapshotFor });
  const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
  const listener = serveGrpcAds({ ...system, server, address, proof, gunzip: decompress });
  cleanups.push(() => listener.close(50));
  return { server, listener, nodes };
}

function open(listener: GrpcAdsListener, token = 'a-token') {
  const collector = new Collector();
  const transport = createGrpcAdsTransport({ ...system, address: listener.address, token: () => ok(token) });
  const stream = transport.open('delta', collector);
  cleanups.push(() => transport.close());
  stream.send([firstRequest]);
  return collector;
}

test('a stream waits until it is known who sends it, and is served as what is known', async () => {
  const proof = new Proof();
  const { server, listener, nodes } = serve(proof);
  const collector = open(listener);
  await until('the question', () => proof.open.length === 1);
  expect(proof.shown[0]).toMatchObject({
    authorization: 'Bearer a-token',
    certificate: null,
    peer: '127.0.0.1',
  });
  expect([server.streamCount, nodes.length]).toEqual([0, 0]);
  proof.open[0]!(ok(new Caller()));
  await until('a message', () => collector.messages.length > 0);
  expect(parseDeltaResponse(collector.messages[0]!).resources.map(({ name }) => name)).toEqual(['a']);
  expect(nodes[0]).toMatchObject({ id: testNode.id, metadata: { labels: { app: 'web' } } });
});

test('what a client sends and ends at once waits whole', async () => {
  const proof = new Proof();
  const { listener } = serve(proof);
  const { connect } = await import('node:http2');
  const session = connect(`http://127.0.0.1:${listener.address.kind === 'ip' ? listener.address.port : 0}`);
  cleanups.push(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  stream.end(encodeFrame(firstRequest));
  let received = 0;
  stream.on('data', (bytes: Uint8Array) => {
    received += bytes.length;
  });
  const trailers = new Promise((resolve) => stream.on('trailers', resolve));
  await until('the question', () => proof.open.length === 1);
  await until('it has come', () => stream.writableFinished);
  proof.open[0]!(ok(new Caller()));
  expect(await trailers).toMatchObject({ 'grpc-status': '0' });
  expect(received).toBeGreaterThan(0);
});

test('what comes before it is known who sends it is not opened, and of whom proves nothing never', async () => {
  for (const isProven of [true, false]) {
    const proof = new Proof();
    let opened = 0;
    const { listener } = serve(proof, (bytes, bytesMax) => {
      opened++;
      return gunzip(bytes, bytesMax);
    });
    const { connect } = await import('node:http2');
    const session = connect(`http://127.0.0.1:${listener.address.kind === 'ip' ? listener.address.port : 0}`);
    cleanups.push(() => session.destroy());
    const fields = { 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' };
    const stream = session.request({ ':method': 'POST', ':path': path, ...fields });
    const frame = encodeFrame(gzipSync(firstRequest));
    frame[0] = 1;
    // Two requests, in pieces of a few bytes.
    for (const bytes of [frame, frame])
      for (let at = 0; at < bytes.length; at += 7) stream.write(bytes.subarray(at, at + 7));
    stream.end();
    const ended = new Promise((resolve) => {
      const note = (said: Record<string, unknown>) => {
        if (said['grpc-status'] !== undefined) resolve(said['grpc-status']);
      };
      stream.on('response', note);
      stream.on('trailers', note);
    });
    stream.resume();
    await until('the question', () => proof.open.length === 1);
    await until('it has come', () => stream.writableFinished);
    await new Promise((resolve) => session.ping(resolve));
    expect(opened).toBe(0);
    proof.open[0]!(isProven ? ok(new Caller()) : fail({ fault: 'unauthenticated', reason: 'who?' }));
    expect([await ended, opened]).toEqual(isProven ? ['0', 2] : ['16', 0]);
  }
});

test.each([
  ['unauthenticated', 'UNAUTHENTICATED'],
  ['permission-denied', 'PERMISSION_DENIED'],
  ['unavailable', 'UNAVAILABLE'],
] as const)('%s: the call ends with the reason, and the server hears nothing of it', async (fault, word) => {
  for (const isKnown of [true, false]) {
    const proof = new Proof();
    const refused: Proven = fail({ fault, reason: 'the reason of it' });
    if (isKnown) proof.known = refused;
    const { server, listener, nodes } = serve(proof);
    const collector = open(listener);
    await until('the question', () => proof.shown.length === 1);
    proof.open[0]?.(refused);
    await until('its end', () => collector.closedBy !== undefined);
    expect(collector.closedBy?.message).toContain(`${word}: the reason of it`);
    expect([server.streamCount, nodes.length]).toEqual([0, 0]);
  }
});

test('a node that the caller is not is refused, and one that is not any more what it was comes again', async () => {
  const proof = new Proof();
  const caller = new Caller();
  proof.known = ok(caller);
  const { server, listener } = serve(proof);
  caller.refusal = { fault: 'permission-denied', reason: 'it is another' };
  const denied = open(listener);
  await until('its end', () => denied.closedBy !== undefined);
  expect(denied.closedBy?.message).toContain('PERMISSION_DENIED: it is another');
  caller.refusal = null;
  const served = open(listener);
  await until('a message', () => served.messages.length > 0);
  server.reconsider(new Set(['shop/Pod/other', 'shop/Pod/web-1']));
  caller.labels = { app: 'web', version: '2' };
  server.reconsider(new Set(['shop/Pod/other']));
  expect(server.streamCount).toBe(1);
  server.reconsider(new Set(['shop/Pod/web-1']));
  await until('its end', () => served.closedBy !== undefined);
  expect(served.closedBy?.message).toContain('UNAVAILABLE: what is known of this proxy changed');
});

test('without a token nothing is sent, and the reason is told', async () => {
  const { listener } = serve(new Proof());
  const collector = new Collector();
  const token = () => fail('the token file cannot be read');
  createGrpcAdsTransport({ ...system, address: listener.address, token }).open('delta', collector);
  await until('its end', () => collector.closedBy !== undefined);
  expect(collector.closedBy?.message).toContain('the token file cannot be read');
});

/** Of as many as may prove nothing, and three. */
const waveOf = (opened: number) => Math.min(128, unprovenConnectionsMax + 3 - opened);

test('of connections that prove nothing there are so many, and those that have proven something stay', async () => {
  const proof = new Proof();
  proof.known = ok(new Caller());
  const { listener } = serve(proof);
  const served = open(listener);
  await until('a message', () => served.messages.length > 0);
  let closed = 0;
  const connect = () =>
    Bun.connect({
      hostname: '127.0.0.1',
      port: listener.address.kind === 'ip' ? listener.address.port : 0,
      socket: { data() {}, close: () => void closed++, error() {} },
    });
  // No more at once than the kernel queues: of those beyond, which never send anything, it forgets some.
  for (let count = 0; count < unprovenConnectionsMax + 3; count += waveOf(count)) {
    const sockets = await Promise.all(Array.from({ length: waveOf(count) }, connect));
    cleanups.push(() => {
      for (const socket of sockets) socket.terminate();
    });
    const expected = Math.min(unprovenConnectionsMax, count + sockets.length);
    await until('they are accepted', () => listener.connectionCount === 1 + expected);
  }
  await until('the oldest are cut', () => closed === 3);
  expect([served.closedBy, listener.connectionCount]).toEqual([undefined, unprovenConnectionsMax + 1]);
});

test('a connection that proves nothing has so many calls', async () => {
  const proof = new Proof();
  const { listener } = serve(proof);
  const port = listener.address.kind === 'ip' ? listener.address.port : 0;
  const { connect } = await import('node:http2');
  const session = connect(`http://127.0.0.1:${port}`);
  const ended = new Promise((resolve) => session.on('close', resolve));
  session.on('error', () => {});
  for (let call = 0; call <= unprovenCallsMax; call++) {
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    stream.on('error', () => {});
  }
  await ended;
  expect(proof.shown.length).toBe(unprovenCallsMax);
  for (const answer of proof.open) answer(ok(new Caller()));
  await until('nobody is left', () => listener.connectionCount === 0);
});
