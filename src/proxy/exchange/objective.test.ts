// What of requests is held against a service's objective.

import { expect, test } from 'bun:test';
import { clusterConfig } from '../testing/configs.ts';
import type { Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const objective = { availability: 90, latency: { percentile: 50, thresholdMs: 100 }, windowMs: 3_600_000 };

function promising(respond: Respond): World {
  const world = new World();
  world.serve([world.origin(respond)], { clusters: [clusterConfig({ objective })] });
  return world;
}

const byPath: Respond = (connection, request) => {
  if (request.startsWith('GET /fails')) connection.reply(500);
  else if (request.startsWith('GET /refuses')) connection.reply(404);
  else if (request.startsWith('GET /resets')) connection.socket.reset();
  else if (!request.startsWith('GET /hangs')) connection.reply(200);
};

test('5xx and what the proxy answers in its place fail; 4xx does not', () => {
  const world = promising(byPath);
  for (const path of ['/', '/fails', '/refuses', '/resets']) {
    world.client().get(path);
    world.run(20);
  }
  expect(world.cluster().stats.objective).toMatchObject({ requests: 4, failures: 2, slow: 0 });
});

test('an answer that takes too long is slow, and a client that leaves says nothing', () => {
  const held: (() => void)[] = [];
  const world = promising((connection) => {
    held.push(() => connection.reply(200));
  });
  world.client().get('/');
  world.run(150);
  held[0]!();
  world.run(20);
  const leaving = world.client().get('/hangs');
  world.run(50);
  leaving.socket.reset();
  world.run(50);
  expect(world.cluster().stats.objective).toMatchObject({ requests: 1, failures: 0, slow: 1 });
});

test('another promise begins a window of its own; the counters stay', () => {
  const world = promising(byPath);
  world.client().get('/fails');
  world.run(20);
  const [origin] = world.origins;
  const stricter = clusterConfig({ objective: { ...objective, availability: 99 } });
  world.serve([origin!], { version: '2', clusters: [stricter] });
  expect(world.cluster().stats.objective).toMatchObject({ requests: 1, failures: 1, windowFailures: 0 });
});

test('without an objective nothing is counted', () => {
  const world = new World();
  world.serve([world.origin()]);
  world.client().get('/');
  world.run(20);
  expect(world.cluster().stats.objective.requests).toBe(0);
});
