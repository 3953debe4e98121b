// Requests that are dropped because their endpoints' policy says so, over the real data path in virtual time.

import { expect, test } from 'bun:test';
import { endpointConfig, snapshot } from '../testing/configs.ts';
import { World } from '../testing/world.ts';

function ask(dropShare: number, times: number) {
  const world = new World();
  const origin = world.origin();
  const base = snapshot({ endpoints: { ledger: [endpointConfig(origin.port)] } });
  const [assignment] = [...base.endpoints.values()];
  world.plane.apply({ ...base, endpoints: new Map([['ledger', { ...assignment!, dropShare }]]) });
  const client = world.client();
  for (let turn = 0; turn < times; turn++) {
    client.get('/');
    world.run(20);
  }
  return { world, client, origin };
}

test('a share of them, with a word to their callers', () => {
  const { world, client, origin } = ask(0.3, 400);
  const dropped = client.statuses.filter((status) => status === 503).length;
  expect(Math.abs(dropped / 400 - 0.3)).toBeLessThan(0.08);
  expect(origin.requests).toHaveLength(400 - dropped);
  expect(client.received).toContain('x-envoy-drop-overload: true');
  expect(client.received).toContain('drop overload');
  expect(client.received).not.toContain('unconditional');
  expect(world.cluster().stats.dropped).toBe(dropped);
  world.expectSettled();
});

test('all of them', () => {
  const { world, client, origin } = ask(1, 5);
  expect(client.statuses).toEqual(Array(5).fill(503));
  expect(origin.requests).toHaveLength(0);
  expect(client.received).toContain('x-envoy-unconditional-drop-overload: true');
  expect(client.received).toEndWith('unconditional drop overload');
  world.expectSettled();
});

test('none where nothing is said', () => {
  const { client } = ask(0, 5);
  expect(client.statuses).toEqual(Array(5).fill(200));
});
