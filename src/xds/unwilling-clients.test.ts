// Clients that take what they asked for as slowly as HTTP/2 lets them, or not at all, in virtual time: a window opened
// byte by byte, one that never opens, and a reset or a cut at each frame. Memory stays bounded, nothing is left behind,
// and a client beside them is served as if they were not there.

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { silentLog, VirtualClock, Xoshiro128 } from '../base/index.ts';
import { type Address, createMemoryNetwork } from '../net/index.ts';
import { parseDeltaResponse } from './discovery/parse.ts';
import { AdsServer, createGrpcAdsTransport, createSnapshot, serveGrpcAds, typeUrls } from './index.ts';
import { pictureStallMs, picturesAtOnceMax } from './limits.ts';
import { deltaRequest, FrameClient, frameType } from './testing/frame-client.ts';
import { clusterOf, endpointsOf, TestSource } from './testing/resources.ts';

// Much virtual time, and many frames of one byte.
setDefaultTimeout(60_000);

const address: Address = { kind: 'ip', host: '127.0.0.1', port: 15010 };
const names = Array.from({ length: 300 }, (_, i) => `bank/service-${i}:80`);
function createWorld(count = names.length) {
  const clock = new VirtualClock();
  const network = createMemoryNetwork({ clock, random: new Xoshiro128(7n) });
  const source = new TestSource();
  const some = names.slice(0, count);
  source.set(
    createSnapshot([...some.map((name) => clusterOf(name)), ...some.map((name) => endpointsOf(name))]),
  );
  const server = new AdsServer({ clock, log: silentLog, snapshotFor: () => source });
  const listener = serveGrpcAds({ server, network, clock, address });
  return { clock, network, source, server, listener };
}

/** A client as it should be, until it has every cluster; how long it took, in virtual time. */
function serveWell({ clock, network }: ReturnType<typeof createWorld>, count = names.length): number {
  const transport = createGrpcAdsTransport({ network, clock, address });
  const seen = new Set<string>();
  const startMs = clock.now();
  const stream = transport.open('delta', {
    onMessage(bytes) {
      const response = parseDeltaResponse(bytes);
      for (const { name } of response.resources) seen.add(name);
      stream.send([deltaRequest(response.typeUrl, [], response.nonce)]);
    },
    onWritable() {},
    onClose() {},
  });
  stream.send([deltaRequest(typeUrls.cluster, ['*'])]);
  while (seen.size < count && clock.now() - startMs < 10_000) clock.advanceBy(1);
  stream.close(null);
  return clock.now() - startMs;
}

const alone = serveWell(createWorld());

test('a window opened byte by byte brings what one opened at once does', () => {
  const world = createWorld(70);
  const client = new FrameClient(world.network, address, 1);
  client.onFrame = (type) => {
    if (type === frameType.data) client.open(1, 1);
  };
  world.clock.advanceBy(500);
  expect(serveWell(world, 70)).toBeLessThanOrEqual(alone + 5);
  const afterMs = world.clock.now();
  while (client.messages.length === 0 && !client.closed && world.clock.now() - afterMs < 120_000)
    world.clock.advanceBy(10);
  const [message] = client.messages;
  expect(parseDeltaResponse(message!).resources.map(({ name }) => name)).toEqual(names.slice(0, 70));
  // A frame for each byte, and hardly more.
  expect(client.frames).toBeLessThan(client.dataBytes + 100);
});

test('windows that never open cost bounded memory and delay nobody', () => {
  const world = createWorld();
  const clients = Array.from({ length: 200 }, () => new FrameClient(world.network, address, 0));
  world.clock.advanceBy(100);
  expect(world.server.streamCount).toBe(200);
  // Thirty-two at a time hold the places for pictures until it is seen that they take nothing.
  expect(serveWell(world)).toBeLessThanOrEqual(
    alone + Math.ceil(200 / picturesAtOnceMax) * (pictureStallMs + 5),
  );
  for (let change = 1; change <= 50; change++) {
    const resources = names.map((name) => clusterOf(name, change));
    world.source.set(createSnapshot([...resources, ...names.map((name) => endpointsOf(name))]));
    world.clock.advanceBy(100);
  }
  expect(clients.every(({ dataBytes }) => dataBytes === 0)).toBe(true);
  // They had their turn.
  expect(serveWell(world)).toBeLessThanOrEqual(alone + 5);
  // Nothing of what waits for them was read for a minute: they are let go.
  world.clock.advanceBy(120_000);
  expect([world.server.streamCount, world.listener.connectionCount]).toEqual([0, 0]);
});

/** SETTINGS, its acknowledgement, the answer's head and some DATA: a picture has no more frames. */
const framesMax = 12;

describe.each([
  ['a reset', (client: FrameClient) => client.reset()],
  ['a cut', (client: FrameClient) => client.socket.reset()],
  ['an end', (client: FrameClient) => client.socket.end()],
] as const)('%s', (_name, leave) => {
  test.each(Array.from({ length: framesMax }, (_, index) => index + 1))(
    'at frame %d leaves nothing',
    (at) => {
      const world = createWorld();
      const client = new FrameClient(world.network, address, 65_535);
      client.onFrame = () => {
        if (client.frames === at) leave(client);
      };
      world.clock.advanceBy(200);
      if (client.frames >= at) expect(world.server.streamCount).toBe(0);
      expect(serveWell(world)).toBeLessThanOrEqual(alone + 5);
      client.socket.reset();
      world.clock.advanceBy(10);
      // Of the well-behaved client a connection may linger for a moment.
      world.clock.advanceBy(2_000);
      expect([world.server.streamCount, world.listener.connectionCount]).toEqual([0, 0]);
    },
  );
});
