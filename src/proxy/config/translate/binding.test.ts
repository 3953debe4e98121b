import { describe, expect, test } from 'bun:test';
import { httpListener } from '../../testing/tls-proxy.ts';
import { parseBootstrap } from '../bootstrap.ts';

function parse(more: object, document: object = {}) {
  const listener = { ...httpListener('l', 8080, 'a', null), ...more };
  const clusters = [{ name: 'a' }];
  const text = JSON.stringify({ static_resources: { listeners: [listener], clusters }, ...document });
  return parseBootstrap(text, { fileName: 'f', version: '0' });
}

function configOf(more: object, document: object = {}) {
  const parsed = parse(more, document);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value.listeners[0]!.config;
}

const at = (address: string, port_value: number, more: object = {}) => ({
  socket_address: { address, port_value, ...more },
});

describe('a listener is refused for', () => {
  const option = { level: 1, name: 9 };
  const cases: readonly (readonly [name: string, fields: object, fault: string])[] = [
    [
      'both families on an IPv4 address',
      { address: at('0.0.0.0', 1, { ipv4_compat: true }) },
      'address.socket_address.ipv4_compat: is for IPv6 addresses',
    ],
    [
      'a mode of an abstract socket',
      { address: { pipe: { path: '@weft', mode: 0o600 } } },
      'address.pipe.mode: is for sockets with a file',
    ],
    [
      'several paths to a unix socket',
      { address: { pipe: { path: '@weft' } }, enable_mptcp: true },
      'address: must be an IP address with enable_mptcp',
    ],
    [
      'a socket option without a value',
      { socket_options: [option] },
      'socket_options[0]: one of int_value, buf_value must be set',
    ],
    [
      'two words on binding',
      { bind_to_port: true, deprecated_v1: { bind_to_port: false } },
      'deprecated_v1.bind_to_port: must not be set beside bind_to_port',
    ],
    [
      'a further address that is a name',
      { additional_addresses: [{ address: at('example.org', 1) }] },
      'additional_addresses[0].address.socket_address.address: must be an IP address',
    ],
  ];
  for (const [name, fields, fault] of cases)
    test(name, () => {
      const parsed = parse(fields);
      const faults = parsed.ok ? [] : parsed.error.map((issue) => `${issue.field}: ${issue.rule}`);
      expect(faults).toEqual([`static_resources.listeners[0].${fault}`]);
    });

  test('a limit that is no number', () => {
    const layers = [{ name: 'l', static_layer: { overload: { global_downstream_max_connections: 'many' } } }];
    const parsed = parse({}, { layered_runtime: { layers } });
    expect(parsed.ok ? '' : parsed.error[0]?.rule).toBe('must be a number of connections');
  });
});

test('what is said of sockets reaches each address; what is not said asks for nothing', () => {
  expect(configOf({}).binding).toEqual({
    bound: true,
    addresses: [{ address: { kind: 'ip', host: '127.0.0.1', port: 8080 }, socket: null }],
  });
  const { binding } = configOf({
    bind_to_port: false,
    tcp_backlog_size: 7,
    freebind: true,
    socket_options: [{ level: 6, name: 18, int_value: 5, state: 'STATE_LISTENING' }],
    additional_addresses: [
      { address: at('::', 8081), socket_options: { socket_options: [] } },
      { address: at('::', 8082, { ipv4_compat: true }) },
      { address: { pipe: { path: '@weft' } } },
    ],
  });
  const common = {
    backlog: 7,
    freebind: true,
    transparent: false,
    fastOpenQueue: null,
    multipath: false,
    mode: null,
    ipv6Only: false,
    options: [{ level: 6, name: 18, value: 5, state: 'listening' }],
  };
  expect(binding.bound).toBe(false);
  expect(binding.addresses.map(({ socket }) => socket as object | null)).toEqual([
    common,
    { ...common, ipv6Only: true, options: [] },
    common,
    common,
  ]);
  expect(binding.addresses[3]?.address).toEqual({ kind: 'unix', path: '\0weft' });
});

test('runtime keys that are limits are read, also nested ones; a later layer wins', () => {
  const layers = [
    { name: 'a', static_layer: { overload: { global_downstream_max_connections: 10 } } },
    {
      name: 'b',
      static_layer: {
        'overload.global_downstream_max_connections': 20,
        'envoy.resource_limits.listener.l.connection_limit': '3',
      },
    },
  ];
  const parsed = parse(
    { ignore_global_conn_limit: true, drain_type: 'MODIFY_ONLY' },
    { layered_runtime: { layers } },
  );
  expect(parsed.ok && parsed.value.overload.connectionsMax).toBe(20);
  expect(parsed.ok && parsed.value.listeners[0]?.config.terms).toEqual({
    handshakeMs: 15_000,
    endsUnhealthy: false,
    bounded: false,
    connectionsMax: 3,
  });
});
