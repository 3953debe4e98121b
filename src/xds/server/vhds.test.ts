// Virtual hosts as resources by themselves: asked for by the name of their table, as Envoy does, and never sent before
// the clusters that they name (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds).

import { expect, test } from 'bun:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { VirtualClock } from '../../base/index.ts';
import { RouteActionSchema, VirtualHostSchema } from '../api.ts';
import { createResource, createSnapshot } from '../snapshot/create-snapshot.ts';
import { findReferences } from '../snapshot/references.ts';
import { createTestServer, RawClient } from '../testing/raw-client.ts';
import { clusterOf, endpointsOf, TestSource } from '../testing/resources.ts';
import { typeUrls, virtualHostType, type XdsResource } from '../types.ts';

function hostOf(name: string, cluster: string): XdsResource {
  const value = create(RouteActionSchema, { clusterSpecifier: { case: 'cluster', value: cluster } });
  const routes = [{ name: 'default', action: { case: 'route' as const, value } }];
  const host = create(VirtualHostSchema, { name, domains: [name], routes });
  return createResource(virtualHostType, `outbound/${name}`, toBinary(VirtualHostSchema, host));
}

function connect(...resources: XdsResource[]) {
  const clock = new VirtualClock();
  const source = new TestSource();
  source.set(createSnapshot(resources));
  const { server } = createTestServer(clock, source);
  const client = new RawClient(server, 'delta');
  const publish = (...next: XdsResource[]) => source.set(createSnapshot(next, source.current()));
  return { client, publish, server };
}

test.each(['outbound', '*'])('%s asks for all hosts, and a new one comes alone', (asked) => {
  const { client, publish } = connect(hostOf('a', 'x'), hostOf('b', 'x'));
  client.delta(virtualHostType, { subscribe: [asked] });
  client.ack(virtualHostType);
  publish(hostOf('a', 'x'), hostOf('b', 'x'), hostOf('c', 'x'));
  client.ack(virtualHostType);
  publish(hostOf('a', 'x'), hostOf('c', 'x'));
  client.ack(virtualHostType);
  client.delta(virtualHostType, { unsubscribe: [asked] });
  publish(hostOf('c', 'x'));
  expect(client.news()).toEqual([
    'VirtualHost +outbound/a +outbound/b',
    'VirtualHost +outbound/c',
    'VirtualHost -outbound/b',
  ]);
});

test('after a reconnect only what differs comes', () => {
  const held = hostOf('a', 'x');
  const { client } = connect(held, hostOf('b', 'x'));
  const initialVersions = new Map([[held.name, held.version]]);
  client.delta(virtualHostType, { subscribe: ['outbound'], initialVersions });
  expect(client.news()).toEqual(['VirtualHost +outbound/b']);
});

test('one host by its name', () => {
  const { client } = connect(hostOf('a', 'x'), hostOf('b', 'x'));
  client.delta(virtualHostType, { subscribe: ['outbound/b'] });
  expect(client.news()).toEqual(['VirtualHost +outbound/b']);
});

test('a host waits for the cluster that it names, and its endpoints', () => {
  const { client, publish } = connect(clusterOf('x'), endpointsOf('x'), hostOf('a', 'x'));
  client.delta(typeUrls.cluster, { subscribe: ['*'] });
  client.delta(typeUrls.endpoint, { subscribe: ['x'] });
  client.ack(typeUrls.cluster);
  client.ack(typeUrls.endpoint);
  client.delta(virtualHostType, { subscribe: ['outbound'] });
  client.ack(virtualHostType);
  client.news();
  publish(
    clusterOf('x'),
    endpointsOf('x'),
    clusterOf('y'),
    endpointsOf('y'),
    hostOf('a', 'x'),
    hostOf('b', 'y'),
  );
  client.delta(typeUrls.endpoint, { subscribe: ['y'] });
  client.ack(typeUrls.endpoint);
  client.ack(typeUrls.cluster);
  expect(client.news()).toEqual(['Cluster +y', 'ClusterLoadAssignment +y', 'VirtualHost +outbound/b']);
  expect(findReferences(hostOf('b', 'y')).clusters).toEqual(['y']);
});
