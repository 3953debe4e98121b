import { expect, test } from 'bun:test';
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import {
  Cluster_DiscoveryType,
  ClusterSchema,
  HttpConnectionManagerSchema,
  ListenerSchema,
  RouteConfigurationSchema,
  WrrLocalitySchema,
} from '../../xds/api.ts';
import { typeUrls } from '../../xds/index.ts';
import { buildModel } from '../model/build.ts';
import { Catalog } from '../model/catalog.ts';
import { parseManifests } from '../source/parse.ts';
import { policy, route, service, slice } from '../testing/manifests.ts';
import { MeshCompiler } from './mesh.ts';
import { parseScope } from './scope.ts';

const nodeOf = (id: string) => ({
  ...{ id, cluster: '', metadata: {}, userAgent: 'grpc', clientFeatures: [] },
  locality: { region: '', zone: '', subZone: '' },
});

function scopeOf(id: string) {
  const scope = parseScope(nodeOf(id));
  if (!scope.ok) throw new Error(scope.error[0]?.rule);
  return scope.value;
}

const client = scopeOf('grpc~client-0.bank');

function modelOf(text: string) {
  const catalog = new Catalog();
  const parsed = parseManifests('f', text);
  for (const object of parsed.ok ? parsed.value : []) catalog.upsert(object);
  return buildModel(catalog.entries()).model;
}

function compile(text: string, scope = client) {
  const { resources, notes } = new MeshCompiler(modelOf(text)).compile(scope);
  return {
    notes,
    listener: (name: string) => resources.get(typeUrls.listener)?.get(name),
    route: (name: string) => {
      const found = resources.get(typeUrls.route)?.get(name);
      return found === undefined ? undefined : fromBinary(RouteConfigurationSchema, found.bytes);
    },
    cluster: (name: string) => {
      const found = resources.get(typeUrls.cluster)?.get(name);
      return found === undefined ? undefined : fromBinary(ClusterSchema, found.bytes);
    },
    endpoints: resources.get(typeUrls.endpoint),
  };
}

const to = (...names: readonly string[]) =>
  `backendRefs: [${names.map((name) => `{ name: ${name}, port: 80, weight: 1 }`).join(', ')}]`;

const ledger = service('ledger') + slice('ledger', ['10.0.0.1']);

test('each name of a Service is a listener, which leads to routes of that name', () => {
  const { listener, route, notes } = compile(ledger);
  for (const name of ['ledger', 'ledger:80', 'ledger.bank:80', 'ledger.bank.svc.cluster.local']) {
    const api = fromBinary(ListenerSchema, listener(name)!.bytes).apiListener?.apiListener;
    const manager = anyUnpack(api!, HttpConnectionManagerSchema);
    expect(manager?.routeSpecifier).toMatchObject({ case: 'rds', value: { routeConfigName: name } });
    expect(route(name)).toMatchObject({ name, virtualHosts: [{ domains: ['*'] }] });
  }
  for (const name of ['ledger:81', 'nobody', '*', '']) {
    expect(listener(name)).toBeUndefined();
    expect(route(name)).toBeUndefined();
  }
  expect(notes).toEqual([]);
});

test('bare names are those of its own namespace', () => {
  const { listener } = compile(ledger, scopeOf('grpc~client-0.shop'));
  expect(listener('ledger')).toBeUndefined();
  expect(listener('ledger.bank')).toBeDefined();
});

test('a cluster as gRPC reads it: within localities, and its calls are reported here', () => {
  const { cluster, endpoints } = compile(ledger + policy('ledger', 'limits: { requests: 7 }'));
  const found = cluster('bank/ledger:80');
  expect(found).toMatchObject({
    clusterDiscoveryType: { value: Cluster_DiscoveryType.EDS },
    circuitBreakers: { thresholds: [{ maxRequests: 7 }] },
    lrsServer: { configSourceSpecifier: { case: 'self' } },
  });
  const config = found?.loadBalancingPolicy?.policies[0]?.typedExtensionConfig?.typedConfig;
  const picking = anyUnpack(config!, WrrLocalitySchema)?.endpointPickingPolicy?.policies ?? [];
  expect(picking.at(-1)?.typedExtensionConfig?.name).toBe('envoy.load_balancing_policies.round_robin');
  expect([found?.typedExtensionProtocolOptions, found?.metadata, found?.healthChecks]).toEqual([
    {},
    undefined,
    [],
  ]);
  expect(endpoints?.has('bank/ledger:80')).toBe(true);
  expect(cluster('bank/nobody:80')).toBeUndefined();
});

test('a name that is looked up is a cluster of one name', () => {
  const external = `---
apiVersion: v1
kind: Service
metadata: { name: away, namespace: bank }
spec: { type: ExternalName, externalName: away.example.com, ports: [{ port: 443 }] }
`;
  expect(compile(external).cluster('bank/away:443')).toMatchObject({
    clusterDiscoveryType: { value: Cluster_DiscoveryType.LOGICAL_DNS },
    loadAssignment: { endpoints: [{}] },
  });
});

test('routes say nothing of filters, which clients have not', () => {
  const cors = 'filters: [{ type: CORS, cors: { allowOrigins: ["https://a.example"] } }]';
  const backends =
    'backendRefs: [{ name: ledger, port: 80, weight: 1 }, { name: cards, port: 80, weight: 1 }]';
  const text =
    ledger + service('cards') + slice('cards', ['10.0.0.2']) + route('ledger', `${cors}, ${backends}`);
  const routes = compile(text).route('ledger')?.virtualHosts[0]?.routes ?? [];
  expect(routes.length).toBeGreaterThan(0);
  for (const one of routes) {
    expect(one.typedPerFilterConfig).toEqual({});
    const action = one.action.case === 'route' ? one.action.value.clusterSpecifier : null;
    expect(action?.case).toBe('weightedClusters');
    if (action?.case === 'weightedClusters')
      for (const { typedPerFilterConfig } of action.value.clusters) expect(typedPerFilterConfig).toEqual({});
  }
});

test('a match that no call can fit is left out, and others are said as clients read them', () => {
  const matches = [
    'path: { type: PathPrefix, value: /a }',
    'method: POST, path: { type: Exact, value: /b }',
    'method: GET',
    'queryParams: [{ name: q, value: v }]',
  ];
  const text =
    ledger +
    route('ledger', `matches: [${matches.map((match) => `{ ${match} }`).join(', ')}], ${to('ledger')}`);
  const found = compile(text).route('ledger')?.virtualHosts[0]?.routes ?? [];
  expect(found.map(({ match }) => [match?.pathSpecifier, match?.headers.length])).toEqual([
    [{ case: 'path', value: '/b' }, 0],
    [{ case: 'path', value: '/a' }, 0],
    [{ case: 'prefix', value: '/a/' }, 0],
  ]);
});

test('what cannot forward leads to where nobody is, and its share too', () => {
  const text =
    ledger +
    route(
      'ledger',
      `${to('ledger', 'gone', 'gone')} }, { matches: [{ path: { value: /x } }], ${to('gone')} }, { matches: [{ path: { value: /y } }], filters: [{ type: RequestRedirect, requestRedirect: { hostname: b } }]`,
    );
  const { cluster, endpoints, route: routeOf } = compile(text);
  const specifiers = routeOf('ledger')?.virtualHosts[0]?.routes.flatMap(({ action }) =>
    action.case === 'route' ? [action.value.clusterSpecifier] : [],
  );
  const nowhere = { case: 'cluster', value: 'unresolved' };
  expect(specifiers).toMatchObject([
    ...[nowhere, nowhere, nowhere, nowhere],
    {
      case: 'weightedClusters',
      // What is there twice is one, with the weight of both.
      value: {
        clusters: [
          { name: 'bank/ledger:80', weight: 1 },
          { name: 'unresolved', weight: 2 },
        ],
      },
    },
  ]);
  expect(cluster('unresolved')?.edsClusterConfig?.serviceName).toBe('unresolved');
  expect(endpoints?.has('unresolved')).toBe(true);
});

test.each([
  ['nothing', '', undefined, undefined],
  ['a timeout', 'timeouts: { request: 2s }', 2n, undefined],
  ['that a POST may be repeated', 'retry: { methods: [POST], attempts: 3 }', undefined, 3],
  ['that others may', 'retry: { methods: [GET], attempts: 3 }', undefined, undefined],
  [
    'that none may',
    'retry: { methods: [POST], attempts: 0 }, timeouts: { attempt: 1s }',
    undefined,
    undefined,
  ],
])('a policy that says %s', (_what, spec, seconds, retries) => {
  const { action } = compile(ledger + policy('ledger', spec)).route('ledger')!.virtualHosts[0]!.routes[0]!;
  const value = action.case === 'route' ? action.value : undefined;
  expect([value?.maxStreamDuration?.maxStreamDuration?.seconds, value?.retryPolicy?.numRetries]).toEqual([
    seconds,
    retries,
  ]);
});

test('calls of one client go to one endpoint: by its channel, as it has no other address', () => {
  const sticky = ledger.replace('spec: { selector', 'spec: { sessionAffinity: ClientIP, selector');
  const { route, cluster } = compile(sticky);
  const action = route('ledger')?.virtualHosts[0]?.routes[0]?.action;
  expect(action?.case === 'route' && action.value.hashPolicy.map((one) => one.policySpecifier)).toMatchObject(
    [{ case: 'filterState', value: { key: 'io.grpc.channel_id' } }],
  );
  const config =
    cluster('bank/ledger:80')?.loadBalancingPolicy?.policies[0]?.typedExtensionConfig?.typedConfig;
  const picking = anyUnpack(config!, WrrLocalitySchema)?.endpointPickingPolicy?.policies ?? [];
  expect(picking.map((one) => one.typedExtensionConfig?.name.split('.').at(-1))).toEqual([
    'maglev',
    'ring_hash',
    'round_robin',
  ]);
});

test('what did not change is the same object, from model to model', () => {
  const compiler = new MeshCompiler(modelOf(ledger));
  const before = compiler.compile(client);
  const listener = before.resources.get(typeUrls.listener)?.get('ledger');
  expect(compiler.compile(client)).toBe(before);
  compiler.follow(modelOf(ledger + service('cards')));
  const after = compiler.compile(client);
  expect(after).not.toBe(before);
  expect(after.resources.get(typeUrls.listener)?.get('ledger')?.version).toBe(listener!.version);
  expect(after.resources.get(typeUrls.listener)?.get('cards')).toBeDefined();
});
