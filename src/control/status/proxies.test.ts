import { expect, test } from 'bun:test';
import { service, slice } from '../testing/manifests.ts';
import { World } from '../testing/world.ts';
import { departedMax } from './proxies.ts';

test('of proxies that left only what is shown of them stays, and of many the last', async () => {
  const world = new World();
  await world.write('a.yaml', service('ledger') + slice('ledger', ['10.0.0.1']));
  await world.start();
  const watching = world.connect('sidecar~watching.bank');
  await world.run(50);
  const sizeBefore = world.plane.compiledScopes;
  for (let i = 0; i < departedMax + 5; i++) {
    const labels = { app: 'ledger', 'job-name': `job-${i}`, filler: 'x'.repeat(1_000) };
    const client = world.connect(`sidecar~job-${i}.bank`, {
      metadata: { labels, admin: '127.0.0.1:1', application: { http: 8080 } },
    });
    await world.run(10);
    client.stop();
    await world.run(5);
  }
  const left = world.plane.proxies.list().filter((proxy) => proxy.streams === 0);
  expect(left).toHaveLength(departedMax);
  for (const { node, entry, taken } of left.slice(-3)) {
    expect(node.metadata).toEqual({ admin: '127.0.0.1:1' });
    expect([entry.current(), taken.size]).toEqual([null, 0]);
  }
  // Nothing that was compiled for them alone is kept either.
  expect([world.plane.snapshots.scopeCount, world.plane.compiledScopes]).toEqual([1, sizeBefore]);
  watching.stop();
  world.plane.stop();
}, 30_000);

test.each([-86_400_000, 86_400_000])(
  'what left is shown as long where the clock is set by %d ms',
  async (ms) => {
    const world = new World();
    await world.start();
    world.connect('sidecar~gone.bank').stop();
    const shown = () => world.plane.proxies.list().map(({ node }) => node.id);
    await world.run(1_000);
    world.clock.shiftWall(ms);
    await world.run(598_000);
    expect(shown()).toEqual(['sidecar~gone.bank']);
    await world.run(2_000);
    expect(shown()).toEqual([]);
    world.plane.stop();
  },
);
