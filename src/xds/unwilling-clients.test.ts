// Clients that take what they asked for as slowly as HTTP/2 lets them, or not at all, in virtual time: a window opened
// byte by byte, one that never opens, and a reset or a cut at each frame. Memory stays bounded, nothing is left behind,
// and a client beside them is served as if they were not there.

import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { silentLog, VirtualClock, Xoshiro128 } from '../base/index.ts';
import {
  type Address,
  createMemoryNetwork,
  type Network,
  type Socket,
  type SocketHandler,
} from '../net/index.ts';
import { encodeDeltaRequest } from './discovery/encode.ts';
import { parseDeltaResponse } from './discovery/parse.ts';
import { AdsServer, createGrpcAdsTransport, createSnapshot, serveGrpcAds, typeUrls } from './index.ts';
import { pictureStallMs, picturesAtOnceMax } from './limits.ts';
import { clusterOf, endpointsOf, TestSource, testNode } from './testing/resources.ts';
import { encodeFrame, FrameParser } from './transport/grpc-framing.ts';
import { adsPaths } from './transport/grpc-protocol.ts';

// Much virtual time, and many frames of one byte.
setDefaultTimeout(60_000);

const address: Address = { kind: 'ip', host: '127.0.0.1', port: 15010 };
const names = Array.from({ length: 300 }, (_, i) => `bank/service-${i}:80`);
const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;

function request(typeUrl: string, subscribe: readonly string[], nonce = ''): Uint8Array {
  return encodeDeltaRequest({
    typeUrl,
    nonce,
    subscribe,
    unsubscribe: [],
    initialVersions: new Map(),
    node: testNode,
    error: null,
  });
}

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array | readonly number[],
): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, payload.length * 256 + type);
  bytes[4] = flags;
  view.setUint32(5, stream);
  bytes.set(payload, 9);
  return bytes;
}

function uint32(value: number): readonly number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** Literal fields without indexing (RFC 7541 section 6.2.2), names and values shorter than 127. */
function block(fields: readonly (readonly [string, string])[]): readonly number[] {
  const text = (value: string) => [value.length, ...new TextEncoder().encode(value)];
  return fields.flatMap(([name, value]) => [0, ...text(name), ...text(value)]);
}

const call = block([
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', adsPaths.delta],
  [':authority', 'control'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
]);

/** A client by its frames. It answers SETTINGS and PING; what it does with its windows is the test's. */
class FrameClient implements SocketHandler {
  readonly socket: Socket;
  frames = 0;
  dataBytes = 0;
  readonly messages: Uint8Array[] = [];
  closed = false;
  /** Called with each frame from the server, after it was counted. */
  onFrame: (type: number, client: FrameClient) => void = () => {};
  private readonly parser = new FrameParser();
  private held = new Uint8Array();
  private readonly window: number;

  constructor(network: Network, window: number) {
    this.window = window;
    this.socket = network.connect(address, this);
  }

  onOpen(): void {
    this.send(new TextEncoder().encode('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'));
    this.send(frame(frameType.settings, 0, 0, [0, 4, ...uint32(this.window)]));
    this.send(frame(frameType.headers, 4, 1, call));
    this.say(request(typeUrls.cluster, ['*']));
  }

  say(message: Uint8Array): void {
    this.send(frame(frameType.data, 0, 1, encodeFrame(message)));
  }

  open(stream: number, bytes: number): void {
    this.send(frame(frameType.windowUpdate, 0, stream, uint32(bytes)));
  }

  reset(): void {
    this.send(frame(frameType.reset, 0, 1, uint32(8)));
  }

  private send(bytes: Uint8Array): void {
    if (!this.closed) this.socket.write(bytes, 0, bytes.length);
  }

  onData(_socket: Socket, bytes: Uint8Array): void {
    const all = new Uint8Array(this.held.length + bytes.length);
    all.set(this.held);
    all.set(bytes, this.held.length);
    let at = 0;
    while (all.length - at >= 9) {
      const length = (all[at]! << 16) | (all[at + 1]! << 8) | all[at + 2]!;
      if (all.length - at < 9 + length) break;
      this.take(all[at + 3]!, all[at + 4]!, all.subarray(at + 9, at + 9 + length));
      at += 9 + length;
    }
    this.held = all.slice(at);
  }

  private take(type: number, flags: number, payload: Uint8Array): void {
    this.frames += 1;
    if (type === frameType.settings && flags === 0) this.send(frame(frameType.settings, 1, 0, []));
    else if (type === frameType.ping && flags === 0) this.send(frame(frameType.ping, 1, 0, payload));
    else if (type === frameType.data) {
      this.dataBytes += payload.length;
      this.parser.push(payload, (message) => this.messages.push(message.slice()));
    }
    this.onFrame(type, this);
  }

  onDrain(): void {}

  onEnd(): void {
    this.socket.end();
  }

  onClose(): void {
    this.closed = true;
  }
}

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
      stream.send([request(response.typeUrl, [], response.nonce)]);
    },
    onWritable() {},
    onClose() {},
  });
  stream.send([request(typeUrls.cluster, ['*'])]);
  while (seen.size < count && clock.now() - startMs < 10_000) clock.advanceBy(1);
  stream.close(null);
  return clock.now() - startMs;
}

const alone = serveWell(createWorld());

test('a window opened byte by byte brings what one opened at once does', () => {
  const world = createWorld(70);
  const client = new FrameClient(world.network, 1);
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
  const clients = Array.from({ length: 200 }, () => new FrameClient(world.network, 0));
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
      const client = new FrameClient(world.network, 65_535);
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
