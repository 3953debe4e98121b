// Virtual hosts as resources by themselves: asked for by the name of their table, as Envoy does, and never sent before
// the clusters that they name (https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/vhds).

import { describe, expect, test } from 'bun:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { VirtualClock } from '../../base/index.ts';
import { RouteActionSchema, VirtualHostSchema } from '../api.ts';
import { createResource, createSnapshot } from '../snapshot/create-snapshot.ts';
import { NamedResources } from '../snapshot/named-resources.ts';
import { findReferences } from '../snapshot/references.ts';
import { ResourceSet } from '../snapshot/resource-set.ts';
import { createTestServer, RawClient } from '../testing/raw-client.ts';
import { clusterOf, endpointsOf, TestSource } from '../testing/resources.ts';
import { typeUrls, virtualHostType, type XdsResource, type XdsSnapshot } from '../types.ts';

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

describe('hosts that are sent to who names them alone', () => {
  const named = (...resources: XdsResource[]): XdsSnapshot => {
    const hosts = ResourceSet.of(resources);
    const byName = new NamedResources('outbound/', hosts, (name) => hosts.get(name));
    return { version: hosts.sum.toString(), resources: new Map([[virtualHostType, byName]]) };
  };

  function connectNamed(snapshot: XdsSnapshot | null) {
    const clock = new VirtualClock();
    const source = new TestSource();
    if (snapshot !== null) source.set(snapshot);
    const client = new RawClient(createTestServer(clock, source).server, 'delta');
    const ask = (request: Parameters<RawClient['delta']>[1]) => {
      client.delta(virtualHostType, request);
      if (client.received.length > 0) client.ack(virtualHostType);
    };
    const publish = (...hosts: XdsResource[]) => {
      source.set(named(...hosts));
      client.ack(virtualHostType);
    };
    return { client, ask, publish };
  }

  test.each([true, false])('who asks for all is answered with none; known before: %p', (known) => {
    const { client, ask, publish } = connectNamed(known ? named(hostOf('a', 'x')) : null);
    ask({});
    if (!known) publish(hostOf('a', 'x'));
    publish(hostOf('a', 'x'), hostOf('b', 'x'));
    expect(client.news()).toEqual(['VirtualHost +outbound/']);
  });

  test('a name is answered, and so is each change of it', () => {
    const { client, ask, publish } = connectNamed(named(hostOf('a', 'x')));
    ask({ subscribe: ['outbound/a', 'outbound/b'] });
    publish(hostOf('a', 'y'), hostOf('c', 'x'));
    publish(hostOf('a', 'y'), hostOf('b', 'x'));
    publish(hostOf('b', 'x'));
    ask({ unsubscribe: ['outbound/b'] });
    publish();
    expect(client.news()).toEqual([
      'VirtualHost +outbound/a +outbound/b',
      'VirtualHost +outbound/a',
      'VirtualHost +outbound/b',
      'VirtualHost -outbound/a',
    ]);
  });

  test('what there is not is answered by a resource without content, each time', () => {
    const { client, ask } = connectNamed(named());
    ask({ subscribe: ['outbound/a'] });
    ask({ subscribe: ['outbound/a'] });
    const answers = client.received.flatMap((response) => response.resources);
    expect(answers).toMatchObject([
      { name: 'outbound/a', bytes: null },
      { name: 'outbound/a', bytes: null },
    ]);
    expect(new Set(answers.map(({ version }) => version)).size).toBe(2);
  });
});
