// Golden files: testdata/NAME.yaml against NAME.json, which holds the model or the faults. Rewrite with
// `WEFT_UPDATE_GOLDEN=1 bun test`.

import { describe, expect, test } from 'bun:test';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatIssue } from '../../base/index.ts';
import { parseBootstrap } from './bootstrap.ts';

const folder = join(import.meta.dir, 'testdata');
const update = process.env['WEFT_UPDATE_GOLDEN'] === '1';

function outcome(text: string): unknown {
  const parsed = parseBootstrap(text, { fileName: 'bootstrap.yaml', version: '1.2.3' });
  if (!parsed.ok) return { faults: parsed.error.map(formatIssue) };
  // The default of the overload manager is no news: translate/overload.test.ts has it.
  const { document: _document, overload: _overload, ...model } = parsed.value;
  return {
    model: JSON.parse(JSON.stringify(model, (_, value) => (value instanceof Map ? [...value] : value))),
  };
}

describe('golden bootstraps', () => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.yaml'));

  test('there are some', () => expect(names.length).toBeGreaterThan(3));

  for (const name of names) {
    test(name, () => {
      const actual = outcome(readFileSync(join(folder, name), 'utf8'));
      const path = join(folder, name.replace('.yaml', '.json'));
      if (update) writeFileSync(path, `${JSON.stringify(actual, null, 2)}\n`);
      expect(actual).toEqual(JSON.parse(readFileSync(path, 'utf8')));
    });
  }
});

const minimal = { static_resources: { clusters: [{ name: 'a', connect_timeout: '1s' }] } };

function faults(document: unknown): readonly string[] {
  const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'f', version: '0' });
  return parsed.ok ? [] : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`);
}

describe('parseBootstrap', () => {
  test('load reports want a server that can be reached', () => {
    const service = { envoy_grpc: { cluster_name: 'a' } };
    const config = { api_type: 'GRPC', transport_api_version: 'V3', grpc_services: [service] };
    expect(faults({ ...minimal, cluster_manager: { load_stats_config: config } })).toEqual([
      'cluster_manager.load_stats_config.grpc_services[0].envoy_grpc.cluster_name: must name a cluster with http2_protocol_options: gRPC needs HTTP/2',
    ]);
  });

  test('JSON is read as well as YAML', () => expect(faults(minimal)).toEqual([]));

  test('camelCase names mean the same', () => {
    expect(
      faults({ staticResources: { clusters: [{ name: 'a', connectTimeout: '1s', lbPolicy: 'RANDOM' }] } }),
    ).toEqual([]);
  });

  test('null counts as absent', () => expect(faults({ ...minimal, node: null, admin: null })).toEqual([]));

  test('text that is neither is one fault', () => {
    const parsed = parseBootstrap('{"a": ', { fileName: 'f', version: '0' });
    expect(parsed.ok).toBe(false);
    if (!parsed.ok)
      expect(parsed.error[0]!.rule).toBe('is neither YAML nor JSON: Unexpected EOF (line 1, column 7)');
  });

  test('a token goes to a server of TLS alone', () => {
    const cluster = (token: unknown, more: object = {}) => ({
      static_resources: {
        clusters: [
          { name: 'a', metadata: { filter_metadata: { 'weft.dev': { token_file: token } } }, ...more },
        ],
      },
    });
    const at = 'static_resources.clusters[0].metadata.filter_metadata[weft.dev].token_file';
    const tls = {
      '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
    };
    const secured = { transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: tls } };
    expect(faults(cluster('/token'))).toEqual([`${at}: must go with a transport_socket of TLS`]);
    expect(faults(cluster(7, secured))).toEqual([`${at}: must be the path of a file`]);
    expect(faults(cluster('/token', secured))).toEqual([]);
  });

  const atManager = 'static_resources.listeners[0].filter_chains[0].filters[0].typed_config';
  const atHost = `${atManager}.route_config.virtual_hosts[0]`;
  const router = {
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router' },
  };
  const listenerOf = (host: object, filters: readonly object[] = [router], fields: object = {}) => {
    const manager = {
      '@type':
        'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
      stat_prefix: 'x',
      route_config: { virtual_hosts: [{ name: 'v', domains: ['*'], ...host }] },
      http_filters: filters,
      ...fields,
    };
    const address = { socket_address: { address: '127.0.0.1', port_value: 1 } };
    const listener = { address, filter_chains: [{ filters: [{ typed_config: manager }] }] };
    return { static_resources: { listeners: [listener], clusters: [{ name: 'a' }] } };
  };
  test('a server name that no header may carry is refused', () => {
    expect(faults(listenerOf({}, [router], { server_name: 'a\r\nb: c' })).join()).toContain(
      `${atManager}.server_name: must be printable ASCII`,
    );
  });

  const harmless = {
    ...listenerOf({
      virtual_clusters: [{ name: 'x', headers: [{ name: ':method', exact_match: 'GET' }] }],
      routes: [{ match: { prefix: '/' }, route: { cluster: 'a' }, decorator: { operation: 'x' } }],
    }),
    admin: { access_log_path: '/tmp/admin.log', access_log: [{}] },
    stats_config: { use_all_default_tags: true },
    layered_runtime: { layers: [{ name: 'a', static_layer: { overload: { x: 1 } } }, { admin_layer: {} }] },
  };
  test('what no request can tell is taken; a listener without a name has its address for one', () => {
    const parsed = parseBootstrap(JSON.stringify(harmless), { fileName: 'f', version: '0' });
    expect(parsed.ok ? parsed.value.listeners.map(({ config }) => config.name) : parsed.error).toEqual([
      '127.0.0.1:1',
    ]);
  });

  test('names with digits, quoted values and enums in any case are read as Envoy reads them', () => {
    const outlier = { consecutive5xx: '3', splitExternalLocalOriginErrors: 'false' };
    expect(faults(cluster({ type: 'static', lbPolicy: '3', outlierDetection: outlier }))).toEqual([]);
  });

  test('each priority has its thresholds', () => {
    const thresholds = [{ priority: 'HIGH', max_requests: 1 }, { max_requests: 2 }];
    const parsed = parseBootstrap(JSON.stringify(cluster({ circuit_breakers: { thresholds } })), {
      fileName: 'f',
      version: '0',
    });
    const config = parsed.ok ? parsed.value.clusters[0]?.config : undefined;
    expect([config?.limits.requests, config?.high.limits.requests]).toEqual([2, 1]);
  });

  const cluster = (fields: object) => ({ static_resources: { clusters: [{ name: 'a', ...fields }] } });
  const at = 'static_resources.clusters[0]';
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['a list for a document', [], ': must be one document, and an object'],
    [
      'a name of every object',
      { constructor: 1 },
      'constructor: is not a field of envoy.config.bootstrap.v3.Bootstrap',
    ],
    [
      'a field in both spellings',
      cluster({ connect_timeout: '1s', connectTimeout: '2s' }),
      `${at}.connect_timeout: is set twice, in both spellings`,
    ],
    [
      'a required name that is missing',
      cluster({ load_assignment: {} }),
      `${at}.load_assignment.cluster_name: must be set`,
    ],
    [
      'one choice of least request',
      cluster({ least_request_lb_config: { choice_count: 1 } }),
      `${at}.least_request_lb_config.choice_count: must be at least 2`,
    ],
    [
      'a runtime key that could decide',
      { layered_runtime: { layers: [{ static_layer: { upstream: {} } }] } },
      'layered_runtime.layers[0].static_layer: the runtime key upstream is not supported by Weft (docs/envoy-compat.md)',
    ],
    [
      'a route to no cluster',
      listenerOf({ routes: [{ match: { prefix: '/' }, route: { cluster: 'b' } }] }),
      `${atHost}.routes[0].route.cluster: must name a cluster of static_resources`,
    ],
    [
      'a word that is none in retry_on',
      listenerOf({ retry_policy: { retry_on: 'constructor' } }),
      `${atHost}.retry_policy.retry_on: must be of 5xx, gateway-error, reset, reset-before-request, connect-failure, envoy-ratelimited, retriable-4xx, retriable-status-codes, retriable-headers, refused-stream, http3-post-connect-failure, cancelled, deadline-exceeded, resource-exhausted, internal, unavailable`,
    ],
    [
      'look-around',
      listenerOf({
        routes: [{ match: { safe_regex: { regex: '/(?=a)' } }, direct_response: { status: 200 } }],
      }),
      `${atHost}.routes[0].match.safe_regex.regex: must be a regular expression of RE2: look-around is not part of it`,
    ],
    [
      'a router without its type',
      listenerOf({}, [{ name: 'envoy.filters.http.router' }]),
      `${atManager}.http_filters[0].typed_config: must be set`,
    ],
    [
      'an unknown name',
      { nodee: {} },
      'nodee: is not a field of envoy.config.bootstrap.v3.Bootstrap (is it node?)',
    ],
    [
      'an Envoy field outside the table',
      { hds_config: {} },
      'hds_config: is not supported by Weft (docs/envoy-compat.md)',
    ],
    [
      'a duration without unit',
      cluster({ connect_timeout: '5' }),
      `${at}.connect_timeout: must be seconds with an s, like 1.5s`,
    ],
    [
      'a negative duration',
      cluster({ connect_timeout: '-1s' }),
      `${at}.connect_timeout: must be a duration from 0s to 68 years`,
    ],
    [
      'a zero where none may be',
      cluster({ connect_timeout: '0s' }),
      `${at}.connect_timeout: must be greater than 0`,
    ],
    [
      'an unknown enum value',
      cluster({ lb_policy: 'FASTEST' }),
      `${at}.lb_policy: must be one of ROUND_ROBIN, LEAST_REQUEST, RING_HASH, RANDOM, MAGLEV, CLUSTER_PROVIDED, LOAD_BALANCING_POLICY_CONFIG`,
    ],
    [
      'a fraction where a whole number must be',
      cluster({ max_requests_per_connection: 1.5 }),
      `${at}.max_requests_per_connection: must be a whole number from 0 to 4294967295`,
    ],
    [
      'a list that is none',
      cluster({ load_assignment: { cluster_name: 'a', endpoints: {} } }),
      `${at}.load_assignment.endpoints: must be a list`,
    ],
    [
      'an Any without type',
      cluster({ typed_extension_protocol_options: { x: {} } }),
      `${at}.typed_extension_protocol_options[x]: must be an object with "@type"`,
    ],
    [
      'two members of a oneof',
      cluster({
        load_assignment: {
          cluster_name: 'a',
          endpoints: [
            {
              lb_endpoints: [
                {
                  endpoint: {
                    address: { pipe: { path: '/a' }, socket_address: { address: '::1', port_value: 1 } },
                  },
                },
              ],
            },
          ],
        },
      }),
      `${at}.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address: only one of socket_address, pipe may be set`,
    ],
    [
      'a policy list without a known one',
      cluster({
        load_balancing_policy: {
          policies: [
            {
              typed_extension_config: {
                name: 'x',
                typed_config: { '@type': 'type.googleapis.com/x.Unknown' },
              },
            },
          ],
        },
      }),
      `${at}.load_balancing_policy.policies: must hold a policy that Weft knows`,
    ],
    [
      'ADS without its cluster',
      {
        node: { id: 'n' },
        dynamic_resources: {
          ads_config: {
            api_type: 'GRPC',
            transport_api_version: 'V3',
            grpc_services: [{ envoy_grpc: { cluster_name: 'x' } }],
          },
        },
      },
      'dynamic_resources.ads_config.grpc_services[0].envoy_grpc.cluster_name: must name a static cluster',
    ],
  ];
  for (const [name, document, expected] of cases) {
    test(`${name} is refused by its path`, () => expect(faults(document)).toContain(expected));
  }

  test('the first policy of the list that is known holds', () => {
    const typed = (type: string, value: object = {}) => ({
      typed_extension_config: {
        name: type,
        typed_config: { '@type': `type.googleapis.com/${type}`, ...value },
      },
    });
    const policies = [
      typed('some.other.Policy'),
      typed('xds.type.v3.TypedStruct', {
        type_url: 'type.googleapis.com/weft.dev/v1alpha1.LatencyAware',
        value: { decay: '5s' },
      }),
      typed('envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin'),
    ];
    const parsed = parseBootstrap(JSON.stringify(cluster({ load_balancing_policy: { policies } })), {
      fileName: 'f',
      version: '0',
    });
    expect(parsed.ok && parsed.value.clusters[0]!.config.balance).toEqual({
      kind: 'latency-aware',
      decayMs: 5000,
      defaultRttMs: 30,
    });
  });
});

test('a fault of a listener names it by its own place, however many filter chains those before it have', () => {
  const tls = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
  const tcp = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
  const filters = [{ name: 'tcp', typed_config: { '@type': tcp, stat_prefix: 't', cluster: 'app' } }];
  const socket = (common_tls_context: object) => ({
    name: 'tls',
    typed_config: { '@type': tls, common_tls_context },
  });
  const pem = { inline_string: 'pem' };
  const own = socket({ tls_certificates: [{ certificate_chain: pem, private_key: pem }] });
  const listener = (name: string, port_value: number, filter_chains: readonly object[]) => ({
    name,
    address: { socket_address: { address: '127.0.0.1', port_value } },
    listener_filters: [
      {
        name: 'sni',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector',
        },
      },
    ],
    filter_chains,
  });
  const chain = (name: string, transport_socket: object) => ({
    filter_chain_match: { server_names: [name] },
    transport_socket,
    filters,
  });
  const missing = (sds_config: object) =>
    socket({ tls_certificate_sds_secret_configs: [{ name: 's', ...sds_config }] });
  const faultsOf = (transport_socket: object) => {
    const text = JSON.stringify({
      static_resources: {
        clusters: [{ name: 'app', load_assignment: { cluster_name: 'app' } }],
        listeners: [
          listener('one', 1, [chain('a.example', own), chain('b.example', own)]),
          listener('two', 2, [chain('a.example', own), chain('b.example', transport_socket)]),
        ],
      },
    });
    const parsed = parseBootstrap(text, { fileName: 'f', version: '1' });
    return parsed.ok ? [] : parsed.error.map(({ field }) => field);
  };
  expect(faultsOf(missing({}))).toEqual(['static_resources.listeners[1]']);
  const stream = { api_type: 'GRPC', transport_api_version: 'V3' };
  const grpc_services = [{ envoy_grpc: { cluster_name: 'none' } }];
  expect(
    faultsOf(
      missing({
        sds_config: { resource_api_version: 'V3', api_config_source: { ...stream, grpc_services } },
      }),
    ),
  ).toEqual([expect.stringMatching(/^static_resources\.listeners\[1\]\.api_config_source/)]);
});
