// Clusters that come when requests and connections ask for them (ODCDS), in a whole proxy and virtual time.

import { describe, expect, test } from 'bun:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { createMemoryStore, type MemoryStore } from '../net/index.ts';
import {
  FilterSchema,
  HttpConnectionManagerSchema,
  HttpFilterSchema,
  ListenerSchema,
  TcpProxySchema,
} from '../xds/api.ts';
import { typeUrls, WireWriter, type XdsResource } from '../xds/index.ts';
import { demandLimits } from './config/limits.ts';
import { clusterJson, endpointsJson, listenerJson, resourceOf } from './config/testing/resources.ts';
import { ip } from './testing/configs.ts';
import { TestClient } from './testing/peers.ts';
import { bootstrapOf, WholeProxy } from './testing/whole-proxy.ts';

const bootstrap = bootstrapOf(await Bun.file(`${import.meta.dir}/config/testdata/sidecar-ads.yaml`).text());
const port = 8080;
const tcpPort = 8081;

/** envoy.config.core.v3.ConfigSource: ads. */
function adsBytes(): Uint8Array {
  const source = new WireWriter();
  source.bytes(3, new Uint8Array());
  return source.finish();
}

/** OnDemandCds and TcpProxy.OnDemand have the same numbers. */
function odcdsBytes(timeoutMs: number): Uint8Array {
  const timeout = new WireWriter();
  timeout.uint(1, timeoutMs / 1000);
  const writer = new WireWriter();
  writer.bytes(1, adsBytes());
  writer.bytes(3, timeout.finish());
  return writer.finish();
}

function filterBytes(timeoutMs: number): Uint8Array {
  const writer = new WireWriter();
  writer.bytes(1, odcdsBytes(timeoutMs));
  return writer.finish();
}

const typeUrl = 'type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand';

function listener(timeoutMs = 5_000): XdsResource {
  const resource = resourceOf(typeUrls.listener, 'out', listenerJson('out', 'table', port));
  const message = fromBinary(ListenerSchema, resource.bytes);
  const filter = message.filterChains[0]!.filters[0]!.configType;
  if (filter.case !== 'typedConfig') throw new Error('a filter has a config');
  const manager = fromBinary(HttpConnectionManagerSchema, filter.value.value);
  const value = create(AnySchema, { typeUrl, value: filterBytes(timeoutMs) });
  manager.httpFilters.unshift(
    create(HttpFilterSchema, { name: 'on_demand', configType: { case: 'typedConfig', value } }),
  );
  filter.value.value = toBinary(HttpConnectionManagerSchema, manager);
  return { ...resource, bytes: toBinary(ListenerSchema, message) };
}

function tcpListener(): XdsResource {
  const resource = resourceOf(typeUrls.listener, 'tcp', listenerJson('tcp', 'table', tcpPort));
  const message = fromBinary(ListenerSchema, resource.bytes);
  const proxy = create(TcpProxySchema, {
    statPrefix: 'tcp',
    clusterSpecifier: { case: 'cluster', value: 'stream' },
  });
  const onDemand = new WireWriter();
  onDemand.bytes(14, odcdsBytes(2_000));
  const value = Buffer.concat([toBinary(TcpProxySchema, proxy), onDemand.finish()]);
  const type = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
  message.filterChains[0]!.filters = [
    create(FilterSchema, {
      name: 'tcp',
      configType: { case: 'typedConfig', value: create(AnySchema, { typeUrl: type, value }) },
    }),
  ];
  return { ...resource, bytes: toBinary(ListenerSchema, message) };
}

/** By a header, and one that names a cluster itself. */
const table = resourceOf(typeUrls.route, 'table', {
  name: 'table',
  virtualHosts: [
    {
      name: 'v',
      domains: ['*'],
      routes: [
        { match: { prefix: '/named' }, route: { cluster: 'named' } },
        { match: { prefix: '/direct' }, directResponse: { status: 204 } },
        { match: { prefix: '/' }, route: { clusterHeader: 'x-cluster' } },
      ],
    },
  ],
});

const cluster = (name: string, port = 9000): XdsResource[] => [
  resourceOf(typeUrls.cluster, name, clusterJson(name)),
  resourceOf(typeUrls.endpoint, name, endpointsJson(name, port)),
];

interface Setup {
  readonly store?: MemoryStore;
  readonly timeoutMs?: number;
}

class Mesh extends WholeProxy {
  private readonly base: readonly XdsResource[];

  constructor({ store = createMemoryStore(), timeoutMs = 5_000 }: Setup = {}) {
    super({ bootstrap, namedClusters: (name) => name !== 'a', store, stateDir: '/state' });
    this.base = [...cluster('a'), listener(timeoutMs), tcpListener(), table];
  }

  serve(...clusters: readonly string[]): void {
    this.publish([...this.base, ...clusters.flatMap((name) => cluster(name))]);
    this.clock.advanceBy(1_000);
  }

  /** Without waiting for its answer. */
  begin(name: string, path = '/'): TestClient {
    const head = `GET ${path} HTTP/1.1\r\nhost: x\r\nx-cluster: ${name}\r\n\r\n`;
    return new TestClient(this.network, ip(port)).send(head);
  }

  status(name: string, path = '/'): number | undefined {
    const client = this.begin(name, path);
    this.clock.advanceBy(500);
    return client.statuses[0];
  }

  held(): readonly string[] {
    return [...this.proxy.config.tables.get(typeUrls.cluster)!.accepted.keys()];
  }
}

describe('requests', () => {
  test('the first one waits for its cluster and its endpoints, and is served', () => {
    const mesh = new Mesh();
    mesh.serve('ledger', 'cards');
    expect([mesh.proxy.ready, mesh.held()]).toEqual([true, ['a']]);
    expect(mesh.status('ledger')).toBe(200);
    expect(mesh.held()).toEqual(['a', 'ledger']);
    expect(mesh.status('ledger')).toBe(200);
  });

  test('a cluster that a route names is waited for as well', () => {
    const mesh = new Mesh();
    mesh.serve('named');
    expect(mesh.held()).toEqual(['a']);
    expect(mesh.status('', '/named')).toBe(200);
  });

  test.each(['', 'x'.repeat(demandLimits.clusterCharsMax + 1)])('nobody is asked for %p', (name) => {
    const mesh = new Mesh();
    mesh.serve();
    expect(mesh.status(name)).toBe(503);
    expect(mesh.body('/stats/prometheus')).not.toMatch(/on_demand_clusters_waited\{[^}]*\} [1-9]/);
  });

  test('a route that needs none waits for none', () => {
    const mesh = new Mesh();
    mesh.serve();
    mesh.transport.setCut(true);
    expect(mesh.status('ledger', '/direct')).toBe(204);
  });

  test('one that does not exist is 503 at once; when it comes it is there, and gone when it goes', () => {
    const mesh = new Mesh();
    mesh.serve();
    expect([mesh.status('ledger'), mesh.status('ledger')]).toEqual([503, 503]);
    mesh.serve('ledger');
    expect(mesh.status('ledger')).toBe(200);
    mesh.serve();
    mesh.clock.advanceBy(20_000);
    expect(mesh.status('ledger')).toBe(503);
    expect(mesh.status('a')).toBe(200);
  });

  test('while the control plane is away what is held serves, and others are 503 after the filter’s time', () => {
    const mesh = new Mesh({ timeoutMs: 2_000 });
    mesh.serve('ledger', 'cards');
    expect(mesh.status('ledger')).toBe(200);
    mesh.transport.setCut(true);
    expect(mesh.status('ledger')).toBe(200);
    const client = mesh.begin('cards');
    mesh.clock.advanceBy(1_900);
    expect(client.received).toBe('');
    mesh.clock.advanceBy(200);
    expect(client.received).toContain('503 Service Unavailable');
    mesh.transport.setCut(false);
    mesh.clock.advanceBy(15_000);
    expect(mesh.status('cards')).toBe(200);
    // What was held is held on the new stream, too: its removal is told.
    mesh.serve('cards');
    mesh.clock.advanceBy(20_000);
    expect([mesh.status('ledger'), mesh.status('cards')]).toEqual([503, 200]);
  });

  test('a refused one is 503', () => {
    const mesh = new Mesh();
    mesh.serve();
    const bad = resourceOf(typeUrls.cluster, 'bad', { name: 'bad', dnsLookupFamily: 'V6_ONLY', type: 'EDS' });
    mesh.publish([...cluster('a'), listener(), tcpListener(), table, bad]);
    expect(mesh.status('bad')).toBe(503);
    expect(mesh.proxy.config.tables.get(typeUrls.cluster)!.refused.has('bad')).toBe(true);
  });

  test('one that nobody uses is let go, and asked for again', () => {
    const mesh = new Mesh();
    mesh.serve('ledger', 'cards');
    expect([mesh.status('ledger'), mesh.status('cards')]).toEqual([200, 200]);
    for (let ms = 0; ms <= demandLimits.idleMs + demandLimits.sweepMs; ms += 10_000) {
      mesh.clock.advanceBy(10_000);
      mesh.begin('cards');
    }
    expect(mesh.held()).toEqual(['a', 'cards']);
    expect(mesh.status('ledger')).toBe(200);
  });

  test('a client that leaves is not waited for', () => {
    const mesh = new Mesh();
    mesh.serve();
    mesh.transport.setCut(true);
    const client = mesh.begin('cards');
    mesh.clock.advanceBy(100);
    client.socket.reset();
    mesh.clock.advanceBy(6_000);
    expect(client.received).toBe('');
  });

  test('a proxy that starts while the control plane is away has the clusters that it had', async () => {
    const store = createMemoryStore();
    const first = new Mesh({ store });
    first.serve('ledger');
    expect(first.status('ledger')).toBe(200);
    first.clock.advanceBy(10_000);
    await first.proxy.stop();
    const second = new Mesh({ store });
    second.transport.setCut(true);
    for (let i = 0; i < 20; i++) {
      second.clock.advanceBy(200);
      await Promise.resolve();
    }
    expect(second.status('ledger')).toBe(200);
    second.transport.setCut(false);
    second.serve();
    second.clock.advanceBy(30_000);
    expect([second.status('ledger'), second.status('a')]).toEqual([503, 200]);
  });
});

describe('connections', () => {
  const request = 'GET / HTTP/1.1\r\nhost: x\r\n\r\n';
  const connect = (mesh: Mesh) => new TestClient(mesh.network, ip(tcpPort)).send(request);

  test('wait for their cluster and what was sent meanwhile is not lost', () => {
    const mesh = new Mesh();
    mesh.serve('stream');
    const client = connect(mesh);
    mesh.clock.advanceBy(500);
    expect(client.received).toContain('HTTP/1.1 200 ');
    expect(mesh.held()).toEqual(['a', 'stream']);
  });

  test('are reset where there is none, and after their time where nobody says', () => {
    const mesh = new Mesh();
    mesh.serve();
    mesh.transport.setCut(true);
    const client = connect(mesh);
    mesh.clock.advanceBy(1_900);
    expect(client.closed).toBeNull();
    mesh.clock.advanceBy(300);
    expect(client.closed).toBe('broken');
    mesh.transport.setCut(false);
    mesh.clock.advanceBy(10_000);
    const late = connect(mesh);
    mesh.clock.advanceBy(100);
    expect([late.closed, late.received]).toEqual(['broken', '']);
  });
});
