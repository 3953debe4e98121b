import { describe, expect, test } from 'bun:test';
import { create, toBinary } from '@bufbuild/protobuf';
import { anyPack } from '@bufbuild/protobuf/wkt';
import {
  Cluster_DiscoveryType,
  ClusterSchema,
  HttpConnectionManagerSchema,
  ListenerSchema,
  RouteAction_ClusterNotFoundResponseCode,
  RouteActionSchema,
  RouteConfigurationSchema,
  TcpProxySchema,
} from '../api.ts';
import { clusterOf, endpointsOf, listenerOf, routeOf } from '../testing/resources.ts';
import { typeUrls, type XdsResource } from '../types.ts';
import { hashContent } from './content-hash.ts';
import { createResource, createSnapshot } from './create-snapshot.ts';
import { diffResources, versionOf } from './diff.ts';
import { findReferences } from './references.ts';
import { validateSnapshot } from './validate-snapshot.ts';

const consistent = [clusterOf('a'), endpointsOf('a'), listenerOf('l', 'r'), routeOf('r', ['a'])];

describe('createSnapshot', () => {
  test('equal content is the same objects, whatever the order', () => {
    const first = createSnapshot(consistent);
    const again = [clusterOf('a'), endpointsOf('a'), listenerOf('l', 'r'), routeOf('r', ['a'])].reverse();
    const second = createSnapshot(again, first);
    expect(second.version).toBe(first.version);
    for (const [typeUrl, set] of second.resources) expect(set).toBe(first.resources.get(typeUrl)!);
  });

  test('one change changes one set and keeps its other resources', () => {
    const first = createSnapshot([...consistent, clusterOf('b')]);
    const second = createSnapshot([clusterOf('a', 1), clusterOf('b'), ...consistent.slice(1)], first);
    expect(second.version).not.toBe(first.version);
    const [before, after] = [first.resources.get(typeUrls.cluster)!, second.resources.get(typeUrls.cluster)!];
    expect(diffResources(before, after)).toEqual({ changed: ['a'], removed: [] });
    expect(after.get('b')).toBe(before.get('b')!);
    expect(second.resources.get(typeUrls.route)).toBe(first.resources.get(typeUrls.route)!);
    expect(versionOf(before)).not.toBe(versionOf(after));
  });

  test('two resources of one name are a bug', () => {
    expect(() => createSnapshot([clusterOf('a'), clusterOf('a', 1)])).toThrow('two resources are called a');
  });
});

test('content hashes differ in every byte and length, and never by chance in 20,000', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    seen.add(hashContent(new Uint8Array([i & 255, i >> 8, 0].slice(0, 2 + (i % 2)))));
  }
  expect(seen.size).toBe(20_000);
  expect(hashContent(new Uint8Array())).toMatch(/^[0-9a-f]{32}$/);
});

describe('validateSnapshot', () => {
  test('a consistent one has no faults', () => {
    expect(validateSnapshot(createSnapshot(consistent))).toEqual([]);
  });

  test.each([
    ['an EDS cluster without endpoints', [0, 2, 3], 'a', 'needs a ClusterLoadAssignment', 'a'],
    ['a listener without its route', [0, 1, 2], 'l', 'names a RouteConfiguration that is not there', 'r'],
    ['a route without its cluster', [1, 2, 3], 'r', 'names a cluster that is not there', 'a'],
  ])('%s', (_name, indexes, object, rule, value) => {
    const issues = validateSnapshot(createSnapshot(indexes.map((index) => consistent[index]!)));
    expect(issues).toEqual([{ object, field: '', rule, value }]);
  });

  test('bytes that are no message are a fault, not an exception', () => {
    const broken = createResource(typeUrls.route, 'r', new Uint8Array([0x12, 0x7f, 1]));
    expect(validateSnapshot(createSnapshot([broken]))).toEqual([
      { object: 'r', field: '', rule: 'ends inside a field', value: '' },
    ]);
  });
});

describe('findReferences', () => {
  const route = (action: object): XdsResource => {
    const value = create(RouteActionSchema, action);
    const message = create(RouteConfigurationSchema, { name: 'r', virtualHosts: [] });
    message.virtualHosts.push({
      ...createHost(),
      routes: [{ ...createRoute(), action: { case: 'route', value } }],
    });
    return createResource(typeUrls.route, 'r', toBinary(RouteConfigurationSchema, message));
  };
  const createHost = () =>
    create(RouteConfigurationSchema, { virtualHosts: [{ name: 'h', domains: ['*'] }] }).virtualHosts[0]!;
  const createRoute = () =>
    create(RouteConfigurationSchema, { virtualHosts: [{ routes: [{ name: 'x' }] }] }).virtualHosts[0]!
      .routes[0]!;

  test('weighted clusters', () => {
    const value = { clusters: [{ name: 'a' }, { name: 'b' }] };
    const one = route({ clusterSpecifier: { case: 'weightedClusters', value } });
    expect(findReferences(one).clusters).toEqual(['a', 'b']);
  });

  test('a route that says what a missing cluster is answered with needs none', () => {
    const one = route({
      clusterSpecifier: { case: 'cluster', value: 'unresolved' },
      clusterNotFoundResponseCode: RouteAction_ClusterNotFoundResponseCode.INTERNAL_SERVER_ERROR,
    });
    expect(findReferences(one).clusters).toEqual([]);
  });

  test('an EDS cluster by another service name, and a static cluster', () => {
    const encode = (type: Cluster_DiscoveryType) =>
      toBinary(
        ClusterSchema,
        create(ClusterSchema, {
          name: 'a',
          clusterDiscoveryType: { case: 'type', value: type },
          edsClusterConfig: { serviceName: 'other' },
        }),
      );
    const read = (type: Cluster_DiscoveryType) =>
      findReferences(createResource(typeUrls.cluster, 'a', encode(type))).endpoints;
    expect(read(Cluster_DiscoveryType.EDS)).toEqual(['other']);
    expect(read(Cluster_DiscoveryType.STATIC)).toEqual([]);
  });

  test('inline routes, a TCP proxy, the default chain and an API listener', () => {
    const inline = create(HttpConnectionManagerSchema, {
      routeSpecifier: {
        case: 'routeConfig',
        value: {
          virtualHosts: [
            {
              routes: [
                { action: { case: 'route', value: { clusterSpecifier: { case: 'cluster', value: 'i' } } } },
              ],
            },
          ],
        },
      },
    });
    const api = create(HttpConnectionManagerSchema, {
      routeSpecifier: { case: 'rds', value: { routeConfigName: 'grpc' } },
    });
    const tcp = create(TcpProxySchema, {
      clusterSpecifier: { case: 'weightedClusters', value: { clusters: [{ name: 't1' }, { name: 't2' }] } },
    });
    const message = create(ListenerSchema, {
      name: 'l',
      filterChains: [
        {
          filters: [
            { configType: { case: 'typedConfig', value: anyPack(HttpConnectionManagerSchema, inline) } },
          ],
        },
      ],
      defaultFilterChain: {
        filters: [{ configType: { case: 'typedConfig', value: anyPack(TcpProxySchema, tcp) } }],
      },
      apiListener: { apiListener: anyPack(HttpConnectionManagerSchema, api) },
    });
    const one = createResource(typeUrls.listener, 'l', toBinary(ListenerSchema, message));
    expect(findReferences(one)).toEqual({ endpoints: [], routes: ['grpc'], clusters: ['i', 't1', 't2'] });
  });
});
