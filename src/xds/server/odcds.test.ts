// Clusters that come to who names them alone, beside those that come to who asks for all (ODCDS over the aggregated
// stream, https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cds).

import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { VirtualClock } from '../../base/index.ts';
import { PartlyNamed } from '../snapshot/partly-named.ts';
import { ResourceSet } from '../snapshot/resource-set.ts';
import { createTestServer, RawClient } from '../testing/raw-client.ts';
import { clusterOf, TestSource } from '../testing/resources.ts';
import { type AdsVariant, typeUrls, type XdsResource, type XdsSnapshot } from '../types.ts';

const { cluster } = typeUrls;

/** Those that begin with `on` are named. */
function snapshotOf(names: readonly string[], salt: (name: string) => string = () => ''): XdsSnapshot {
  const isNamed = ({ name }: XdsResource) => name.startsWith('on');
  const all = names.map((name) => {
    const resource = clusterOf(name);
    return { ...resource, version: `${resource.version}${salt(name)}` };
  });
  const map = new PartlyNamed(
    ResourceSet.of(all.filter((one) => !isNamed(one))),
    ResourceSet.of(all.filter(isNamed)),
  );
  return { version: map.sum.toString(), resources: new Map([[cluster, map]]) };
}

function connect(names: readonly string[], variant: AdsVariant = 'delta') {
  const clock = new VirtualClock();
  const source = new TestSource();
  source.set(snapshotOf(names));
  const client = new RawClient(createTestServer(clock, source).server, variant);
  const ask = (request: Parameters<RawClient['delta']>[1]) => {
    client.delta(cluster, request);
    if (client.received.length > 0) client.ack(cluster);
  };
  const publish = (next: readonly string[], salt?: (name: string) => string) => {
    source.set(snapshotOf(next, salt));
    clock.advanceBy(60_000);
    client.ack(cluster);
    clock.advanceBy(60_000);
  };
  return { ask, client, clock, publish, source };
}

test('who asks for all gets what is sent unasked, and each other by its name', () => {
  const { ask, client, publish } = connect(['a', 'on1', 'on2']);
  ask({ subscribe: ['*'] });
  ask({ subscribe: ['on2', 'on3'] });
  publish(['a', 'b', 'on1', 'on2', 'on3']);
  publish(['a', 'b', 'on1', 'on2', 'on3'], (name) => (name === 'on1' || name === 'on2' ? 'x' : ''));
  publish(['b', 'on1', 'on3']);
  expect(client.news()).toEqual([
    'Cluster +a',
    'Cluster +on2 -on3',
    'Cluster +b +on3',
    'Cluster +on2',
    'Cluster -a -on2',
  ]);
});

test('a name that is given up is not sent again, though all are asked for', () => {
  const { ask, client, publish } = connect(['a', 'on1']);
  ask({ subscribe: ['*', 'on1'] });
  ask({ unsubscribe: ['on1'] });
  publish(['a', 'on1'], () => 'x');
  publish(['a'], () => 'x');
  expect(client.news()).toEqual(['Cluster +on1 +a', 'Cluster +a']);
});

test('after a reconnect what is held is not sent', () => {
  const held = [...snapshotOf(['a', 'on1', 'on2']).resources.get(cluster)!.values(), clusterOf('on1')];
  const { ask, client } = connect(['a', 'on1', 'on2']);
  ask({
    subscribe: ['*', 'on1', 'on2', 'on4'],
    initialVersions: new Map([...held.map((one) => [one.name, one.version] as const), ['on4', '1']]),
  });
  expect(client.news()).toEqual(['Cluster +on2']);
});

test('state of the world has what is named beside all', () => {
  const { client, source } = connect(['a', 'on1', 'on2'], 'sotw');
  client.sotw(cluster, { names: ['*', 'on2'] });
  client.ack(cluster, ['*', 'on2']);
  source.set(snapshotOf(['a', 'on1', 'on2', 'on3'], (name) => (name === 'on2' ? 'x' : '')));
  expect(client.news()).toEqual(['Cluster +a +on2', 'Cluster +a +on2']);
});

const names = ['a', 'b', 'on1', 'on2', 'on3'];
const step = fc.oneof(
  fc.record({ publish: fc.subarray(names), salt: fc.nat(2) }),
  fc.record({ want: fc.subarray(names.slice(2)) }),
);

test('whatever happens, a client has what is sent unasked and what it named', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const { ask, client, publish, source } = connect([]);
      ask({ subscribe: ['*'] });
      let wanted: readonly string[] = [];
      for (const next of steps) {
        if ('publish' in next) publish(next.publish, () => String(next.salt));
        else {
          const unsubscribe = wanted.filter((name) => !next.want.includes(name));
          ask({ subscribe: next.want.filter((name) => !wanted.includes(name)), unsubscribe });
          wanted = next.want;
        }
      }
      const held = new Map<string, string>();
      const given = new Set(wanted);
      for (const { removed, resources } of client.received) {
        for (const { name, version } of resources) held.set(name, version);
        for (const name of removed) held.delete(name);
      }
      for (const name of held.keys()) if (name.startsWith('on') && !given.has(name)) held.delete(name);
      const map = source.current()!.resources.get(cluster)!;
      const due = names.filter((name) => map.has(name) && (!name.startsWith('on') || given.has(name)));
      expect([...held].sort()).toEqual(due.map((name) => [name, map.get(name)!.version]));
    }),
    { numRuns: 300 },
  );
});
