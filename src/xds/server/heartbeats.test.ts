import { describe, expect, test } from 'bun:test';
import { silentLog, VirtualClock, Xoshiro128 } from '../../base/index.ts';
import { AdsClient } from '../client/ads-client.ts';
import { heartbeatsAtOnceMax } from '../limits.ts';
import { createSnapshot } from '../snapshot/create-snapshot.ts';
import { RawClient } from '../testing/raw-client.ts';
import { clusterOf, endpointsOf, TestSource, testNode } from '../testing/resources.ts';
import { createMemoryAdsTransport } from '../transport/memory.ts';
import { type AdsVariant, typeUrls, type XdsResource, type XdsSubscriber } from '../types.ts';
import { AdsServer } from './ads-server.ts';

const { cluster, endpoint } = typeUrls;
const ttlMs = 30_600;
const features = ['xds.config.supports-resource-ttl', 'xds.config.resource-in-sotw'];

function createWorld(variant: AdsVariant, resources: readonly XdsResource[], livesMs = ttlMs) {
  const clock = new VirtualClock();
  const source = new TestSource();
  source.set(createSnapshot(resources));
  const server = new AdsServer({
    clock,
    log: silentLog,
    snapshotFor: () => source,
    lifetimes: new Map([
      [cluster, livesMs],
      [endpoint, livesMs],
    ]),
  });
  const client = new RawClient(server, variant);
  const publish = (...next: XdsResource[]) => source.set(createSnapshot(next, source.current()));
  return { clock, server, client, publish, version: source.current()!.resources };
}

const asking = (clientFeatures: readonly string[] = features) => ({ node: { ...testNode, clientFeatures } });

/** What came since the last look: a name with its time to live, `=` for a heartbeat. */
function come({ received }: RawClient): readonly (readonly string[])[] {
  return received
    .splice(0)
    .map(({ resources }) =>
      resources.map(({ name, bytes, ttlMs: ms }) => `${name}${bytes === null ? ' =' : ''} ${ms}`),
    );
}

test('what is sent lives so long, and is renewed in time by its name and version', () => {
  const { client, clock, server, version } = createWorld('delta', [clusterOf('a'), clusterOf('b')]);
  client.delta(cluster, asking());
  expect(come(client)).toEqual([['a 30600', 'b 30600']]);
  client.delta(cluster, { nonce: '1' });
  clock.advanceBy(ttlMs / 3 - 2);
  expect(come(client)).toEqual([]);
  for (let round = 0; round < 5; round++) {
    clock.advanceBy(ttlMs / 3);
    const [beat] = client.received;
    expect(beat?.resources.map((one) => one.version)).toEqual(
      ['a', 'b'].map((name) => version.get(cluster)!.get(name)!.version),
    );
    expect(server.status()[0]?.types[0]?.status).toBe('SYNCED');
    client.delta(cluster, { nonce: beat!.nonce });
    expect(come(client)).toEqual([['a = 30600', 'b = 30600']]);
  }
});

test.each([
  ['that does not know of it', 'delta', []],
  ['that knows no wrappers', 'sotw', features.slice(0, 1)],
] as const)('a client %s is sent everything for ever', (_what, variant, known) => {
  const { client, clock } = createWorld(variant, [endpointsOf('a')]);
  if (variant === 'delta') client.delta(endpoint, { ...asking(known), subscribe: ['a'] });
  else client.sotw(endpoint, { ...asking(known), names: ['a'] });
  const { nonce, version } = client.last(endpoint);
  expect(come(client)).toEqual([['a null']]);
  if (variant === 'delta') client.delta(endpoint, { nonce });
  else client.sotw(endpoint, { nonce, version, names: ['a'] });
  clock.advanceBy(10 * ttlMs);
  expect(come(client)).toEqual([]);
});

test('SotW: in wrappers, renewed by the version of the last response; what must be complete is sent again', () => {
  const { client, clock, publish } = createWorld('sotw', [
    clusterOf('a'),
    endpointsOf('a'),
    endpointsOf('b'),
  ]);
  client.sotw(cluster, asking());
  client.sotw(endpoint, { names: ['a', 'b'] });
  const answer = (): void => {
    for (const one of [cluster, endpoint]) client.ack(one, one === endpoint ? ['a', 'b'] : []);
  };
  answer();
  publish(clusterOf('a'), endpointsOf('a'), endpointsOf('b', 2));
  const { version } = client.last(endpoint);
  answer();
  come(client);
  clock.advanceBy(ttlMs / 3);
  const { nonce } = client.last(endpoint);
  // A cluster that is sent has its endpoints awaited: they come with it, and others are renewed after the answer.
  expect(come(client)).toEqual([['a 30600'], ['a 30600']]);
  client.sotw(endpoint, { nonce, version, names: ['a', 'b'] });
  const beat = client.last(endpoint);
  expect([beat.version, ...beat.resources.map((one) => one.version)]).toEqual([version, version, version]);
  expect(come(client)).toEqual([['a = 30600', 'b = 30600']]);
});

test('an answer that is waited for too long: all is sent again', () => {
  const { client, clock } = createWorld('delta', [endpointsOf('a')], 6_000);
  client.delta(endpoint, { ...asking(), subscribe: ['a'] });
  client.delta(endpoint, { nonce: '1' });
  clock.advanceBy(2_000);
  expect(come(client)).toEqual([['a 6000'], ['a = 6000']]);
  clock.advanceBy(5_000);
  expect(come(client)).toEqual([['a 6000']]);
});

test.each([
  [
    'takes nothing for a while',
    (client: RawClient, clock: VirtualClock) => {
      client.writable = false;
      clock.advanceBy(ttlMs / 3);
      come(client);
      clock.advanceBy(ttlMs);
      expect(come(client)).toEqual([]);
      client.setWritable();
    },
  ],
  [
    'says that it has nothing to renew',
    (client: RawClient, clock: VirtualClock) => {
      clock.advanceBy(ttlMs / 3);
      const { nonce } = client.last(endpoint);
      come(client);
      client.delta(endpoint, { nonce, error: 'a: has no content' });
    },
  ],
] as const)('who %s is sent all again', (_what, happens) => {
  const { client, clock } = createWorld('delta', [endpointsOf('a')]);
  client.delta(endpoint, { ...asking(), subscribe: ['a'] });
  client.delta(endpoint, { nonce: '1' });
  come(client);
  happens(client, clock);
  expect(come(client)).toContainEqual(['a 30600']);
});

test('who comes back has had it for a while: it is renewed at once', () => {
  const { client, version } = createWorld('delta', [endpointsOf('a')]);
  const held = version.get(endpoint)!.get('a')!.version;
  client.delta(endpoint, { ...asking(), subscribe: ['a'], initialVersions: new Map([['a', held]]) });
  expect(come(client)).toEqual([['a = 30600']]);
});

test('what a client goes on using is renewed: what it has of what it refused', () => {
  const { client, clock, publish, version } = createWorld('delta', [endpointsOf('a')]);
  const held = version.get(endpoint)!.get('a')!.version;
  client.delta(endpoint, { ...asking(), subscribe: ['a'] });
  client.delta(endpoint, { nonce: '1' });
  publish(endpointsOf('a', 2));
  client.ack(endpoint, [], 'a: no');
  come(client);
  clock.advanceBy(ttlMs / 3);
  const beat = client.last(endpoint);
  expect(beat.resources.map((one) => [one.version, one.bytes])).toEqual([[held, null]]);
});

test('renewals of many are several responses, each after the answer to the one before', () => {
  const names = Array.from({ length: heartbeatsAtOnceMax + 1 }, (_, at) => `e${at}`);
  const { client, clock } = createWorld('delta', [...names.map((name) => endpointsOf(name))]);
  client.delta(endpoint, { ...asking(), subscribe: names });
  while (client.received.length > 0) {
    const { nonce } = client.last(endpoint);
    come(client);
    client.delta(endpoint, { nonce });
  }
  clock.advanceBy(ttlMs / 3);
  expect(client.received.map(({ resources }) => resources.length)).toEqual([heartbeatsAtOnceMax]);
  client.ack(endpoint);
  expect(client.received.map(({ resources }) => resources.length)).toEqual([heartbeatsAtOnceMax, 1]);
});

describe.each(['delta', 'sotw'] as const)('Weft’s own client, %s', (variant) => {
  function startClient() {
    const { server, clock, publish } = createWorld(variant, [
      ...[clusterOf('a'), clusterOf('b')],
      ...[endpointsOf('a'), endpointsOf('b')],
    ]);
    const transport = createMemoryAdsTransport(server, { clock, delayMs: 2 });
    const held = new Set<string>();
    const losses: string[] = [];
    const subscriber: XdsSubscriber = {
      onUpdate({ changed, removed }) {
        for (const { name } of changed) held.add(name);
        for (const name of removed) held.delete(name);
        losses.push(...removed);
        return [];
      },
      onConnection() {},
    };
    const node = asking().node;
    const random = new Xoshiro128(1);
    const client = new AdsClient({ transport, variant, clock, random, node, subscriber, log: silentLog });
    client.subscribe(cluster, '*');
    client.subscribe(endpoint, ['a', 'b']);
    client.start();
    return { clock, publish, transport, held, losses, client };
  }

  test('keeps what is renewed, loses it without a server, and has it again', () => {
    const { clock, publish, transport, held, losses, client } = startClient();
    clock.advanceBy(3 * ttlMs);
    publish(clusterOf('a'), clusterOf('b', 1), endpointsOf('a'), endpointsOf('b', 2));
    clock.advanceBy(3 * ttlMs);
    expect([[...held], losses]).toEqual([['a', 'b'], []]);
    expect(client.status().types.map(({ nack }) => nack)).toEqual([null, null]);
    transport.setCut(true);
    clock.advanceBy(ttlMs + 1_000);
    expect([[...held], client.status().types.map(({ known }) => known)]).toEqual([[], [0, 0]]);
    transport.setCut(false);
    clock.advanceBy(3 * ttlMs);
    expect([...held]).toEqual(['a', 'b']);
  });

  test.each([3_600_000, -3_600_000])('does the same where the clock is set by %d ms at any time', (ms) => {
    const { clock, transport, held, losses, client } = startClient();
    const runSetting = (forMs: number): void => {
      for (let part = 0; part < 12; part++) {
        clock.advanceBy(forMs / 12);
        clock.shiftWall(ms);
      }
    };
    runSetting(3 * ttlMs);
    expect([[...held], losses]).toEqual([['a', 'b'], []]);
    transport.setCut(true);
    // What was renewed last lives no less than to here.
    clock.advanceBy(ttlMs / 2);
    clock.shiftWall(ms);
    expect([...held]).toEqual(['a', 'b']);
    runSetting(ttlMs / 2 + 1_000);
    expect([[...held], client.status().types.map(({ known }) => known)]).toEqual([[], [0, 0]]);
  });
});
