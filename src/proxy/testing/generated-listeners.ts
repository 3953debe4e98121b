// Listeners made by chance from what they can be told: listener filters, chain matches, TLS of every kind, and HTTP or
// TCP behind it; and the connections that are opened to them.

import fc from 'fast-check';
import { socketAddress } from '../../testing/envoy.ts';
import { encodeProxyHeader, encodeProxyLine } from '../../wire/proxy-protocol/index.ts';
import { typed } from './beside-envoy.ts';
import type { ConnectionAsk } from './connection-asker.ts';
import { oneOf, optional, regex } from './generated-routes.ts';

/** What the tests' certificates are, as files' texts and as what pins name. */
export interface Material {
  readonly trustedPem: string;
  /** Of a chain, by its index; the last one is the default chain's. */
  readonly servers: readonly object[];
  /** Of the client that is called web. */
  readonly webHash: string;
  readonly webSpki: string;
}

export const chainsMax = 3;

const names = oneOf('a.example', '*.a.example', '*.example', 'b.a.example', '*.test');
const match = optional<unknown>({
  server_names: fc.uniqueArray(names, { minLength: 1, maxLength: 2 }),
  transport_protocol: oneOf('tls', 'raw_buffer'),
  application_protocols: oneOf(['h2'], ['http/1.1'], ['h2c'], ['http/1.0'], ['h2', 'http/1.1'], ['x']),
  destination_port: oneOf<unknown>('own', 80, 443),
  prefix_ranges: oneOf(['127.0.0.0/8'], ['10.0.0.0/8'], ['10.0.0.2/32', '127.0.0.1/32']),
  source_type: oneOf('ANY', 'SAME_IP_OR_LOOPBACK', 'EXTERNAL'),
  source_prefix_ranges: oneOf(['127.0.0.0/8'], ['10.20.0.0/16'], ['10.0.0.0/8', '8.8.8.8/32']),
  direct_source_prefix_ranges: oneOf(['127.0.0.0/8'], ['10.20.0.0/16']),
  source_ports: oneOf([1111], [1111, 2222]),
});
/** Few of them at a time: a chain that asks for everything is never met. */
const fewFields = fc
  .tuple(match, fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8], { minLength: 0, maxLength: 2 }))
  .map(([all, kept]) => Object.fromEntries(Object.entries(all).filter((_, at) => kept.includes(at))));

const sanMatcher = fc.oneof(
  oneOf({ exact: 'spiffe://bank/web' }, { prefix: 'spiffe://bank/' }, { suffix: '/admin' }).map(
    (matcher) => ({ san_type: 'URI', matcher }),
  ),
  oneOf<object>(
    { exact: 'web.example' },
    { suffix: '.example' },
    { contains: 'adm' },
    { safe_regex: regex('w.b\\.example') },
    { exact: 'WEB.EXAMPLE', ignore_case: true },
  ).map((matcher) => ({ san_type: 'DNS', matcher })),
);
const tls = fc.record({
  params: optional<unknown>({
    tls_minimum_protocol_version: oneOf('TLSv1_2', 'TLSv1_3'),
    tls_maximum_protocol_version: oneOf('TLSv1_3'),
  }),
  only12: oneOf(false, false, false, true),
  protocols: oneOf<readonly string[] | null>(null, null, ['http/1.1'], ['h2', 'http/1.1']),
  client: oneOf('ask nothing', 'optional', 'optional', 'required', 'required'),
  sans: fc.option(fc.array(sanMatcher, { minLength: 1, maxLength: 2 }), { nil: null, freq: 1 }),
  pin: oneOf(null, null, null, null, 'hash', 'spki', 'other hash'),
  untrusted: oneOf(false, false, false, true),
});
const permission = fc.oneof(
  fc.constant({ any: true }),
  oneOf({ exact: 'a.example' }, { suffix: '.example' }).map((value) => ({ requested_server_name: value })),
  oneOf(80, 443).map((destination_port) => ({ destination_port })),
  fc.constant({ destination_ip: { address_prefix: '10.0.0.0', prefix_len: 8 } }),
);
const principal = fc.oneof(
  fc.constant({ any: true }),
  oneOf<object>({ exact: 'spiffe://bank/web' }, { suffix: 'admin' }).map((principal_name) => ({
    authenticated: { principal_name },
  })),
  fc
    .tuple(oneOf('remote_ip', 'direct_remote_ip', 'source_ip'), oneOf('10.20.0.0', '127.0.0.0'))
    .map(([kind, address_prefix]) => ({ [kind]: { address_prefix, prefix_len: 16 } })),
);
const access = fc.record({
  action: oneOf('ALLOW', 'DENY'),
  permission: fc.tuple(permission, fc.boolean()).map(([one, not]) => (not ? { not_rule: one } : one)),
  principal: fc.tuple(principal, fc.boolean()).map(([one, not]) => (not ? { not_id: one } : one)),
});
const chain = fc.record({
  match: fewFields,
  tls: fc.option(tls, { nil: null }),
  access: oneOf(false, false, true).chain((is) => (is ? access : fc.constant(null))),
  does: oneOf(
    'http',
    'http',
    'http1 alone',
    'tcp',
    'tcp',
    'tcp by name',
    'tcp with a header',
    'tcp by weight',
  ),
});
type Chain = typeof chain extends fc.Arbitrary<infer T> ? T : never;

const proxyProtocol = fc.record({
  allow_requests_without_proxy_protocol: fc.boolean(),
  disallowed_versions: oneOf<readonly string[]>([], [], [], ['V1'], ['V2']),
});
export const listener = fc.record({
  chains: fc.array(chain, { minLength: 1, maxLength: chainsMax }),
  rest: fc.option(chain, { nil: null }),
  header: oneOf(false, true).chain((is) => (is ? proxyProtocol : fc.constant(null))),
  inspectors: fc.subarray(['tls_inspector', 'http_inspector']),
  onTimeout: fc.boolean(),
});
export type Listener = typeof listener extends fc.Arbitrary<infer T> ? T : never;

const from = oneOf('10.20.0.1', '10.21.0.1', '8.8.8.8', '127.0.0.9');
const header = fc.record({ version: oneOf(1, 2), from, source: oneOf(1111, 3333), port: oneOf(80, 443) });
export const connection = fc.record({
  header: oneOf(false, true).chain((is) => (is ? header : fc.constant(null))),
  tls: fc.option(
    fc.record({
      name: oneOf(null, 'a.example', 'a.example', 'b.a.example', 'c.b.a.example', 'B.EXAMPLE', 'else.test'),
      protocols: oneOf<readonly string[]>([], [], ['http/1.1'], ['h2', 'http/1.1'], ['x', 'http/1.1'], ['x']),
      versions: oneOf('any', 'any', '1.2', '1.3'),
      certificate: oneOf(null, 'web', 'web', 'admin', 'other', 'expired'),
    }),
    { nil: null, freq: 3 },
  ),
  speak: oneOf('http1', 'http1', 'http1', 'http10', 'h2', 'bytes', 'bytes', 'silence'),
});
export type Connection = typeof connection extends fc.Arbitrary<infer T> ? T : never;

export function createAsk({ header: told, tls: secured, speak }: Connection, port: number): ConnectionAsk {
  return { port, before: told === null ? '' : encodeHeader(told), tls: secured, speak };
}

function encodeHeader({ version, from: host, source, port }: NonNullable<Connection['header']>): string {
  const ends = {
    source: { kind: 'ip', host, port: source },
    destination: { kind: 'ip', host: '10.0.0.2', port },
  } as const;
  return version === 1 ? encodeProxyLine(ends) : Buffer.from(encodeProxyHeader(ends)!).toString('latin1');
}

const listenerFilter = (name: string, type: string, fields: object = {}) => ({
  name,
  typed_config: typed(`envoy.extensions.filters.listener.${name}.v3.${type}`, fields),
});

export function createListener(one: Listener, index: number, port: number, material: Material): object {
  const filters = [
    ...(one.header === null ? [] : [listenerFilter('proxy_protocol', 'ProxyProtocol', one.header)]),
    ...(one.inspectors.includes('tls_inspector') ? [listenerFilter('tls_inspector', 'TlsInspector')] : []),
    ...(one.inspectors.includes('http_inspector') ? [listenerFilter('http_inspector', 'HttpInspector')] : []),
  ];
  // Without the inspector Envoy knows no name, and Weft that of the handshake (docs/envoy-compat.md).
  const named = one.inspectors.includes('tls_inspector');
  const chains = withoutOverlaps(one.chains);
  return {
    name: `listener${index}`,
    address: socketAddress(port),
    listener_filters: filters,
    listener_filters_timeout: '0.6s',
    continue_on_listener_filters_timeout: one.onTimeout,
    filter_chains: chains.map((each, at) => createChain(each, at, { port, material, named })),
    ...(one.rest === null
      ? {}
      : {
          default_filter_chain: createChain({ ...one.rest, match: {} }, chainsMax, { port, material, named }),
        }),
  };
}

/** Chains that would take the same are refused by both. */
function withoutOverlaps(chains: readonly Chain[]): readonly Chain[] {
  const seen = new Set<string>();
  return chains.filter(({ match: asked }) => {
    const keys = expand(Object.entries(asked).filter(([, value]) => value !== 'ANY'));
    if (keys.some((key) => seen.has(key))) return false;
    for (const key of keys) seen.add(key);
    return true;
  });
}

function expand(fields: readonly (readonly [string, unknown])[]): readonly string[] {
  const [first, ...rest] = fields;
  if (first === undefined) return [''];
  const values = Array.isArray(first[1]) ? first[1] : [first[1]];
  return values.flatMap((value) => expand(rest).map((more) => `${first[0]}=${value};${more}`));
}

const cidrs = (value: unknown) =>
  (value as string[]).map((text) => {
    const [address_prefix, length] = text.split('/');
    return { address_prefix, prefix_len: Number(length) };
  });

function createMatch(asked: Readonly<Record<string, unknown>>, port: number): object {
  const pairs = Object.entries(asked).map(([name, value]) => {
    if (name.endsWith('_ranges')) return [name, cidrs(value)];
    return [name, value === 'own' ? port : value];
  });
  return Object.fromEntries(pairs);
}

interface Place {
  readonly port: number;
  readonly material: Material;
  /** Whether the name that a client asks for is known by then. */
  readonly named: boolean;
}

function createChain(one: Chain, at: number, { port, material, named }: Place): object {
  const name = `chain${at}`;
  return {
    name,
    filter_chain_match: createMatch(one.match, port),
    filters: [...createAccess(one, named), ...createLast(one.does, name, named)],
    ...(one.tls === null ? {} : { transport_socket: createTls(one.tls, material, at) }),
  };
}

function createAccess({ access: one, tls: secured }: Chain, named: boolean): readonly object[] {
  if (one === null || (!named && JSON.stringify(one).includes('requested_server_name'))) return [];
  // Names that nobody proved are none of Weft's.
  if (secured?.untrusted === true && JSON.stringify(one).includes('authenticated')) return [];
  const { action, permission: allowed, principal: who } = one;
  const policies = { only: { permissions: [allowed], principals: [who] } };
  const type = 'envoy.extensions.filters.network.rbac.v3.RBAC';
  return [{ name: 'rbac', typed_config: typed(type, { stat_prefix: 'rbac', rules: { action, policies } }) }];
}

function createLast(does: Chain['does'], name: string, named: boolean): readonly object[] {
  if (does.startsWith('http')) return [createManager(name, does === 'http' ? 'AUTO' : 'HTTP1', named)];
  const weighted = {
    weighted_clusters: {
      clusters: [
        { name: 'tcp', weight: 2 },
        { name: 'tcp', weight: 1 },
      ],
    },
  };
  const clusters: Readonly<Record<string, object>> = {
    'tcp with a header': { cluster: 'tcp with a header' },
    'tcp by weight': weighted,
  };
  const typed_config = typed('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: name,
    ...(clusters[does] ?? { cluster: 'tcp' }),
  });
  const byName = {
    name: 'sni_cluster',
    typed_config: typed('envoy.extensions.filters.network.sni_cluster.v3.SniCluster'),
  };
  return [...(named && does === 'tcp by name' ? [byName] : []), { name: 'tcp', typed_config }];
}

function createManager(name: string, codec_type: string, named: boolean): object {
  const routes = [
    {
      match: { prefix: '/' },
      route: { cluster: 'http' },
      request_headers_to_add: [
        { header: { key: 'x-chain', value: name } },
        { header: { key: 'x-name', value: named ? '%REQUESTED_SERVER_NAME%' : 'unknown' } },
        {
          header: {
            key: 'x-peer',
            value: '%DOWNSTREAM_PEER_URI_SAN% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%',
          },
        },
      ],
    },
  ];
  const type = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  return {
    name: 'http',
    typed_config: typed(type, {
      stat_prefix: name,
      codec_type,
      http_protocol_options: { accept_http_10: true },
      use_remote_address: true,
      forward_client_cert_details: 'SANITIZE_SET',
      set_current_client_cert_details: { subject: true, uri: true, dns: true },
      route_config: { name, virtual_hosts: [{ name, domains: ['*'], routes }] },
      http_filters: [
        { name: 'router', typed_config: typed('envoy.extensions.filters.http.router.v3.Router') },
      ],
    }),
  };
}

function createTls(one: NonNullable<Chain['tls']>, material: Material, at: number): object {
  const params = one.only12
    ? { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_2' }
    : one.params;
  return {
    name: 'tls',
    typed_config: typed('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
      common_tls_context: {
        tls_params: params,
        tls_certificates: [material.servers[at]],
        ...(one.protocols === null ? {} : { alpn_protocols: one.protocols }),
        ...createValidation(one, material),
      },
      require_client_certificate: one.client === 'required',
    }),
  };
}

function createValidation(one: NonNullable<Chain['tls']>, material: Material): object {
  if (one.client === 'ask nothing') return {};
  const pins: Readonly<Record<string, object>> = {
    hash: { verify_certificate_hash: [material.webHash] },
    spki: { verify_certificate_spki: [material.webSpki] },
    'other hash': { verify_certificate_hash: ['ab'.repeat(32)] },
  };
  return {
    validation_context: {
      trusted_ca: { inline_string: material.trustedPem },
      ...(one.sans === null ? {} : { match_typed_subject_alt_names: one.sans }),
      ...(one.pin === null ? {} : pins[one.pin]),
      ...(one.untrusted ? { trust_chain_verification: 'ACCEPT_UNTRUSTED' } : {}),
    },
  };
}
