import { describe, expect, test } from 'bun:test';
import type { Address } from '../../net/index.ts';
import { clusterConfig, endpointConfig, ip } from '../testing/configs.ts';
import { World } from '../testing/world.ts';
import { orderAddresses } from './racing-dial.ts';

const silentHost = '10.0.0.9';
const silent = ip(80, silentHost);
const refused = ip(1);

/** One origin, and an endpoint that has its address among these. */
function setup(addresses: (origin: Address) => readonly [Address, ...Address[]]) {
  const world = new World();
  world.network.createProcess('silent', silentHost);
  world.network.partition('127.0.0.1', silentHost);
  const origin = world.origin();
  const [address, ...alternatives] = addresses(ip(origin.port));
  const endpoints = { ledger: [endpointConfig(1, { address, alternatives, proxied: true })] };
  world.serve([], { clusters: [clusterConfig({ connectTimeoutMs: 1_000 })], endpoints });
  return { world, origin, client: world.client().get('/'), stats: world.cluster().stats };
}

describe('the order of addresses', () => {
  const named = (names: string) =>
    names.split(' ').map((name) => ip(name.charCodeAt(1), name.slice(0, 1) === '6' ? '::1' : '1.1.1.1'));
  const names = (addresses: readonly Address[]) =>
    addresses
      .map((one) => one.kind === 'ip' && `${one.host === '::1' ? 6 : 4}${String.fromCharCode(one.port)}`)
      .join(' ');
  const cases = [
    ['4a 4b 6c 6d', 'default', 1, '4a 6c 4b 6d'],
    ['6a 6b 6c 4d', 'default', 1, '6a 4d 6b 6c'],
    ['4a 4b 6c 6d', 'v6', 1, '6c 4a 6d 4b'],
    ['4a 4b 4c 4d 6e 6f', 'default', 2, '4a 4b 6e 4c 4d 6f'],
    ['4a 4b', 'v6', 3, '4a 4b'],
    ['4a', 'default', 1, '4a'],
  ] as const;
  for (const [given, firstFamily, firstCount, expected] of cases)
    test(`${given}, ${firstCount} of ${firstFamily} first`, () => {
      expect(names(orderAddresses(named(given), { firstFamily, firstCount }))).toBe(expected);
    });
});

describe('an endpoint with several addresses', () => {
  test('one that is refused: the next is tried at once, and nothing is counted as failed', () => {
    const { world, client, stats } = setup((origin) => [refused, origin]);
    world.run(20);
    expect([client.statuses, stats.connectFailures, stats.connectionsTotal]).toEqual([[200], 0, 1]);
    world.expectSettled();
  });

  test('one that says nothing: the next is tried after 300 ms, and the first is given up', () => {
    const { world, client, origin, stats } = setup((origin) => [silent, origin]);
    world.run(299);
    expect(client.statuses).toEqual([]);
    world.run(20);
    expect([client.statuses, origin.accepted, stats.connectionsTotal]).toEqual([[200], 1, 1]);
    world.network.heal('127.0.0.1', silentHost);
    world.run(5_000);
    client.get('/');
    world.run(20);
    expect([client.statuses, origin.accepted, stats.connectTimeouts]).toEqual([[200, 200], 1, 0]);
    world.expectSettled();
  });

  test('the first that answers is it: no other is tried', () => {
    const { world, client, origin } = setup((origin) => [origin, silent, refused]);
    world.run(1_000);
    expect([client.statuses, origin.accepted]).toEqual([[200], 1]);
    world.expectSettled();
  });

  test('all of them refused are one failure', () => {
    const { world, client, stats } = setup(() => [refused, ip(2), ip(3)]);
    world.run(20);
    expect([client.statuses, stats.connectFailures, stats.connectTimeouts]).toEqual([[503], 1, 0]);
    world.expectSettled();
  });

  test('all of them silent are one timeout, over all', () => {
    const { world, client, stats } = setup(() => [silent, ip(81, silentHost), ip(82, silentHost)]);
    world.run(999);
    expect(client.statuses).toEqual([]);
    world.run(20);
    expect([client.statuses, stats.connectFailures, stats.connectTimeouts]).toEqual([[503], 0, 1]);
    expect(stats.connectionsActive).toBe(0);
    world.expectSettled();
  });

  test('one that is refused late leaves the others running', () => {
    const { world, client, stats } = setup((origin) => [silent, refused, origin]);
    world.run(330);
    expect([client.statuses, stats.connectFailures]).toEqual([[200], 0]);
    world.expectSettled();
  });

  test('a sidecar is believed only where every address is of this machine', () => {
    const trust = (addresses: (origin: Address) => readonly [Address, ...Address[]]) =>
      setup(addresses).world.cluster().endpoints[0]!.trusts(null);
    expect([trust((origin) => [origin, refused]), trust((origin) => [origin, silent])]).toEqual([
      true,
      false,
    ]);
  });
});
