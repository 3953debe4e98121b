// Series of virtual clusters and of routes, in virtual time.

import { describe, expect, test } from 'bun:test';
import type { RouteTally } from '../../policy/index.ts';
import { Tallies } from '../stats/index.ts';
import { clusterConfig, route, routeConfig, testRetry } from '../testing/configs.ts';
import { answer200, type Respond } from '../testing/peers.ts';
import { World } from '../testing/world.ts';

const posts: RouteTally = {
  virtualHost: 'shop',
  route: 'all',
  virtualClusters: [
    {
      name: 'posts',
      headers: [
        { name: ':method', match: { kind: 'exact', value: 'POST', ignoreCase: false }, invert: false },
      ],
    },
  ],
};

function setup(respond: Respond, tally: RouteTally | null = posts) {
  const world = new World();
  const routes = routeConfig([route(tally === null ? {} : { tally })]);
  world.serve([world.origin(respond)], {
    routes: [routes],
    clusters: [clusterConfig({ retry: { ...testRetry, attempts: 2 } })],
  });
  const tallies = () =>
    [...world.listener().tallies.all].map((one) => ({
      of: `${one.kind} ${one.virtualHost} ${one.name}`,
      attempts: one.attempts,
      retries: one.retries,
      exhausted: one.retryExhausted,
      answers: Object.fromEntries(one.answers.statuses),
    }));
  return { world, tallies };
}

describe('tallies', () => {
  test('a request counts for its virtual cluster, or for other, and for its route', () => {
    const { world, tallies } = setup(answer200);
    world.client().get('/');
    world.run(1_000);
    world.client().send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
    world.run(1_000);
    const one = { attempts: 1, retries: 0, exhausted: 0, answers: { 200: 1 } };
    expect(tallies()).toEqual([
      { of: 'vcluster shop other', ...one },
      { of: 'route shop all', ...one, attempts: 2, answers: { 200: 2 } },
      { of: 'vcluster shop posts', ...one },
    ]);
  });

  test('retries and their end are counted, answers that are not passed on are not', () => {
    const { world, tallies } = setup((connection) => connection.reply(503));
    world.client().get('/');
    world.run(2_000);
    const failed = { attempts: 3, retries: 2, exhausted: 1, answers: { 503: 1 } };
    expect(tallies()).toEqual([
      { of: 'vcluster shop other', ...failed },
      { of: 'route shop all', ...failed },
    ]);
  });

  test('nothing is counted where nothing is asked for', () => {
    const { world, tallies } = setup(answer200, null);
    world.client().get('/');
    world.run(1_000);
    expect(tallies()).toEqual([]);
  });

  test('series are bounded: what comes later counts for other', () => {
    const tallies = new Tallies(2);
    for (const name of ['a', 'b', 'c', 'd', 'a']) tallies.find('route', 'shop', name).attempts += 1;
    expect([...tallies.all].map(({ name, attempts }) => [name, attempts])).toEqual([
      ['a', 2],
      ['b', 1],
      ['other', 2],
    ]);
  });
});
