import { describe, expect, test } from 'bun:test';
import { formatIssue } from '../../../base/index.ts';
import { parseBootstrap } from '../bootstrap.ts';

const type = 'type.googleapis.com/envoy.extensions.filters';
const tcp = (prefix: string) => ({
  name: 'tcp',
  typed_config: { '@type': `${type}.network.tcp_proxy.v3.TcpProxy`, stat_prefix: prefix, cluster: 'a' },
});

function parse(listener: object) {
  const address = { socket_address: { address: '127.0.0.1', port_value: 7000 } };
  const clusters = [{ name: 'a', type: 'STATIC', load_assignment: { cluster_name: 'a' } }];
  const document = { static_resources: { listeners: [{ name: 'in', address, ...listener }], clusters } };
  const parsed = parseBootstrap(JSON.stringify(document), { fileName: 'b', version: '1' });
  if (!parsed.ok) return { faults: parsed.error.map(formatIssue), listener: null };
  return { faults: [], listener: parsed.value.listeners[0] ?? null };
}

const filter = (name: string, message: string, fields: object = {}) => ({
  name,
  typed_config: { '@type': `${type}.listener.${name}.v3.${message}`, ...fields },
});

describe('filter chains', () => {
  test('one without a match needs nothing read and nothing chosen, whatever inspectors stand there', () => {
    const { listener } = parse({
      filter_chains: [{ filters: [tcp('one')] }],
      listener_filters: [filter('tls_inspector', 'TlsInspector'), filter('original_dst', 'OriginalDst')],
    });
    expect([listener?.config.entry, listener?.further]).toEqual([null, []]);
  });

  test('several become listeners without a socket, found by name; the default one comes last', () => {
    const { listener } = parse({
      filter_chains: [
        { filters: [tcp('sni')], filter_chain_match: { server_names: ['A.example.com'] } },
        { name: 'named', filters: [tcp('port')], filter_chain_match: { destination_port: 5432 } },
      ],
      default_filter_chain: { filters: [tcp('rest')] },
    });
    expect(listener?.further.map(({ config }) => [config.name, config.chainOf, config.statPrefix])).toEqual([
      ['in/named', 'in', 'port'],
      ['in/2', 'in', 'rest'],
    ]);
    expect(listener?.config.entry).toMatchObject({
      // As Envoy: where no inspector is asked for, nobody knows a name.
      inspectTls: false,
      inspectHttp: false,
      timeoutMs: 15_000,
      continueOnTimeout: false,
      chains: [
        { listener: 'in', match: { serverNames: ['a.example.com'] } },
        { listener: 'in/named', match: { destinationPort: 5432 } },
      ],
      otherwise: 'in/2',
    });
  });

  test('listener filters and their time', () => {
    const { listener } = parse({
      filter_chains: [{ filters: [tcp('one')] }],
      listener_filters: [
        filter('proxy_protocol', 'ProxyProtocol', { allow_requests_without_proxy_protocol: true }),
      ],
      listener_filters_timeout: '2s',
      continue_on_listener_filters_timeout: true,
    });
    expect(listener?.config.entry).toMatchObject({
      proxyProtocol: 'optional',
      inspectTls: false,
      timeoutMs: 2_000,
      continueOnTimeout: true,
    });
  });
});

describe('refusals', () => {
  const cases: readonly (readonly [string, object, string])[] = [
    ['no chain', {}, 'filter_chains: must be at least one'],
    [
      'two chains that match the same',
      { filter_chains: [{ filters: [tcp('a')] }, { filters: [tcp('b')] }] },
      'filter_chains[1].filter_chain_match: must differ from that of chain 0',
    ],
    [
      'a range that is none',
      {
        filter_chains: [
          {
            filters: [tcp('a')],
            filter_chain_match: { prefix_ranges: [{ address_prefix: '10.0.0.0', prefix_len: 33 }] },
          },
        ],
      },
      'prefix_ranges[0]: must be an IP address and a length within it (got 10.0.0.0/33)',
    ],
    [
      'a virtual host that is found in no way of ours',
      {
        filter_chains: [
          { filters: [tcp('a')], metadata: { filter_metadata: { 'weft.dev': { virtualHost: 'name' } } } },
        ],
      },
      'filter_chains[0].metadata.filter_metadata[weft.dev].virtualHost: must be destination (got name)',
    ],
    [
      'a name with an asterisk inside',
      { filter_chains: [{ filters: [tcp('a')], filter_chain_match: { server_names: ['a.*.com'] } }] },
      'server_names[0]: must be a name, or *. and a name (got a.*.com)',
    ],
    [
      'a cluster that is not there, in a further chain',
      {
        filter_chains: [{ filters: [tcp('a')] }],
        default_filter_chain: {
          filters: [{ ...tcp('b'), typed_config: { ...tcp('b').typed_config, cluster: 'gone' } }],
        },
      },
      'default_filter_chain.filters[0].typed_config.cluster: must name a cluster of static_resources (got gone)',
    ],
  ];
  for (const [name, listener, expected] of cases) {
    test(name, () => {
      const { faults } = parse(listener);
      expect(faults.join('\n')).toContain(expected);
    });
  }
});

describe('where a listener filter is left out', () => {
  const left = (filter_disabled: object) => ({
    filter_chains: [{ filters: [tcp('one')] }],
    listener_filters: [{ ...filter('proxy_protocol', 'ProxyProtocol'), filter_disabled }],
  });
  const range = { destination_port_range: { start: 1, end: 2 } };
  const cases: readonly (readonly [name: string, predicate: object, fault: string])[] = [
    [
      'no rule',
      {},
      'filter_disabled: must have one of or_match, and_match, not_match, any_match, destination_port_range',
    ],
    [
      'two rules at once',
      { any_match: true, ...range },
      'only one of any_match, destination_port_range may be set',
    ],
    ['any that is none', { any_match: false }, 'filter_disabled.any_match: is supported as true only'],
    [
      'a set of one',
      { or_match: { rules: [range] } },
      'filter_disabled.or_match.rules: must be at least two',
    ],
    [
      'an empty range',
      { not_match: { destination_port_range: { start: 2, end: 2 } } },
      'filter_disabled.not_match.destination_port_range: must have a start below its end',
    ],
  ];
  for (const [name, predicate, fault] of cases)
    test(name, () => expect(parse(left(predicate)).faults.join('\n')).toContain(fault));

  test('of two of a kind, where both are', () => {
    const listener_filters = [range, { any_match: true }].map((filter_disabled) => ({
      ...filter('proxy_protocol', 'ProxyProtocol'),
      filter_disabled,
    }));
    const { listener } = parse({ filter_chains: [{ filters: [tcp('one')] }], listener_filters });
    expect(listener?.config.entry?.skipped?.proxyProtocol).toEqual({
      kind: 'and',
      rules: [{ kind: 'range', start: 1, end: 2 }, { kind: 'any' }],
    });
  });
});

test('suffixes of addresses are refused, as by Envoy', () => {
  const filter_chain_match = { address_suffix: '1', suffix_len: 3 };
  expect(parse({ filter_chains: [{ filters: [tcp('one')], filter_chain_match }] }).faults).toEqual([
    expect.stringContaining('address_suffix: is not supported by Weft: Envoy refuses it too'),
    expect.stringContaining('suffix_len: is not supported by Weft: Envoy refuses it too'),
  ]);
});
