// grpc-js as a foreign client of our gRPC server: every call ends with a status, and what cannot be served is said in
// gRPC's words. And a client on bare HTTP/2 that does not read costs its window.

import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { connect } from 'node:http2';
import { Client, connectivityState, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../net/index.ts';
import { until } from '../testing/until.ts';
import { encodeDeltaRequest } from './discovery/encode.ts';
import { parseDeltaResponse } from './discovery/parse.ts';
import { AdsServer, createSnapshot, type ServeGrpcAdsOptions, serveGrpcAds, typeUrls } from './index.ts';
import { requestBytesMax } from './limits.ts';
import { createResource } from './snapshot/create-snapshot.ts';
import { clusterOf, endpointsOf, TestSource, testNode } from './testing/resources.ts';
import { adsPaths } from './transport/grpc-protocol.ts';

setDefaultTimeout(30_000);

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function createWorld(options: Partial<ServeGrpcAdsOptions> = {}) {
  const clock = createSystemClock();
  const source = new TestSource();
  source.set(createSnapshot([clusterOf('a'), endpointsOf('a')]));
  const server = new AdsServer({ clock, log: silentLog, snapshotFor: () => source });
  const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
  const network = createBunNetwork();
  const listener = serveGrpcAds({ server, network, clock, gunzip, address, ...options });
  const port = listener.address.kind === 'ip' ? listener.address.port : 0;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_send_message_length': -1,
    'grpc.default_compression_algorithm': 2,
  });
  cleanups.push(async () => {
    client.close();
    await listener.close(100);
  });
  return { server, source, client, port, listener };
}

const same = (bytes: Buffer) => bytes;

function call(client: Client, path: string, message: Uint8Array, deadlineMs = 20_000) {
  return new Promise<{ code: number; details: string; bytes: Buffer }>((resolve) => {
    client.makeUnaryRequest(
      path,
      same,
      same,
      Buffer.from(message),
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
      (error: ServiceError | null, bytes) => {
        resolve({ code: error?.code ?? 0, details: error?.details ?? '', bytes: bytes ?? Buffer.alloc(0) });
      },
    );
  });
}

/** With a nonce: a response is taken. */
const subscribe = (typeUrl: string, names: readonly string[], nonce = '') =>
  encodeDeltaRequest({
    typeUrl,
    nonce,
    subscribe: names,
    unsubscribe: [],
    initialVersions: new Map(),
    node: testNode,
    error: null,
  });

test('health is said, also of what is not there', async () => {
  let healthy = true;
  const { client } = createWorld({ healthy: () => healthy });
  const check = async (service: string) => {
    const request = [10, service.length, ...new TextEncoder().encode(service)];
    const { code, bytes } = await call(client, '/grpc.health.v1.Health/Check', new Uint8Array(request));
    return [code, [...bytes]];
  };
  expect(await check('')).toEqual([0, [8, 1]]);
  expect(await check('envoy.service.discovery.v3.AggregatedDiscoveryService')).toEqual([0, [8, 1]]);
  expect((await check('nobody'))[0]).toBe(5);
  healthy = false;
  expect(await check('')).toEqual([0, [8, 2]]);
});

test.each([
  ['an unknown method', '/x.Y/Z', new Uint8Array(), 12, 'there is no method /x.Y/Z'],
  ['a request that is none', adsPaths.delta, new Uint8Array([0xff]), 3, 'the request ends inside a number'],
  [
    'a message that is too long',
    adsPaths.delta,
    new Uint8Array(requestBytesMax + 1),
    8,
    `larger than ${requestBytesMax}`,
  ],
] as const)('%s has its status', async (_name, path, message, code, details) => {
  const answer = await call(createWorld().client, path, message);
  expect([answer.code, answer.details]).toEqual([code, expect.stringContaining(details)]);
});

test('a message that is too long ends its call alone: other streams of the connection live', async () => {
  const { client, source } = createWorld();
  const open = () => {
    const stream = client.makeBidiStreamRequest(adsPaths.delta, same, same);
    const got: string[] = [];
    stream.on('data', (bytes: Buffer) => {
      const { nonce, resources } = parseDeltaResponse(bytes);
      got.push(...resources.map(({ name }) => name));
      stream.write(Buffer.from(subscribe(typeUrls.cluster, [], nonce)));
    });
    const ended = new Promise<number>((resolve) => stream.on('status', ({ code }) => resolve(code)));
    stream.on('error', () => {});
    return { stream, got, ended };
  };
  const [lives, ends] = [open(), open()];
  for (const { stream } of [lives, ends]) stream.write(Buffer.from(subscribe(typeUrls.cluster, ['*'])));
  await until('both are served', () => lives.got.length > 0 && ends.got.length > 0);
  ends.stream.write(Buffer.alloc(requestBytesMax + 1));
  expect(await ends.ended).toBe(8);
  source.set(createSnapshot([clusterOf('a'), clusterOf('b')]));
  await until('the other hears of a change', () => lives.got.includes('b'));
  expect(lives.got).toEqual(['a', 'b']);
  // A client of this kind has one connection for each address, and would have told of its end.
  expect(client.getChannel().getConnectivityState(false)).toBe(connectivityState.READY);
  lives.stream.end();
  expect(await lives.ended).toBe(0);
});

test('compressed requests are read, in separate services that need no type too', async () => {
  const { client } = createWorld();
  const stream = client.makeBidiStreamRequest(
    '/envoy.service.endpoint.v3.EndpointDiscoveryService/DeltaEndpoints',
    same,
    same,
  );
  const got: string[] = [];
  stream.on('data', (bytes: Buffer) => {
    const { typeUrl, resources } = parseDeltaResponse(bytes);
    got.push(`${typeUrl} ${resources.map(({ name }) => name).join(' ')}`);
  });
  const ended = new Promise((resolve) => stream.on('status', ({ code }) => resolve(code)));
  stream.write(Buffer.from(subscribe('', ['a'])));
  await until('endpoints', () => got.length > 0);
  expect(got).toEqual([`${typeUrls.endpoint} a`]);
  stream.end();
  expect(await ended).toBe(0);
});

test('a service of one type gives no other', async () => {
  const path = '/envoy.service.cluster.v3.ClusterDiscoveryService/DeltaClusters';
  const answer = await call(createWorld().client, path, subscribe(typeUrls.endpoint, ['a']));
  expect([answer.code, answer.details]).toEqual([3, expect.stringContaining('alone')]);
});

test('streams that never read cost their window and a list of names', async () => {
  const large = new Uint8Array(300_000).fill(7);
  const { port, server, source } = createWorld();
  const big = createResource(
    typeUrls.cluster,
    'big',
    new Uint8Array([10, 3, 98, 105, 103, 0xfa, 7, 0xe0, 0xa7, 18, ...large]),
  );
  source.set(createSnapshot([big]));
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  cleanups.push(() => session.destroy());
  const request = subscribe(typeUrls.cluster, ['*']);
  const frame = Buffer.concat([Buffer.from([0, 0, 0, request.length >> 8, request.length & 255]), request]);
  Bun.gc(true);
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 200; i++) {
    const stream = session.request({
      ':method': 'POST',
      ':path': adsPaths.delta,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    stream.on('error', () => {});
    stream.write(frame);
    stream.pause();
  }
  await until('all are served', () => {
    const types = server.status().flatMap((one) => one.types);
    return types.length === 200 && types.every(({ sentVersion }) => sentVersion !== '');
  });
  Bun.gc(true);
  // Copies would be 60 MB for these 200; what both ends of the test hold of one connection's window is far less.
  expect(process.memoryUsage.rss() - before).toBeLessThan(40_000_000);
});
