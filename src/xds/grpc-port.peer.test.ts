// grpc-js against the rest of what a gRPC server owes its clients: health that is watched, deadlines, keepalive that
// comes too often, ages, compression of both sides, and bounds on those who do not read.

import { afterEach, describe, expect, test } from 'bun:test';
import { connect, createServer, type ServerHttp2Stream } from 'node:http2';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { silentLog, VirtualClock } from '../base/index.ts';
import { createBunNetwork, createSystemClock, gunzip } from '../net/index.ts';
import { until } from '../testing/until.ts';
import {
  AdsServer,
  createGrpcAdsTransport,
  createSnapshot,
  type ServeGrpcAdsOptions,
  serveGrpcAds,
} from './index.ts';
import { healthWatchesMax, reflectionPendingMax } from './limits.ts';
import { clusterOf, TestSource } from './testing/resources.ts';
import { encodeFrame } from './transport/grpc-framing.ts';
import { adsPaths } from './transport/grpc-protocol.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

function createWorld(options: Partial<ServeGrpcAdsOptions> = {}, channel: Record<string, number> = {}) {
  const clock = createSystemClock();
  const source = new TestSource();
  source.set(createSnapshot([clusterOf('a')]));
  const server = new AdsServer({ clock, log: silentLog, snapshotFor: () => source });
  const address = { kind: 'ip', host: '127.0.0.1', port: 0 } as const;
  const listener = serveGrpcAds({ server, network: createBunNetwork(), clock, gunzip, address, ...options });
  const port = listener.address.kind === 'ip' ? listener.address.port : 0;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), channel);
  cleanups.push(async () => {
    client.close();
    await listener.close(100);
  });
  return { server, client, port, listener };
}

const same = (bytes: Buffer) => bytes;
const serviceRequest = (name: string) => Buffer.from([10, name.length, ...new TextEncoder().encode(name)]);

function watch(client: Client, service: string) {
  const seen = { statuses: [] as number[], code: -1 };
  const stream = client.makeServerStreamRequest(
    '/grpc.health.v1.Health/Watch',
    same,
    same,
    serviceRequest(service),
  );
  stream.on('data', (bytes: Buffer) => seen.statuses.push(bytes[1] ?? 0));
  stream.on('error', (error: ServiceError) => {
    seen.code = error.code;
  });
  cleanups.unshift(() => stream.cancel());
  return seen;
}

describe('health that is watched', () => {
  test('says what is, each change, and the end', async () => {
    let healthy = true;
    const { client, listener } = createWorld({ healthy: () => healthy });
    const [whole, unknown] = [watch(client, ''), watch(client, 'nobody')];
    await until('the first answers', () => whole.statuses.length === 1 && unknown.statuses.length === 1);
    healthy = false;
    await until('the change', () => whole.statuses.length === 2);
    healthy = true;
    await until('and back', () => whole.statuses.length === 3);
    await listener.close(1_000);
    await until('its end', () => whole.code >= 0);
    expect([whole.statuses, unknown.statuses, whole.code]).toEqual([[1, 2, 1, 2], [3], 14]);
  });

  test('by no more than a bound', async () => {
    const { client } = createWorld({ streamsPerConnectionMax: 2 * healthWatchesMax });
    const all = Array.from({ length: healthWatchesMax }, () => watch(client, ''));
    await until('all watch', () => all.every(({ statuses }) => statuses.length === 1));
    const more = watch(client, '');
    await until('one more is refused', () => more.code >= 0);
    expect([more.code, more.statuses]).toEqual([8, []]);
  });

  test('is listed for every service', async () => {
    const { client } = createWorld();
    const bytes = await new Promise<string>((resolve, reject) => {
      client.makeUnaryRequest('/grpc.health.v1.Health/List', same, same, Buffer.alloc(0), (error, reply) =>
        error === null ? resolve(reply!.toString('latin1')) : reject(error),
      );
    });
    expect(bytes).toContain('envoy.service.secret.v3.SecretDiscoveryService');
  });
});

test('a deadline is kept by the server too', async () => {
  const { server, port } = createWorld();
  const session = connect(`http://127.0.0.1:${port}`);
  cleanups.push(() => session.destroy());
  const call = session.request({
    ':method': 'POST',
    ':path': adsPaths.delta,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': '50m',
  });
  const ended = new Promise<unknown>((resolve) => {
    call.on('trailers', (trailers) => resolve(trailers['grpc-status']));
  });
  call.resume();
  expect(await ended).toBe('4');
  await until('the stream is gone', () => server.streamCount === 0);
});

test('who pings too often is told, and pings less often from then on', async () => {
  // grpc-js takes any interval; a server's usual 5 s would make this test long.
  const world = createWorld(
    { pingGapMs: 150 },
    { 'grpc.keepalive_time_ms': 50, 'grpc.keepalive_permit_without_calls': 1 },
  );
  const told: number[] = [];
  const call = () => {
    const stream = world.client.makeBidiStreamRequest(
      '/grpc.health.v1.Health/Watch',
      same,
      same,
      new Metadata(),
    );
    stream.on('error', (error: ServiceError) => told.push(error.code));
    stream.write(serviceRequest(''));
    return stream;
  };
  call();
  await until('it is sent away', () => told.length === 1);
  const again = call();
  // 50 ms are 100 now, and 200 after another time: then it stays.
  await until('it has doubled', () => told.length === 2);
  const last = call();
  await Bun.sleep(1_000);
  expect(told.length).toBe(2);
  again.cancel();
  last.cancel();
});

describe('connections have an age', () => {
  test.each([
    [0, 900],
    [0.999, 1099],
  ])('spread by a tenth: %d', async (float, ageMs) => {
    const clock = new VirtualClock();
    const { port, listener } = createWorld({
      clock,
      connectionAgeMs: 1_000,
      random: { float: () => float, uint32: () => 0 } as never,
    });
    const session = connect(`http://127.0.0.1:${port}`);
    cleanups.push(() => session.destroy());
    const left = new Promise((resolve) => session.on('goaway', resolve));
    let gone = false;
    void left.then(() => {
      gone = true;
    });
    const call = session.request({
      ':method': 'POST',
      ':path': adsPaths.delta,
      'content-type': 'application/grpc',
    });
    call.on('error', () => {});
    await until('it is open', () => listener.connectionCount === 1);
    await new Promise((resolve) => session.ping(resolve));
    clock.advanceBy(ageMs - 1);
    await new Promise((resolve) => session.ping(resolve));
    expect(gone).toBe(false);
    clock.advanceBy(2);
    await left;
  });
});

test('our client takes compressed answers', async () => {
  // node:http2 plays a server that compresses; grpc-go's does so only for who compresses itself.
  const message = Buffer.from('a response in gzip'.repeat(100));
  const server = createServer();
  server.on('stream', async (stream: ServerHttp2Stream, headers) => {
    expect(headers['grpc-accept-encoding']).toBe('identity,gzip');
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-encoding': 'gzip' },
      { waitForTrailers: true },
    );
    const frame = encodeFrame(await promisify(gzip)(message));
    frame[0] = 1;
    stream.write(frame);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => void server.close());
  const { port } = server.address() as { port: number };
  const received: string[] = [];
  const transport = createGrpcAdsTransport({
    network: createBunNetwork(),
    clock: createSystemClock(),
    gunzip,
    address: { kind: 'ip', host: '127.0.0.1', port },
  });
  const stream = transport.open('delta', {
    onMessage: (bytes) => void received.push(Buffer.from(bytes).toString()),
    onWritable() {},
    onClose() {},
  });
  await until('the answer', () => received.length === 1);
  expect(received[0]).toBe(message.toString());
  stream.close(null);
});

test('questions to the reflection that nobody reads the answers of have a bound', async () => {
  const { port } = createWorld();
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
  cleanups.push(() => session.destroy());
  const call = session.request({
    ':method': 'POST',
    ':path': '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let answered = false;
  call.on('response', () => {
    answered = true;
  });
  call.on('error', () => {});
  await until('it is open', () => answered);
  const services = encodeFrame(new Uint8Array([58, 0]));
  for (let count = 0; count < reflectionPendingMax + 10; count++) call.write(services);
  await new Promise((resolve) => session.ping(resolve));
  // The window opens again: what waited comes, and then the refusal.
  session.settings({ initialWindowSize: 1 << 20 });
  const status = new Promise((resolve) =>
    call.on('trailers', (trailers) => resolve(trailers['grpc-status'])),
  );
  call.resume();
  expect(await status).toBe('8');
});
