// Virtual hosts that come by themselves (VHDS), in a whole proxy and virtual time: those that its control plane sends
// unasked, and those that requests wait for.

import { describe, expect, test } from 'bun:test';
import { create, fromBinary, fromJson, toBinary } from '@bufbuild/protobuf';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { createMemoryStore, type MemoryStore } from '../net/index.ts';
import {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
  ListenerSchema,
  RouteConfigurationSchema,
  VirtualHostSchema,
} from '../xds/api.ts';
import { typeUrls, virtualHostType, type XdsResource } from '../xds/index.ts';
import { demandLimits } from './config/limits.ts';
import { clusterJson, endpointsJson, listenerJson, resourceOf } from './config/testing/resources.ts';
import { ip } from './testing/configs.ts';
import { TestClient } from './testing/peers.ts';
import { bootstrapOf, WholeProxy } from './testing/whole-proxy.ts';

const bootstrap = bootstrapOf(await Bun.file(`${import.meta.dir}/config/testdata/sidecar-ads.yaml`).text());
const port = 8080;

/** A listener `out` with the filter or without it. */
function listener(onDemand = true): XdsResource {
  const resource = resourceOf(typeUrls.listener, 'out', listenerJson('out', 'table', port));
  if (!onDemand) return resource;
  const message = fromBinary(ListenerSchema, resource.bytes);
  const filter = message.filterChains[0]!.filters[0]!.configType;
  if (filter.case !== 'typedConfig') throw new Error('a filter has a config');
  const manager = fromBinary(HttpConnectionManagerSchema, filter.value.value);
  const typeUrl = 'type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.OnDemand';
  manager.httpFilters.unshift(
    create(HttpFilterSchema, {
      name: 'envoy.filters.http.on_demand',
      configType: { case: 'typedConfig', value: create(AnySchema, { typeUrl }) },
    }),
  );
  filter.value.value = toBinary(HttpConnectionManagerSchema, manager);
  return { ...resource, bytes: toBinary(ListenerSchema, message) };
}

const table = (header = 'from-table', version = '1'): XdsResource => ({
  name: 'table',
  version,
  typeUrl: typeUrls.route,
  bytes: toBinary(
    RouteConfigurationSchema,
    fromJson(RouteConfigurationSchema, {
      name: 'table',
      vhds: { configSource: { ads: {}, initialFetchTimeout: '2s' } },
      responseHeadersToAdd: [{ header: { key: 'x-table', value: header } }],
    }),
  ),
});

function host(name: string, cluster = 'a', version = '1', domains: readonly string[] = [name]): XdsResource {
  const routes = [{ match: { prefix: '/' }, route: { cluster } }];
  const json = { name: `table/${name}`, domains: [...domains], routes };
  const bytes = toBinary(VirtualHostSchema, fromJson(VirtualHostSchema, json));
  return { name: `table/${name}`, version, typeUrl: virtualHostType, bytes };
}

const cluster = (name: string): XdsResource[] => [
  resourceOf(typeUrls.cluster, name, clusterJson(name)),
  resourceOf(typeUrls.endpoint, name, endpointsJson(name, 9000)),
];

interface Setup {
  readonly onDemand?: boolean;
  readonly filter?: boolean;
  readonly store?: MemoryStore;
}

class Mesh extends WholeProxy {
  private readonly base: readonly XdsResource[];

  constructor({ onDemand = true, filter = true, store = createMemoryStore() }: Setup = {}) {
    super({ bootstrap, hostsOnDemand: onDemand, store, stateDir: '/state' });
    this.base = [...cluster('a'), listener(filter)];
  }

  serve(hosts: readonly XdsResource[], own = table(), more: readonly XdsResource[] = []): void {
    this.publish([...this.base, own, ...more, ...hosts]);
    this.clock.advanceBy(1_000);
  }

  /** Without waiting for its answer. */
  begin(authority: string, path = '/'): TestClient {
    return new TestClient(this.network, ip(port)).send(`GET ${path} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`);
  }

  status(authority: string): number | undefined {
    const client = this.begin(authority);
    this.clock.advanceBy(500);
    return client.statuses[0];
  }

  subscribed(): readonly string[] {
    return [...this.proxy.config.tables.get(virtualHostType)!.accepted.keys()];
  }
}

describe('on demand', () => {
  test('the first request waits for its host, and is served', () => {
    const mesh = new Mesh();
    mesh.serve([host('ledger'), host('cards')]);
    expect([mesh.proxy.ready, mesh.subscribed()]).toEqual([true, []]);
    const client = mesh.begin('Ledger');
    mesh.clock.advanceBy(100);
    expect(client.received).toContain('HTTP/1.1 200 ');
    expect(client.received).toContain('x-table: from-table');
    expect(mesh.subscribed()).toEqual(['table/ledger']);
    expect(mesh.status('ledger')).toBe(200);
  });

  test('one that does not exist is answered 404, now and for a while without asking; when it comes it is there', () => {
    const mesh = new Mesh();
    mesh.serve([]);
    expect(mesh.status('ledger')).toBe(404);
    expect(mesh.status('ledger')).toBe(404);
    mesh.serve([host('ledger')]);
    expect(mesh.status('ledger')).toBe(200);
    mesh.serve([]);
    expect(mesh.status('ledger')).toBe(404);
  });

  test('a host waits for the cluster that it names', () => {
    const mesh = new Mesh();
    mesh.serve([host('ledger', 'late')], table(), cluster('late'));
    expect(mesh.status('ledger')).toBe(200);
  });

  test('another table is inherited by the hosts that are held', () => {
    const mesh = new Mesh();
    mesh.serve([host('ledger')]);
    expect(mesh.status('ledger')).toBe(200);
    mesh.serve([host('ledger')], table('changed', '2'));
    const client = mesh.begin('ledger');
    mesh.clock.advanceBy(100);
    expect(client.received).toContain('x-table: changed');
  });

  test('while the control plane is away held hosts serve, and others are answered 503 in bounded time', () => {
    const mesh = new Mesh();
    mesh.serve([host('ledger'), host('cards')]);
    expect(mesh.status('ledger')).toBe(200);
    mesh.transport.setCut(true);
    expect(mesh.status('ledger')).toBe(200);
    const client = mesh.begin('cards');
    mesh.clock.advanceBy(demandLimits.waitMs - 100);
    expect(client.received).toBe('');
    mesh.clock.advanceBy(200);
    expect(client.received).toContain('503 Service Unavailable');
    mesh.transport.setCut(false);
    mesh.clock.advanceBy(15_000);
    // What was held is held on the new stream, too: its removal is told.
    mesh.serve([host('cards')]);
    expect([mesh.status('ledger'), mesh.status('cards')]).toEqual([404, 200]);
  });

  test('a request waits over a reconnect', () => {
    const mesh = new Mesh();
    mesh.serve([host('ledger')]);
    mesh.transport.setCut(true);
    const client = mesh.begin('ledger');
    mesh.clock.advanceBy(500);
    mesh.transport.setCut(false);
    mesh.clock.advanceBy(3_000);
    expect(client.received).toContain('HTTP/1.1 200 ');
  });

  test('a proxy that starts while the control plane is away has the hosts that it had', async () => {
    const store = createMemoryStore();
    const first = new Mesh({ store });
    first.serve([host('ledger')]);
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
    // Asked for again when it is back: a host that is gone is gone here, too.
    second.transport.setCut(false);
    second.clock.advanceBy(20_000);
    second.serve([]);
    second.clock.advanceBy(10_000);
    expect(second.status('ledger')).toBe(404);
  });

  test('a host that nobody uses is let go, and asked for again', () => {
    const mesh = new Mesh();
    mesh.serve([host('ledger'), host('cards')]);
    expect([mesh.status('ledger'), mesh.status('cards')]).toEqual([200, 200]);
    for (let ms = 0; ms <= demandLimits.idleMs + demandLimits.sweepMs; ms += 10_000) {
      mesh.clock.advanceBy(10_000);
      mesh.begin('cards');
    }
    expect(mesh.subscribed()).toEqual(['table/cards']);
    expect(mesh.status('ledger')).toBe(200);
  });

  test('a refused host is answered 503, and the NACK says why', () => {
    const mesh = new Mesh();
    const bytes = toBinary(VirtualHostSchema, create(VirtualHostSchema, { name: 'table/bad' }));
    mesh.serve([{ ...host('bad'), bytes }]);
    expect(mesh.status('bad')).toBe(503);
    const refused = mesh.proxy.config.tables.get(virtualHostType)!.refused.get('table/bad');
    expect(refused?.issues[0]).toMatchObject({
      object: 'table/bad',
      field: 'domains',
      rule: 'must not be empty',
    });
  });

  test('a client that leaves is not waited for', () => {
    const mesh = new Mesh();
    mesh.serve([]);
    mesh.transport.setCut(true);
    const client = mesh.begin('cards');
    mesh.clock.advanceBy(100);
    client.socket.reset();
    mesh.clock.advanceBy(demandLimits.waitMs);
    expect(client.received).toBe('');
    expect(mesh.body('/stats/prometheus')).toContain('downstream_cx_active{');
  });

  test('without the filter nobody asks', () => {
    const mesh = new Mesh({ filter: false });
    mesh.serve([host('ledger')]);
    expect([mesh.status('ledger'), mesh.subscribed()]).toEqual([404, []]);
  });
});

describe('unasked', () => {
  test('all hosts come at first, and each change by itself', () => {
    const mesh = new Mesh({ onDemand: false, filter: false });
    mesh.serve([host('ledger')]);
    expect([mesh.proxy.ready, mesh.status('ledger'), mesh.status('cards')]).toEqual([true, 200, 404]);
    mesh.serve([host('ledger'), host('cards')]);
    expect(mesh.status('cards')).toBe(200);
    mesh.serve([host('cards')]);
    expect(mesh.status('ledger')).toBe(404);
  });

  test('of one domain in two hosts the first has it, and the second is told', () => {
    const mesh = new Mesh({ onDemand: false, filter: false });
    mesh.serve([host('ledger'), host('other', 'a', '1', ['other', 'LEDGER'])]);
    expect([mesh.status('ledger'), mesh.status('other')]).toEqual([200, 200]);
    const refused = mesh.proxy.config.tables.get(virtualHostType)!.refused.get('table/other');
    expect(refused?.issues[0]?.rule).toBe("must be no other virtual host's: table/ledger has it");
  });

  test('they are shown in their table, and what is refused of them', () => {
    const mesh = new Mesh({ onDemand: false, filter: false });
    mesh.serve([host('ledger'), host('other', 'a', '1', ['other', 'ledger'])]);
    const { configs } = mesh.json('/config_dump?resource=dynamic_route_configs') as {
      configs: { route_config: { virtual_hosts: { name: string }[] }; error_state: { details: string } }[];
    };
    const [{ error_state, route_config } = { error_state: null, route_config: null }] = configs;
    expect(route_config?.virtual_hosts.map(({ name }) => name)).toEqual(['table/ledger', 'table/other']);
    expect(error_state?.details).toStartWith('table/other: domains[1]: must be no other');
  });
});
