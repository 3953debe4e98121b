// The states of resources that a proxy may be in, through a server's stream.

import { expect, test } from 'bun:test';
import { VirtualClock } from '../../base/index.ts';
import { createSnapshot } from '../snapshot/create-snapshot.ts';
import { createTestServer, RawClient } from '../testing/raw-client.ts';
import { clusterOf, TestSource, testNode } from '../testing/resources.ts';
import { typeUrls } from '../types.ts';

function createWorld() {
  const clock = new VirtualClock();
  const source = new TestSource();
  source.set(createSnapshot([clusterOf('a'), clusterOf('b')]));
  const { server } = createTestServer(clock, source);
  const client = new RawClient(server, 'delta');
  const states = () =>
    server
      .inspect(testNode.id)
      ?.flatMap(({ resources }) => resources.map(({ name, state }) => `${name} ${state}`));
  return { clock, source, server, client, states };
}

test('sent, synced, due, refused, gone', () => {
  const { clock, source, server, client, states } = createWorld();
  expect(server.inspect('nobody')).toBe(null);
  client.delta(typeUrls.cluster, { subscribe: ['*', 'x'] });
  clock.advanceBy(10);
  expect(states()).toEqual(['a sent', 'b sent', 'x absent']);
  client.delta(typeUrls.cluster, { nonce: client.received.at(-1)!.nonce });
  expect(states()).toEqual(['a synced', 'b synced', 'x absent']);
  // While one response is out, what changes next is due.
  source.set(createSnapshot([clusterOf('a', 1), clusterOf('b')], source.current()));
  clock.advanceBy(10);
  source.set(createSnapshot([clusterOf('a', 1), clusterOf('b', 1)], source.current()));
  clock.advanceBy(10);
  expect(states()).toEqual(['a sent', 'b due', 'x absent']);
  client.delta(typeUrls.cluster, { nonce: client.received.at(-1)!.nonce, error: 'no' });
  clock.advanceBy(10);
  for (let tries = 0; tries < 6; tries++) {
    const { nonce, resources } = client.received.at(-1)!;
    const refused = resources.some(({ name }) => name === 'a');
    client.delta(typeUrls.cluster, { nonce, error: refused ? 'no' : null });
    clock.advanceBy(10);
  }
  expect(states()).toEqual(['a refused', 'b synced', 'x absent']);
  const [a] = server.inspect(testNode.id)![0]!.resources;
  expect([a?.held?.version, a?.served?.version]).toEqual([clusterOf('a').version, clusterOf('a', 1).version]);
});
