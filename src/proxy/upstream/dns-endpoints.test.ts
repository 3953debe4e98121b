import { describe, expect, test } from 'bun:test';
import type { Resolver } from '../../net/index.ts';
import type { DnsConfig } from '../config/types.ts';
import { clusterConfig, endpointConfig, ip } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

const usual: DnsConfig = {
  logical: false,
  family: 'auto',
  respectTtl: false,
  refreshMs: 5_000,
  jitterMs: 0,
  failureBaseMs: null,
  failureMaxMs: 0,
  awaited: true,
  servers: null,
  outside: false,
};

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

function setup(names: Partial<DnsConfig> = {}, addresses: readonly string[] | null = ['127.0.0.1']) {
  const state = { answer: addresses, ttlSeconds: 20, asked: 0 };
  const resolver: Resolver = {
    resolve: async () => {
      state.asked += 1;
      if (state.answer === null) throw new Error('nobody answered');
      return { addresses: state.answer, ttlSeconds: state.ttlSeconds };
    },
  };
  const world = new World({ resolver });
  const origin = world.origin();
  const cluster = clusterConfig({ discovery: 'dns', names: { ...usual, ...names } });
  const endpoint = endpointConfig(0, { address: ip(origin.port, 'ledger.test') });
  world.apply({ clusters: [cluster], endpoints: { ledger: [endpoint] } });
  return {
    world,
    origin,
    state,
    hosts: () =>
      world.cluster().endpoints.map(({ address }) => (address.kind === 'ip' ? address.host : address.path)),
    async run(ms: number): Promise<void> {
      for (let left = ms; left > 0; left -= 100) {
        world.run(Math.min(100, left));
        await settle();
      }
    },
  };
}

describe('names', () => {
  test('jitter comes on top of the time between two looks, never before it', async () => {
    const looks: number[] = [];
    for (let round = 0; round < 10; round++) {
      const { run, state } = setup({ jitterMs: 5_000 });
      await run(4_900);
      expect(state.asked).toBe(1);
      await run(5_200);
      expect(state.asked).toBeGreaterThanOrEqual(2);
      await run(5_000);
      looks.push(state.asked);
    }
    // Without it all would have looked four times by now.
    expect(Math.min(...looks)).toBeLessThan(4);
  });

  test('an answer is followed, and kept when there is no other', async () => {
    const { world, state, hosts, run } = setup();
    await settle();
    expect(hosts()).toEqual(['127.0.0.1']);
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([200]);
    state.answer = null;
    await run(5_100);
    expect(hosts()).toEqual(['127.0.0.1']);
    expect(world.cluster().stats.lookupFailures).toBe(1);
    state.answer = ['127.0.0.1', '127.0.0.2'];
    await run(5_100);
    expect(hosts()).toEqual(['127.0.0.1', '127.0.0.2']);
  });

  test('of a place outside neither this host nor its link nor a group count', async () => {
    const near = [
      '127.0.0.1',
      '::1',
      '169.254.169.254',
      'fe80::1',
      '0.0.0.0',
      '224.0.0.1',
      '::ffff:127.0.0.1',
    ];
    const { world, state, hosts, run } = setup({ outside: true, family: 'all' }, [...near, '10.1.2.3']);
    await settle();
    expect(hosts()).toEqual(['10.1.2.3']);
    state.answer = near;
    await run(5_100);
    // As after any failure: what was known holds, and it is counted.
    expect(hosts()).toEqual(['10.1.2.3']);
    expect(world.cluster().stats.lookupFailures).toBe(1);
  });

  test.each([
    [false, []],
    [true, ['127.0.0.1']],
  ])('a name without an address is an answer, but of a logical name: %p', async (logical, left) => {
    const { world, state, hosts, run } = setup({ logical });
    await settle();
    state.answer = [];
    await run(5_100);
    expect(hosts()).toEqual(left);
    expect(world.cluster().stats.lookupFailures).toBe(logical ? 1 : 0);
    state.answer = ['127.0.0.2'];
    await run(5_100);
    expect(hosts()).toEqual(['127.0.0.2']);
  });

  const families: readonly (readonly [
    family: DnsConfig['family'],
    both: readonly string[],
    only4: readonly string[],
  ])[] = [
    ['auto', ['::1', '::2'], ['127.0.0.1']],
    ['v4-only', ['127.0.0.1', '127.0.0.2'], ['127.0.0.1']],
    ['v6-only', ['::1', '::2'], []],
    ['v4-preferred', ['127.0.0.1', '127.0.0.2'], ['127.0.0.1']],
    ['all', ['127.0.0.1', '::1', '127.0.0.2', '::2'], ['127.0.0.1']],
  ];
  for (const [family, both, only4] of families)
    test(`of the family ${family}`, async () => {
      const dual = setup({ family }, ['127.0.0.1', '::1', '127.0.0.2', '::2']);
      const single = setup({ family }, ['127.0.0.1']);
      await settle();
      expect([dual.hosts(), single.hosts()]).toEqual([[...both], [...only4]]);
    });

  test('the answer says when to ask again, where that is respected', async () => {
    const { state, run } = setup({ respectTtl: true });
    await settle();
    await run(19_000);
    expect(state.asked).toBe(1);
    await run(1_200);
    expect(state.asked).toBe(2);
  });

  test('after failures the time between looks grows up to its bound, at random', async () => {
    const { state, run } = setup({ failureBaseMs: 1_000, failureMaxMs: 8_000 }, null);
    await settle();
    await run(60_000);
    // Half of 8 s in the long run; without a back-off there were 120.
    expect(state.asked).toBeGreaterThan(8);
    expect(state.asked).toBeLessThan(40);
    const before = state.asked;
    state.answer = ['127.0.0.1'];
    await run(8_000);
    state.answer = null;
    await run(6_000);
    expect(state.asked).toBeGreaterThan(before + 1);
  });

  test('a logical name is one endpoint: its address changes for new connections, open ones stay', async () => {
    const { world, origin, state, hosts, run } = setup({ logical: true }, ['127.0.0.1', '127.0.0.9']);
    await settle();
    expect(hosts()).toEqual(['127.0.0.1']);
    const client = world.client().get('/');
    world.run(20);
    expect(client.statuses).toEqual([200]);
    // The answer was turned round: the address in use is still in it.
    state.answer = ['127.0.0.9', '127.0.0.1'];
    await run(5_100);
    expect(hosts()).toEqual(['127.0.0.1']);
    state.answer = ['127.0.0.9'];
    await run(5_100);
    expect(hosts()).toEqual(['127.0.0.9']);
    client.get('/');
    world.run(20);
    expect(client.statuses).toEqual([200, 200]);
    expect(origin.accepted).toBe(1);
    expect(world.cluster().endpoints).toHaveLength(1);
  });

  test('the proxy waits for the first answer, or the first failure, where it is told to', async () => {
    const waits = setup();
    expect(waits.world.plane.obstacles.map(({ rule, value }) => [rule, value])).toEqual([
      ['was not looked up yet', 'ledger.test'],
    ]);
    await settle();
    expect(waits.world.plane.obstacles).toEqual([]);
    const failing = setup({}, null);
    await settle();
    expect(failing.world.plane.obstacles).toEqual([]);
    expect(setup({ awaited: false }).world.plane.obstacles).toEqual([]);
  });
});
