// What is logged of refusals: a client refuses as often as it likes.

import { expect, test } from 'bun:test';
import { type LogFields, VirtualClock } from '../../base/index.ts';
import { createSnapshot } from '../snapshot/create-snapshot.ts';
import { createTestServer, RawClient } from '../testing/raw-client.ts';
import { clusterOf, endpointsOf, TestSource } from '../testing/resources.ts';
import { typeUrls } from '../types.ts';

const { cluster, endpoint } = typeUrls;

function createWorld() {
  const clock = new VirtualClock();
  const source = new TestSource();
  source.set(createSnapshot([clusterOf('a'), endpointsOf('a')]));
  const lines: LogFields[] = [];
  const write = (_level: string, message: string, fields: LogFields = {}) =>
    void (message === 'xds response refused' && lines.push(fields));
  const { server } = createTestServer(clock, source, { debugEnabled: false, write });
  const client = new RawClient(server, 'delta');
  /** Another version of what it is sent, which it refuses. */
  let version = 0;
  const refuse = () => {
    source.set(createSnapshot([clusterOf('a', ++version), endpointsOf('a')], source.current()));
    client.delta(cluster, { nonce: client.last(cluster).nonce, error: `no ${version}` });
  };
  return { clock, client, lines, refuse };
}

test('refusals of a type are one line a second, which says how many there were', () => {
  const { clock, client, lines, refuse } = createWorld();
  client.delta(cluster, { subscribe: ['*'] });
  client.delta(endpoint, { subscribe: ['a'] });
  for (let at = 0; at < 100; at++) refuse();
  expect(lines.map(({ error, nacks }) => [error, nacks])).toEqual([['no 1', undefined]]);
  // Those of another type are another matter.
  client.delta(endpoint, { nonce: client.last(endpoint).nonce, error: 'nor this' });
  expect(lines.at(-1)).toMatchObject({ type: endpoint, error: 'nor this' });
  clock.advanceBy(1_000);
  refuse();
  expect(lines.at(-1)).toMatchObject({ type: cluster, error: 'no 101', nacks: 100 });
  expect(lines).toHaveLength(3);
});

test('an answer to nothing that was sent is no line', () => {
  const { clock, client, lines } = createWorld();
  client.delta(cluster, { subscribe: ['*'] });
  for (let at = 0; at < 100; at++) {
    client.delta(cluster, { nonce: `unknown-${at}`, error: 'x'.repeat(4_000) });
    clock.advanceBy(1_000);
  }
  expect(lines).toEqual([]);
});
