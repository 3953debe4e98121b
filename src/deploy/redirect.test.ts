import { describe, expect, test } from 'bun:test';
import {
  encodeIptables,
  encodeNft,
  parseCapturedPorts,
  parseGateways,
  parseInterfaces,
  parseRanges,
  type RedirectOptions,
} from './redirect.ts';

const options: RedirectOptions = {
  outboundPorts: [80, 8080],
  inboundPorts: 'all',
  skipPorts: [5432],
  skipSources: ['10.0.0.1', 'fd00::1', 'fd00:1::/32'],
  skipDestinations: ['10.1.0.0/16', 'fd00:2::/32'],
  skipInterfaces: ['net1'],
};
const iptables = (family: 4 | 6, changes: Partial<RedirectOptions> = {}) =>
  encodeIptables({ ...options, ...changes }, family).map(({ args }) => args.slice(2).join(' '));

describe('both tools say the same', () => {
  test('what is captured goes to the proxy', () => {
    const script = encodeNft(options);
    expect(script).toContain('meta l4proto tcp redirect to :15006');
    expect(script).toContain('tcp dport { 80, 8080 } redirect to :15001');
    expect(iptables(4)).toContain('-A WEFT_IN -p tcp -j REDIRECT --to-ports 15006');
    expect(iptables(4)).toContain('-A WEFT_OUT -p tcp --dport 8080 -j REDIRECT --to-ports 15001');
  });

  test('what a pod only passes on is left alone, before anything is led in', () => {
    const script = encodeNft(options);
    const [left, led] = ['fib daddr type != local return', 'redirect to :15006'].map((rule) =>
      script.indexOf(rule),
    );
    expect(left! > 0 && left! < led!).toBe(true);
    for (const family of [4, 6] as const) {
      const lines = iptables(family).filter((line) => line.startsWith('-A WEFT_IN'));
      expect(lines[0]).toBe('-A WEFT_IN -m addrtype ! --dst-type LOCAL -j RETURN');
    }
  });

  test('nothing captured: no redirection but that of the mark, by which they are seen', () => {
    const none = { outboundPorts: [], inboundPorts: [] };
    const leading = (lines: readonly string[]) => lines.filter((line) => /redirect/i.test(line));
    expect(leading(encodeNft({ ...options, ...none }).split('\n'))).toEqual([
      '    ip daddr 127.15.0.1 tcp dport 15001 redirect to :15001',
    ]);
    expect(leading(iptables(4, none))).toEqual([
      '-A WEFT_OUT -p tcp -d 127.15.0.1 --dport 15001 -j REDIRECT --to-ports 15001',
    ]);
    expect(leading(iptables(6, none))).toEqual([]);
  });

  test('the proxy’s own calls, loopback, its own ports and what is skipped come before', () => {
    const script = encodeNft(options);
    for (const rule of [
      'meta skuid 1337 return',
      'meta skgid 1337 return',
      'oifname "lo" return',
      'ip saddr 10.0.0.1 return',
      'ip6 saddr fd00::1 return',
      'ip6 saddr fd00:1::/32 return',
      'ip daddr 10.1.0.0/16 return',
      'ip6 daddr fd00:2::/32 return',
      'iifname "net1" return',
      'oifname "net1" return',
    ])
      expect(script.indexOf(rule)).toBeGreaterThan(0);
    expect(script.indexOf('skuid')).toBeLessThan(script.lastIndexOf('redirect to :15001'));
    expect(script).toContain('5432, 15000, 15001, 15006, 15021, 15090 } return');
    const lines = iptables(4);
    const last = lines.indexOf('-A WEFT_OUT -p tcp --dport 80 -j REDIRECT --to-ports 15001');
    for (const rule of [
      '-A WEFT_OUT -m owner --uid-owner 1337 -j RETURN',
      '-A WEFT_OUT -m owner --gid-owner 1337 -j RETURN',
      '-A WEFT_OUT -p tcp --dport 5432 -j RETURN',
      '-A WEFT_OUT -d 10.1.0.0/16 -j RETURN',
      '-A WEFT_OUT -o net1 -j RETURN',
      '-A WEFT_IN -i net1 -j RETURN',
    ])
      expect(lines.indexOf(rule) >= 0 && lines.indexOf(rule) < last).toBe(true);
  });

  test('each family has its own addresses', () => {
    expect(iptables(4).filter((line) => line.includes(' -s '))).toEqual(['-A WEFT_IN -s 10.0.0.1 -j RETURN']);
    expect(iptables(6).filter((line) => line.includes(' -s '))).toEqual([
      '-A WEFT_IN -s fd00::1 -j RETURN',
      '-A WEFT_IN -s fd00:1::/32 -j RETURN',
    ]);
    expect(iptables(6)).toContain('-A WEFT_OUT -d fd00:2::/32 -j RETURN');
  });
});

test('gateways are read as the kernel writes them', () => {
  const route = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t0107E70A\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'eth0\t0007E70A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
  ].join('\n');
  const zeros = '0'.repeat(32);
  const route6 = [
    `${zeros} 00 ${zeros} 00 fd000231000700000000000000000001 00000400 00000001 00000000 00000003 eth0`,
    `fe800000000000000000000000000000 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001 eth0`,
    `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200 lo`,
  ].join('\n');
  expect(parseGateways(route, route6)).toEqual(['10.231.7.1', 'fd00:0231:0007:0000:0000:0000:0000:0001']);
  expect(parseGateways('', '')).toEqual([]);
});

test.each([
  ['all', 'all'],
  ['none', []],
  ['', []],
  ['80, 8080', [80, 8080]],
  ['0', null],
  ['65536', null],
  ['http', null],
  ['80,', null],
] as const)('ports %p', (text, ports) => {
  expect(parseCapturedPorts(text)).toEqual(ports as ReturnType<typeof parseCapturedPorts>);
});

test.each([
  ['10.0.0.0/8, fd00::1', ['10.0.0.0/8', 'fd00::1']],
  ['', []],
  ['10.0.0.0/33', null],
  ['fd00::/129', null],
  ['10.0.0.1 -j ACCEPT', null],
  ['10.0.0.1,', null],
  ['example.com', null],
] as const)('ranges %p', (text, ranges) => {
  expect(parseRanges(text)).toEqual(ranges as ReturnType<typeof parseRanges>);
});

test.each([
  ['net1, eth0.5', ['net1', 'eth0.5']],
  ['', []],
  ['a-name-of-16-byte', null],
  ['net1" accept', null],
  ['-x', null],
] as const)('interfaces %p', (text, names) => {
  expect(parseInterfaces(text)).toEqual(names as ReturnType<typeof parseInterfaces>);
});
