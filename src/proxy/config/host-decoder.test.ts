import { describe, expect, test } from 'bun:test';
import { fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { formatIssue, silentLog, VirtualClock } from '../../base/index.ts';
import { createMemoryStore } from '../../net/index.ts';
import { RouteConfigurationSchema, VirtualHostSchema } from '../../xds/api.ts';
import { typeUrls, virtualHostType, type XdsResource } from '../../xds/index.ts';
import { parseBootstrap } from './bootstrap.ts';
import { ConfigSource } from './config-source.ts';
import { HostDecoder } from './host-decoder.ts';

const text = await Bun.file(`${import.meta.dir}/testdata/sidecar-ads.yaml`).text();
const routes = [{ match: { prefix: '/' }, route: { cluster: 'a' } }];

function host(name: string, json: JsonObject): XdsResource {
  const bytes = toBinary(VirtualHostSchema, fromJson(VirtualHostSchema, { name, routes, ...json }));
  return { name, version: '1', typeUrl: virtualHostType, bytes };
}

function table(json: JsonObject): XdsResource {
  const bytes = toBinary(
    RouteConfigurationSchema,
    fromJson(RouteConfigurationSchema, { name: 't', ...json }),
  );
  return { name: 't', version: '1', typeUrl: typeUrls.route, bytes };
}

function issuesOf(decoder: HostDecoder, resource: XdsResource): readonly string[] {
  return decoder.decode(resource).issues.map(formatIssue);
}

describe('a virtual host by itself', () => {
  test.each([
    ['no table', host('a', { domains: ['a'] }), ['a: must be called TABLE/HOST']],
    [
      'no domains',
      host('t/a', {}),
      ['t/a: domains: must not be empty', 't/a: has no domain that can be served'],
    ],
    [
      'a domain with a star inside',
      host('t/a', { domains: ['a*b'] }),
      [
        't/a: domains[0]: may have one * at its start or its end (got a*b)',
        't/a: has no domain that can be served',
      ],
    ],
  ])('%s is refused', (_, resource, issues) => {
    expect(issuesOf(new HostDecoder(), resource)).toEqual(issues);
  });

  test('a faulty route is refused alone', () => {
    const decoded = new HostDecoder().decode(
      host('t/a', { domains: ['a'], routes: [...routes, { match: { prefix: '/x' } }] }),
    );
    expect(decoded.ok && decoded.meaning.value).toMatchObject({ name: 't/a', domains: ['a'] });
    expect(decoded.issues.map(formatIssue)).toEqual([
      't/a: routes[1]: one of route, redirect, direct_response must be set',
    ]);
  });

  test('it inherits from its table, which says when it is another one', () => {
    const decoder = new HostDecoder();
    const edits = (value: string) => table({ requestHeadersToAdd: [{ header: { key: 'x', value } }] });
    const read = () => JSON.stringify(decoder.decode(host('t/a', { domains: ['a'] })));
    expect([decoder.setTable(edits('one')), decoder.setTable(edits('one'))]).toEqual([true, false]);
    expect(read()).toContain('"one"');
    expect(decoder.setTable(edits('two'))).toBe(true);
    expect(read()).toContain('"two"');
    decoder.forgetTable('t');
    expect(read()).not.toContain('"two"');
  });
});

describe('a table of such hosts', () => {
  function take(resource: XdsResource, bootstrap = text): readonly string[] {
    const parsed = parseBootstrap(bootstrap, { fileName: 'b', version: '0' });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
    const source = new ConfigSource({
      clock: new VirtualClock(),
      log: silentLog,
      store: createMemoryStore(),
      stateDir: null,
      bootstrap: parsed.value,
      drainTimeoutMs: null,
      target: { apply: () => {}, refusal: () => null },
      createClient: () => ({
        subscribe: () => {},
        start: () => {},
        stop: () => {},
        status: () => ({ state: 'connected', attempts: 0, connectedMs: 0, lastError: '', types: [] }),
      }),
    });
    const { typeUrl } = resource;
    return source.onUpdate({ typeUrl, version: '1', changed: [resource], removed: [] }).map(formatIssue);
  }

  test('they come on the aggregated stream, by increments', () => {
    const ads = table({ vhds: { configSource: { ads: {} } } });
    expect(take(ads)).toEqual([]);
    expect(take(ads, text.replace('DELTA_GRPC', 'GRPC'))).toEqual([
      't: vhds: needs an ads_config of api_type DELTA_GRPC',
    ]);
    expect(take(table({ vhds: { configSource: { path: '/x.json' } } }))).toEqual([
      't: vhds.config_source: must be ads: virtual hosts come on the aggregated stream',
    ]);
    expect(take(table({ vhds: {} }))).toEqual([
      't: vhds.config_source: one of ads, api_config_source, path_config_source must be set',
    ]);
  });

  test('what asks for clusters by name needs increments too, wherever it says so', () => {
    const type = 'type.googleapis.com/envoy.extensions.filters.http.on_demand.v3.PerRouteConfig';
    const odcds = { source: { ads: {} } };
    const filters = { typed_per_filter_config: { f: { '@type': type, odcds } } };
    const asking = (parts: { host?: object; route?: object; weight?: object }): XdsResource => {
      const weighted_clusters = { clusters: [{ name: 'a', weight: 1, ...parts.weight }] };
      const routes = [{ match: { prefix: '/' }, route: { weighted_clusters }, ...parts.route }];
      const json = { name: 't', virtual_hosts: [{ name: 'h', domains: ['*'], routes, ...parts.host }] };
      return { ...table({}), bytes: new TextEncoder().encode(JSON.stringify(json)), encoding: 'json' };
    };
    for (const parts of [{ host: filters }, { route: filters }, { weight: filters }]) {
      expect(take(asking(parts))).toEqual([]);
      expect(take(asking(parts), text.replace('DELTA_GRPC', 'GRPC'))).toEqual([
        't: typed_per_filter_config[f].odcds.source: needs an ads_config of api_type DELTA_GRPC',
      ]);
    }
  });

  test('a table in a file, or in a listener, has none', () => {
    const json = { name: 't', vhds: { config_source: { ads: {} } } };
    const bytes = new TextEncoder().encode(JSON.stringify(json));
    expect(take({ ...table({}), bytes, encoding: 'json' })).toEqual([
      't: vhds: goes with a table that comes by gRPC alone',
    ]);
  });
});
