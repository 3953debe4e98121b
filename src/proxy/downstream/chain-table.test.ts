import { describe, expect, test } from 'bun:test';
import { createIpRange } from '../../base/index.ts';
import type { ChainMatch, EntryConfig } from '../config/types.ts';
import { type ConnectionFacts, findChain } from './chain-table.ts';

const any: ChainMatch = {
  destinationPort: null,
  destinationPrefixes: [],
  serverNames: [],
  transport: '',
  protocols: [],
  directPrefixes: [],
  sourceType: 'any',
  sourcePrefixes: [],
  sourcePorts: [],
};

const usual: ConnectionFacts = {
  source: { kind: 'ip', host: '10.1.2.3', port: 4000 },
  direct: { kind: 'ip', host: '10.7.0.1', port: 4000 },
  destination: { kind: 'ip', host: '192.168.7.9', port: 443 },
  serverName: 'www.example.com',
  transport: 'tls',
  protocols: ['h2', 'http/1.1'],
  tlvs: [],
  fingerprints: null,
  metadata: null,
};

function range(text: string) {
  const [address = '', bits = ''] = text.split('/');
  const prefix = createIpRange(address, Number(bits));
  if (prefix === null) throw new Error(`no prefix: ${text}`);
  return prefix;
}

function find(
  chains: Readonly<Record<string, Partial<ChainMatch>>>,
  facts: Partial<ConnectionFacts> = {},
  otherwise: string | null = null,
): string | null {
  const entry: EntryConfig = {
    skipped: null,
    proxyProtocol: 'no',
    proxyVersions: [1, 2],
    proxyTlvs: [],
    proxyRules: [],
    originalDestination: false,
    handsOver: false,
    inspectTls: true,
    fingerprints: null,
    inspectHttp: false,
    timeoutMs: 0,
    continueOnTimeout: false,
    chains: Object.entries(chains).map(([listener, match]) => ({ listener, match: { ...any, ...match } })),
    otherwise,
  };
  return findChain(entry, { ...usual, ...facts });
}

describe('the more specific chain wins', () => {
  const cases: readonly (readonly [string, Readonly<Record<string, Partial<ChainMatch>>>])[] = [
    ['a port over none', { no: {}, yes: { destinationPort: 443 } }],
    [
      'a longer destination range',
      {
        no: { destinationPrefixes: [range('192.168.0.0/16')] },
        yes: { destinationPrefixes: [range('192.168.7.0/24')] },
      },
    ],
    ['a destination range over none', { no: {}, yes: { destinationPrefixes: [range('0.0.0.0/0')] } }],
    [
      'an exact name over a wildcard',
      { no: { serverNames: ['*.example.com'] }, yes: { serverNames: ['www.example.com'] } },
    ],
    ['a longer wildcard', { no: { serverNames: ['*.com'] }, yes: { serverNames: ['*.example.com'] } }],
    ['TLS over any transport', { no: {}, yes: { transport: 'tls' } }],
    ['a protocol of ALPN', { no: {}, yes: { protocols: ['h2'] } }],
    [
      'a longer source range',
      { no: { sourcePrefixes: [range('10.0.0.0/8')] }, yes: { sourcePrefixes: [range('10.1.0.0/16')] } },
    ],
    [
      'a longer range of who connects',
      { no: { directPrefixes: [range('10.0.0.0/8')] }, yes: { directPrefixes: [range('10.7.0.0/16')] } },
    ],
    [
      'who connects over who is named',
      { no: { sourcePrefixes: [range('10.1.2.3/32')] }, yes: { directPrefixes: [range('10.0.0.0/8')] } },
    ],
    ['a source port', { no: {}, yes: { sourcePorts: [1, 4000] } }],
    ['from elsewhere', { no: { sourceType: 'local' }, yes: { sourceType: 'external' } }],
    [
      'one that does not say over one that does not fit',
      { no: { serverNames: ['other.example.com'] }, yes: {} },
    ],
  ];
  for (const [name, chains] of cases) {
    test(name, () => {
      expect(find(chains)).toBe('yes');
      expect(find(Object.fromEntries(Object.entries(chains).reverse()))).toBe('yes');
    });
  }
});

describe('Envoy’s order of criteria', () => {
  test('a better fit at an earlier criterion wins over any at a later one', () => {
    expect(find({ port: { destinationPort: 443 }, name: { serverNames: ['www.example.com'] } })).toBe('port');
  });

  test('there is no way back: who won with a name must fit the rest too', () => {
    const chains = { name: { serverNames: ['www.example.com'], sourcePorts: [1] }, any: {} };
    expect(find(chains)).toBeNull();
    expect(find(chains, {}, 'default')).toBe('default');
  });

  test('a client without SNI fits no chain that names one', () => {
    expect(find({ name: { serverNames: ['*.example.com'] } }, { serverName: null })).toBeNull();
    expect(find({ name: { serverNames: ['*.example.com'] } }, { serverName: 'example.com' })).toBeNull();
  });

  test('loopback and the own address are local', () => {
    const chains = { local: { sourceType: 'local' as const }, external: { sourceType: 'external' as const } };
    expect(find(chains)).toBe('external');
    expect(find(chains, { source: { kind: 'ip', host: '127.0.0.1', port: 1 } })).toBe('local');
    // As Envoy: of loopback's addresses the first alone.
    expect(find(chains, { source: { kind: 'ip', host: '127.0.0.5', port: 1 } })).toBe('external');
    expect(find(chains, { source: { kind: 'ip', host: '192.168.7.9', port: 1 } })).toBe('local');
  });

  test('IPv6 ranges hold IPv6 alone', () => {
    const chains = { six: { sourcePrefixes: [range('2001:db8::/33')] } };
    expect(find(chains, { source: { kind: 'ip', host: '2001:db8:7fff::1', port: 1 } })).toBe('six');
    expect(find(chains, { source: { kind: 'ip', host: '2001:db8:8000::1', port: 1 } })).toBeNull();
    expect(find(chains)).toBeNull();
  });
});
