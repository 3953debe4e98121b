import { afterEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MeshError, silentLog, VirtualClock } from '../../base/index.ts';
import { type Address, createBunNetwork, createSystemClock, gunzip } from '../../net/index.ts';
import { freePort } from '../../testing/programs.ts';
import { until } from '../../testing/until.ts';
import { encodeDeltaRequest, encodeSotwRequest } from '../discovery/encode.ts';
import { parseDeltaResponse, parseSotwResponse } from '../discovery/parse.ts';
import { firstRequestWaitMs } from '../limits.ts';
import { AdsServer } from '../server/ads-server.ts';
import { createSnapshot } from '../snapshot/create-snapshot.ts';
import { FrameClient } from '../testing/frame-client.ts';
import { createTestServer } from '../testing/raw-client.ts';
import { clusterOf, TestSource, testNode } from '../testing/resources.ts';
import { type AdsStreamHandler, type AdsVariant, typeUrls } from '../types.ts';
import { createGrpcAdsTransport } from './grpc-client.ts';
import { encodeFrame, FrameError, FrameParser } from './grpc-framing.ts';
import { describeStatus } from './grpc-protocol.ts';
import { type GrpcAdsListener, type ServeGrpcAdsOptions, serveGrpcAds } from './grpc-server.ts';
import { createMemoryAdsTransport } from './memory.ts';

const system = { network: createBunNetwork(), clock: createSystemClock(), gunzip };

const loopback: Address = { kind: 'ip', host: '127.0.0.1', port: 0 };

class Collector implements AdsStreamHandler {
  readonly messages: Uint8Array[] = [];
  readonly closes: (MeshError | null)[] = [];
  onMessage(message: Uint8Array): void {
    this.messages.push(message);
  }
  onWritable(): void {}
  onClose(error: MeshError | null): void {
    this.closes.push(error);
  }
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function serve(
  address: Address = loopback,
  options: Partial<ServeGrpcAdsOptions> = {},
): Promise<{ server: AdsServer; listener: GrpcAdsListener }> {
  const source = new TestSource();
  source.set(createSnapshot([clusterOf('a'), clusterOf('b')]));
  const server = new AdsServer({ clock: createSystemClock(), log: silentLog, snapshotFor: () => source });
  const listener = serveGrpcAds({ ...system, server, address, ...options });
  cleanups.push(() => listener.close(50));
  return { server, listener };
}

function firstRequest(variant: AdsVariant): Uint8Array {
  const common = { typeUrl: typeUrls.cluster, nonce: '', node: testNode, error: null };
  return variant === 'delta'
    ? encodeDeltaRequest({ ...common, subscribe: ['*'], unsubscribe: [], initialVersions: new Map() })
    : encodeSotwRequest({ ...common, version: '', names: [] });
}

describe('gRPC', () => {
  test.each(['sotw', 'delta'] as const)('%s over a port and over a socket', async (variant) => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-ads-'));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    for (const address of [loopback, { kind: 'unix', path: join(folder, 'xds.sock') } as const]) {
      const { server, listener } = await serve(address);
      const collector = new Collector();
      const transport = createGrpcAdsTransport({ ...system, address: listener.address });
      const stream = transport.open(variant, collector);
      stream.send([firstRequest(variant)]);
      await until('a message', () => collector.messages.length > 0);
      const parse = variant === 'delta' ? parseDeltaResponse : parseSotwResponse;
      expect(parse(collector.messages[0]!).resources.map(({ name }) => name)).toEqual(['a', 'b']);
      stream.close(null);
      await until('the stream is gone', () => server.streamCount === 0);
      expect(collector.closes).toEqual([]);
    }
  });

  test('a server that goes away says so, and is gone', async () => {
    const { server, listener } = await serve();
    const collector = new Collector();
    const stream = createGrpcAdsTransport({ ...system, address: listener.address }).open('delta', collector);
    stream.send([firstRequest('delta')]);
    await until('a message', () => collector.messages.length > 0);
    await listener.close(1_000);
    await until('its end', () => collector.closes.length > 0);
    expect(collector.closes.length).toBe(1);
    expect(server.streamCount).toBe(0);
    const again = new Collector();
    createGrpcAdsTransport({ ...system, address: listener.address }).open('delta', again);
    await until('its end', () => again.closes.length > 0);
    expect(again.closes[0]?.code).toBe('connect-refused');
  });

  test('what the server refuses ends the call with its words', async () => {
    const { listener } = await serve();
    const collector = new Collector();
    const stream = createGrpcAdsTransport({ ...system, address: listener.address }).open('delta', collector);
    stream.send([new Uint8Array([0xff])]);
    await until('its end', () => collector.closes.length > 0);
    expect(collector.closes[0]?.message).toContain('INVALID_ARGUMENT: the request ends inside a number');
  });

  test('a server that never answers is given up', async () => {
    const silent = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } });
    cleanups.push(() => silent.stop(true));
    const collector = new Collector();
    const address = { kind: 'ip', host: '127.0.0.1', port: silent.port } as const;
    createGrpcAdsTransport({ ...system, address, keepaliveMs: 50, keepaliveTimeoutMs: 50 }).open(
      'delta',
      collector,
    );
    await until('its end', () => collector.closes.length > 0);
    expect(collector.closes[0]?.message).toContain('answered no PING');
  });

  test('a connection that is old enough is asked to go, and then its streams end', async () => {
    const clock = new VirtualClock();
    const { server, listener } = await serve(loopback, { clock, connectionAgeMs: 1_000 });
    const collector = new Collector();
    createGrpcAdsTransport({ ...system, address: listener.address })
      .open('delta', collector)
      .send([firstRequest('delta')]);
    await until('a message', () => collector.messages.length > 0);
    clock.advanceBy(1_000);
    await until('its end', () => collector.closes.length > 0);
    expect([collector.messages.length, collector.closes[0]?.code]).toEqual([1, 'draining']);
    await until('the stream is gone', () => server.streamCount === 0 && listener.connectionCount === 0);
  });

  test('of a client that stays all the same, nothing is kept', async () => {
    const clock = new VirtualClock();
    const { server, listener } = await serve(loopback, { clock, connectionAgeMs: 1_000 });
    const client = new FrameClient(system.network, listener.address, 65_535);
    await until('a message', () => client.messages.length > 0);
    clock.advanceBy(1_000);
    clock.advanceBy(1_000);
    expect(server.streamCount).toBe(0);
    client.reset();
  });

  test('a connection that asks nothing is cut', async () => {
    const clock = new VirtualClock();
    const { listener } = await serve(loopback, { clock });
    const closed = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: listener.address.kind === 'ip' ? listener.address.port : 0,
      socket: { data() {}, close: () => closed.resolve(), error: () => closed.resolve() },
    });
    await until('it is accepted', () => listener.connectionCount === 1);
    clock.advanceBy(firstRequestWaitMs);
    await closed.promise;
    expect(listener.connectionCount).toBe(0);
    socket.end();
  });

  test('a port in use is said by name', async () => {
    const { listener } = await serve();
    const again = serve(listener.address);
    expect(again).rejects.toThrow(/xDS cannot listen on 127\.0\.0\.1:\d+/);
    await again.catch(() => null);
  });

  test('closing the transport ends its streams once', async () => {
    const collector = new Collector();
    const transport = createGrpcAdsTransport({
      ...system,
      address: { kind: 'ip', host: '127.0.0.1', port: freePort() },
    });
    transport.open('delta', collector);
    transport.close();
    transport.close();
    expect(collector.closes.map((error) => error?.code)).toEqual(['cancelled']);
  });
});

describe('gRPC framing', () => {
  const messages = [new Uint8Array(), new Uint8Array([1]), new Uint8Array(300).fill(7)];
  const bytes = new Uint8Array(messages.flatMap((message) => [...encodeFrame(message)]));

  test.each([1, 2, 5, 6, 64, bytes.length])('in pieces of %d bytes', (size) => {
    const parser = new FrameParser();
    const received: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      parser.push(bytes.subarray(at, at + size), (message) => received.push(message));
    }
    expect(received).toEqual(messages);
  });

  test.each([
    ['compressed', [1, 0, 0, 0, 1, 0], 'is compressed'],
    ['too long', [0, 0, 0, 0, 9], 'has 9 bytes, at most 8'],
  ])('%s messages are refused', (_name, frame, reason) => {
    const parser = new FrameParser(8);
    const push = () => parser.push(new Uint8Array(frame), () => {});
    expect(push).toThrow(FrameError);
    expect(() => new FrameParser(8).push(new Uint8Array(frame), () => {})).toThrow(reason);
  });

  test.each([
    ['14', 'going%20away', 'the call ended with UNAVAILABLE: going away'],
    ['14', '%zz', 'the call ended with UNAVAILABLE: %zz'],
    ['99', undefined, 'the call ended with status 99'],
  ])('status %s', (status, message, expected) => {
    expect(describeStatus(status, message)).toBe(expected);
  });
});

describe('memory', () => {
  function createLink() {
    const clock = new VirtualClock();
    const source = new TestSource();
    source.set(createSnapshot([clusterOf('a')]));
    const { server } = createTestServer(clock, source);
    const transport = createMemoryAdsTransport(server, { clock, delayMs: 10, messagesMax: 2 });
    return { clock, server, transport, source };
  }

  test('messages take their time, in order', () => {
    const { clock, transport } = createLink();
    const collector = new Collector();
    transport.open('delta', collector).send([firstRequest('delta')]);
    clock.advanceBy(19);
    expect(collector.messages.length).toBe(0);
    clock.advanceBy(1);
    expect(collector.messages.length).toBe(1);
  });

  test('a full link says so', () => {
    const { transport } = createLink();
    const stream = transport.open('delta', new Collector());
    expect([stream.send([firstRequest('delta')]), stream.send([firstRequest('delta')])]).toEqual([
      true,
      false,
    ]);
  });

  test('a cut ends both ends once, and refuses until it is mended', () => {
    const { clock, transport, server } = createLink();
    const collector = new Collector();
    transport.open('delta', collector).send([firstRequest('delta')]);
    clock.advanceBy(100);
    transport.setCut(true);
    clock.advanceBy(100);
    expect([collector.closes.map((error) => error?.code), server.streamCount]).toEqual([['peer-reset'], 0]);
    const refused = new Collector();
    transport.open('delta', refused);
    expect(refused.closes).toEqual([]);
    clock.advanceBy(10);
    expect(refused.closes.map((error) => error?.code)).toEqual(['connect-refused']);
    transport.setCut(false);
    const mended = new Collector();
    transport.open('delta', mended).send([firstRequest('delta')]);
    clock.advanceBy(100);
    expect([mended.messages.length, clock.armedCount]).toEqual([1, 0]);
  });

  test('a client that leaves is noticed by the server alone', () => {
    const { clock, transport, server } = createLink();
    const collector = new Collector();
    const stream = transport.open('delta', collector);
    stream.send([firstRequest('delta')]);
    clock.advanceBy(100);
    stream.close(null);
    clock.advanceBy(100);
    expect([server.streamCount, collector.closes]).toEqual([0, []]);
  });

  test('another server takes over', () => {
    const { clock, transport, source } = createLink();
    const first = new Collector();
    transport.open('delta', first).send([firstRequest('delta')]);
    clock.advanceBy(100);
    const { server } = createTestServer(clock, source);
    transport.setServer(server);
    clock.advanceBy(100);
    expect(first.closes.length).toBe(1);
    transport.open('delta', new Collector()).send([firstRequest('delta')]);
    clock.advanceBy(100);
    expect(server.streamCount).toBe(1);
  });
});
