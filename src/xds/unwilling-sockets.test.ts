// The clients of unwilling-clients.test.ts over real sockets, where kernels buffer and processes share a machine: the
// memory of a server whose clients never read stays in bounds, and a client beside them is served.

import { afterEach, expect, setDefaultTimeout, test } from 'bun:test';
import { silentLog } from '../base/index.ts';
import { createBunNetwork, createSystemClock } from '../net/index.ts';
import { until } from '../testing/until.ts';
import { parseDeltaResponse } from './discovery/parse.ts';
import { AdsServer, createGrpcAdsTransport, createSnapshot, serveGrpcAds, typeUrls } from './index.ts';
import { deltaRequest, FrameClient, frameType } from './testing/frame-client.ts';
import { clusterOf, endpointsOf, TestSource } from './testing/resources.ts';

setDefaultTimeout(60_000);

const names = Array.from({ length: 1_000 }, (_, i) => `bank/service-${i}:80`);
const [network, clock] = [createBunNetwork(), createSystemClock()];
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function serve(count = names.length) {
  const source = new TestSource();
  const some = names.slice(0, count);
  const change = (salt: number) => {
    const resources = [
      ...some.map((name) => clusterOf(name, salt)),
      ...some.map((name) => endpointsOf(name)),
    ];
    source.set(createSnapshot(resources));
  };
  change(0);
  const server = new AdsServer({ clock, log: silentLog, snapshotFor: () => source });
  const listener = serveGrpcAds({
    server,
    network,
    clock,
    address: { kind: 'ip', host: '127.0.0.1', port: 0 },
  });
  cleanups.push(() => void listener.close(0));
  return { change, server, listener, address: listener.address };
}

function heapBytes(): number {
  Bun.gc(true);
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function join({ address }: ReturnType<typeof serve>, window: number): FrameClient {
  const client = new FrameClient(network, address, window);
  cleanups.push(() => client.socket.reset());
  return client;
}

/** A client as it should be has every cluster. */
async function serveWell({ address }: ReturnType<typeof serve>, count = names.length): Promise<void> {
  const transport = createGrpcAdsTransport({ network, clock, address });
  const seen = new Set<string>();
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
  await until('it has everything', () => seen.size >= count, 30_000);
  stream.close(null);
}

test('a window opened byte by byte brings everything', async () => {
  const world = serve(20);
  const client = join(world, 1);
  client.onFrame = (type) => {
    if (type === frameType.data) client.open(1, 1);
  };
  await serveWell(world, 20);
  await until('its message', () => client.messages.length > 0, 30_000);
  const [message] = client.messages;
  expect(parseDeltaResponse(message!).resources.map(({ name }) => name)).toEqual(names.slice(0, 20));
});

test('two hundred that never open theirs cost bounded memory while pictures change', async () => {
  const world = serve();
  await serveWell(world);
  const before = heapBytes();
  const clients = Array.from({ length: 200 }, () => join(world, 0));
  await until('all are there', () => world.server.streamCount >= 200);
  const changes = async (from: number, to: number) => {
    for (let salt = from; salt <= to; salt++) {
      world.change(salt);
      await serveWell(world);
    }
    return heapBytes() - before;
  };
  const afterFew = await changes(1, 3);
  const afterMany = await changes(4, 15);
  expect(clients.every(({ dataBytes }) => dataBytes === 0)).toBe(true);
  // A set of a thousand names each, whatever changes: not the picture, and nothing for a change.
  expect(afterFew).toBeLessThan(200 * 300_000);
  expect(afterMany - afterFew).toBeLessThan(16_000_000);
});

test('a reset at any frame, by many at once, leaves nothing', async () => {
  const world = serve();
  for (let at = 1; at <= 12; at++)
    for (let time = 0; time < 5; time++) {
      const client = join(world, 65_535);
      client.onFrame = () => {
        if (client.frames !== at) return;
        if (time % 2 === 0) client.reset();
        else client.socket.reset();
      };
    }
  await serveWell(world);
  for (const cleanup of cleanups.splice(1)) cleanup();
  await until('nobody is left', () => world.server.streamCount === 0 && world.listener.connectionCount === 0);
  await serveWell(world);
});
